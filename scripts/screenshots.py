"""The pictures of the pages in docs/images/: `make screenshots`.

Each is taken of the real app in a real Chromium, once its charts are drawn. Colours are reduced to 256, which these
pages do with, so that a picture stays below 300 kB. What a picture should look like is for a person to judge.
"""

import sys
from io import BytesIO

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
DRAWN = """() => document.querySelector(".bnviz-board[data-ready=true]")
    && !document.querySelector("[data-stale=true]")
    && [...document.querySelectorAll(".bnviz-plot")].every((plot) =>
        plot.querySelector(".main-svg") || plot.getBoundingClientRect().top > innerHeight)"""


def main() -> None:
    """Take all pictures anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running_app() as app, sync_playwright() as playwright:
        browser = chromium(playwright)
        page = opened(browser, app.url, DESKTOP)
        keep(page, "overview")
        page = opened(browser, f"{app.url}/activations", DESKTOP)
        keep(page, "activations-light")
        page.get_by_role("button", name="Train live").click()
        page.wait_for_function(f"() => {at_step()} > 80 && {at_step()} < 500", timeout=TIMEOUT)
        keep(page, "activations-live")
        page = opened(browser, f"{app.url}/activations", {**DESKTOP, "color_scheme": "dark"})
        keep(page, "activations-dark")
        page = opened(browser, f"{app.url}/activations", PHONE)
        page.locator("[data-chart=accuracy]").scroll_into_view_if_needed()
        page.wait_for_function("() => document.querySelector('[data-chart=accuracy] .main-svg')")
        keep(page, "activations-phone")
        browser.close()


def opened(browser: Browser, url: str, options: dict[str, object]) -> Page:
    """A page with a finished run, its charts on screen drawn."""
    page = browser.new_context(**{"color_scheme": "light", **options}).new_page()  # type: ignore[arg-type]
    page.goto(url)
    page.get_by_role("button", name="Train live").wait_for(timeout=TIMEOUT)
    page.wait_for_function(DRAWN, timeout=TIMEOUT)
    page.evaluate("() => document.fonts.ready.then(() => true)")
    return page


def at_step() -> str:
    """JavaScript: the update that the board's cursor is at."""
    return "Number(document.querySelector('.bnviz-board').dataset.step)"


def keep(page: Page, name: str) -> None:
    """Write what is on screen to docs/images/, small."""
    taken = Image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    target = FOLDER / f"{name}.png"
    taken.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
    size = target.stat().st_size
    print(f"{target.relative_to(PROJECT_FOLDER)}: {taken.width} x {taken.height}, {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        sys.exit(f"{target} is larger than {MOST_BYTES / 1000:.0f} kB")


if __name__ == "__main__":
    main()
