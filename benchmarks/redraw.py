"""In a browser, with nothing training: from a control to the page redrawn, and how smoothly the scrubber moves.

`python -m benchmarks.redraw` opens the activation page, and a page of Streamlit alone with the same charts, drawn by
`st.plotly_chart` (benchmarks/_bare_page.py), each from its own server, in one headless Chromium. In turn, on each of
them, it asks for the next unit and measures until the last chart on the page has changed; on the activation page once
more for a unit that was drawn before. Then it moves the activation page's scrubber in every frame that the browser
offers, and counts them, beside a page on which nothing moves.

Times are the browser's own. Software drawing, the two servers and the browser share the machine's cores.
"""

import argparse
import os
import statistics
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.browser import TIMEOUT, opened
from benchmarks.tables import summary
from scripts import PROJECT_FOLDER, chromium, running_app

BARE_PAGE = Path(__file__).with_name("_bare_page.py")
CHARTS = ".js-plotly-plot, [data-testid=stPlotlyChart], .bnviz-board"
QUIET = 700  # milliseconds without a change, after which a page counts as drawn
FRAMES_SECONDS = 3.0
STEPPED = f"""(label) => new Promise((resolve) => {{
    const field = [...document.querySelectorAll("[data-testid=stNumberInput]")]
        .find((one) => one.innerText.includes("Unit"));
    const began = performance.now();
    let last = began;
    const watching = new MutationObserver((changes) => {{
        const seen = changes.map(({{ target }}) => target.nodeType === 1 ? target : target.parentElement);
        if (seen.some((one) => one?.closest?.("{CHARTS}"))) last = performance.now();
    }});
    watching.observe(document.body, {{ childList: true, subtree: true, attributes: true, characterData: true }});
    const look = () => {{
        const now = performance.now();
        if (last > began && now - last > {QUIET} || now - began > {TIMEOUT}) {{
            watching.disconnect();
            resolve((last - began) / 1000);
        }} else setTimeout(look, 50);
    }};
    field.querySelector(`[data-testid=stNumberInputStep${{label}}]`).click();
    look();
}})"""
FRAMES = """([seconds, moving]) => new Promise((resolve) => {
    const scrubber = document.querySelector(".bnviz-player input[type=range]");
    const began = performance.now(), times = [];
    const frame = () => {
        times.push(performance.now());
        if (moving) {
            scrubber.value = times.length % (Number(scrubber.max) + 1);
            scrubber.dispatchEvent(new Event("input"));
        }
        if (times[times.length - 1] - began < 1000 * seconds) requestAnimationFrame(frame);
        else resolve((times.length - 1) / ((times[times.length - 1] - times[0]) / 1000));
    };
    requestAnimationFrame(frame);
})"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="how often a unit is asked for, each way")
    rounds = parser.parse_args().rounds
    os.environ["PYTHONPATH"] = str(PROJECT_FOLDER)  # the page that is not in the project's folder imports from it
    with running_app() as app, running_app(script=BARE_PAGE) as bare_app, sync_playwright() as playwright:
        context = chromium(playwright).new_context(viewport={"width": 1440, "height": 900})
        ours, bare = context.new_page(), context.new_page()
        opened(ours, app.url + "/activations")
        bare.goto(bare_app.url)
        bare.wait_for_function("() => document.querySelectorAll('.js-plotly-plot .main-svg').length >= 14")
        for page in (ours, bare):
            page.wait_for_timeout(2000)
            _stepped(page)  # the first loads what is loaded late
        seconds: dict[str, list[float]] = {"new": [], "bare": [], "drawn before": []}
        for _ in range(rounds):
            seconds["new"].append(_stepped(ours))
            seconds["bare"].append(_stepped(bare))
            _stepped(ours, "Down")
            seconds["drawn before"].append(_stepped(ours))
        frames = [_frames(ours, moving) for moving in (False, True) * 4]
    ratios = [new / other for new, other in zip(seconds["new"], seconds["bare"], strict=True)]
    kept = [new / other for new, other in zip(seconds["drawn before"], seconds["bare"], strict=True)]
    print(f"activation page, nothing trains; {rounds} rounds on {psutil.cpu_count()} cores")
    print(f"another unit                  {summary(tuple(seconds['new']))} s")
    print(f"a unit that was drawn before  {summary(tuple(seconds['drawn before']))} s")
    print(f"the page of Streamlit alone   {summary(tuple(seconds['bare']))} s")
    print(f"the first over the last       {summary(tuple(ratios))}")
    print(f"the second over the last      {summary(tuple(kept))}")
    print(f"frames a second while scrubbing  {statistics.median(frames[1::2]):.0f}")
    print(f"frames a second at rest          {statistics.median(frames[0::2]):.0f}")


def _stepped(page: Page, way: str = "Up") -> float:
    page.bring_to_front()
    seconds: float = page.evaluate(STEPPED, way)
    return seconds


def _frames(page: Page, moving: bool) -> float:
    page.bring_to_front()
    rate: float = page.evaluate(FRAMES, [FRAMES_SECONDS, moving])
    return rate


if __name__ == "__main__":
    main()
