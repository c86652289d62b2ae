"""The pictures of the pages in docs/images/: `make screenshots`; of everything: `make screenshots ARGS="--all FOLDER"`.

The app runs in a real Chromium; each picture is taken once its charts are drawn. Colours are reduced to 256, so that a
picture stays below 300 kB.
"""

import argparse
import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from scripts import PROJECT_FOLDER, chromium, running_app

FOLDER = PROJECT_FOLDER / "docs" / "images"
MOST_BYTES = 300_000
DESKTOP: dict[str, object] = {"viewport": {"width": 1440, "height": 1320}}
PHONE: dict[str, object] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
TIMEOUT = 120_000  # milliseconds: the first run waits for its workers
NIGHT = {"color_scheme": "dark"}
SETTLED = 4000  # milliseconds, for charts that have just come into view
PAGES = ("", "activations", "noisy_bn", "covariate_shift", "loss_landscape", "theory", "runs")
HEIGHT = "() => document.querySelector('[data-testid=stMain]').scrollHeight"
DRAWN = """() => document.querySelector(".bnviz-board[data-ready=true]")
    && !document.querySelector("[data-stale=true]")
    && [...document.querySelectorAll(".bnviz-plot")].every((plot) =>
        plot.querySelector(".main-svg") || plot.getBoundingClientRect().top > innerHeight)"""


def main() -> None:
    """Take the documentation's pictures or, with --all FOLDER, every page in every layout and theme."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--all", metavar="FOLDER", type=Path, help="every page, whole, on a desk and a phone, by day and night"
    )
    every = parser.parse_args().all
    folder = every or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with running_app() as app, sync_playwright() as playwright:
        browser = chromium(playwright)
        if every:
            _take_all(browser, app.url, folder)
        else:
            _take_documented(browser, app.url, folder)
        browser.close()


def _take_documented(browser: Browser, url: str, folder: Path) -> None:
    save_screenshot(open_page(browser, url, DESKTOP), folder, "overview")
    for name in ("noisy_bn", "covariate_shift", "theory", "loss_landscape"):
        save_screenshot(open_page(browser, f"{url}/{name}", DESKTOP), folder, name)
    page = open_page(browser, f"{url}/activations", DESKTOP)
    save_screenshot(page, folder, "activations-light")
    page.goto(f"{url}/activations?steps=20000")  # trains as it opens, and long enough to be met while it does
    page.wait_for_function(
        f"() => {step_script()} > 2000 && document.querySelector('.bnviz-plot .main-svg')", timeout=TIMEOUT
    )
    page.wait_for_timeout(1000)
    save_screenshot(page, folder, "activations-live")
    page = open_page(browser, f"{url}/loss_landscape", {**DESKTOP, **NIGHT})
    page.locator("h2", has_text="The plane around").scroll_into_view_if_needed()
    page.wait_for_timeout(SETTLED)
    save_screenshot(page, folder, "plane-dark")
    page = open_page(browser, f"{url}/loss_landscape", PHONE)
    page.locator("[data-chart=accuracy]").scroll_into_view_if_needed()
    page.wait_for_timeout(SETTLED)
    save_screenshot(page, folder, "loss_landscape-phone")


def _take_all(browser: Browser, url: str, folder: Path) -> None:
    """Whole pages: the window is made as high as the page, so that every chart is drawn."""
    for name in PAGES:
        for place, options in (("desk", DESKTOP), ("phone", PHONE)):
            for time, look in (("day", {}), ("night", NIGHT)):
                page = open_page(browser, f"{url}/{name}", {**options, **look, "device_scale_factor": 1})
                width = page.viewport_size["width"] if page.viewport_size else 0
                page.set_viewport_size({"width": width, "height": page.evaluate(HEIGHT)})
                page.wait_for_timeout(SETTLED)
                page.screenshot(path=folder / f"{name or 'overview'}-{place}-{time}.png")
                page.context.close()


def open_page(browser: Browser, url: str, options: dict[str, object]) -> Page:
    """Open a page and wait until it has a finished run and drawn charts."""
    page = browser.new_context(**{"color_scheme": "light", **options}).new_page()  # type: ignore[arg-type]
    page.goto(url)
    if not page.url.endswith("/runs"):  # that page trains nothing and has no board
        page.get_by_role("button", name="Train live").wait_for(timeout=TIMEOUT)
        page.wait_for_function(DRAWN, timeout=TIMEOUT)
    page.get_by_role("heading", level=1).wait_for(timeout=TIMEOUT)
    page.evaluate("() => document.fonts.ready.then(() => true)")
    return page


def step_script() -> str:
    """Return JavaScript for the update at the board's cursor."""
    return "Number(document.querySelector('.bnviz-board')?.dataset.step ?? NaN)"


def save_screenshot(page: Page, folder: Path, name: str) -> None:
    """Write a screenshot as a small PNG."""
    taken = Image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    target = folder / f"{name}.png"
    taken.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
    size = target.stat().st_size
    print(f"{target}: {taken.width} x {taken.height}, {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        sys.exit(f"{target} is larger than {MOST_BYTES / 1000:.0f} kB")


if __name__ == "__main__":
    main()
