"""One visitor in a browser: first view, another unit, from the click on "Train live" to the last chart.

`python -m benchmarks.browser` starts the app with two workers and a headless Chromium that draws in software, and opens
the activations page (`--page loss_landscape`: that one, without another unit). It measures the seconds until all
charts on screen are drawn, on a server that has just started and on a warm one; until the last chart has changed after
another unit was asked for; and from "Train live" until both results and the last update are on screen, in turn with
the bare loop that trains both arms one after the other. Before it trains, it zooms into the accuracy chart; it counts
chart elements that were taken off the page meanwhile. Times are the browser's own; all processes share the cores.
"""

import os
import subprocess
import sys

from playwright.sync_api import Page, sync_playwright

from benchmarks.tables import Table, Values, command_line
from scripts import chromium, running_app

TIMEOUT = 120_000  # milliseconds
QUIET = 700  # milliseconds without a change after which a page counts as drawn
GOALS = {
    "first view, warm server, s": "<= 2",
    "another unit, s": "<= 0.3",
    "click to finished, over the bare loop": "<= 1.7",
    "zooms lost": "0",
    "chart elements removed": "0",
}
DRAWN = """() => {
    const charts = [...document.querySelectorAll(".bnviz-board figure.bnviz-chart")]
        .filter((chart) => chart.getBoundingClientRect().top < innerHeight && chart.getBoundingClientRect().height > 0);
    const drawn = (chart) => chart.querySelector(".main-svg");
    return charts.length > 0 && charts.every(drawn) && performance.now() / 1000;
}"""
ANOTHER_UNIT = f"""() => new Promise((resolve, reject) => {{
    const input = [...document.querySelectorAll("[data-testid=stNumberInput]")]
        .find((element) => element.innerText.trim().startsWith("Unit (of"));
    const began = performance.now();
    let last = began;
    const observer = new MutationObserver((changes) => {{
        const elements = changes.map(({{ target }}) => target.nodeType === 1 ? target : target.parentElement);
        if (elements.some((element) => element?.closest?.(".bnviz-board"))) last = performance.now();
    }});
    observer.observe(document.body, {{ childList: true, subtree: true, attributes: true, characterData: true }});
    const look = () => {{
        const now = performance.now();
        if (now - began > {TIMEOUT}) reject(new Error("no chart has changed"));
        else if (last > began && now - last > {QUIET}) {{ observer.disconnect(); resolve((last - began) / 1000); }}
        else setTimeout(look, 50);
    }};
    input.querySelector("[data-testid=stNumberInputStepUp]").click();
    look();
}})"""
COUNT_REMOVED = """() => {
    const charts = ".bnviz-board, .bnviz-chart, .js-plotly-plot, .main-svg";
    window.removedCharts = 0;
    new MutationObserver((changes) => {
        for (const node of changes.flatMap((change) => [...change.removedNodes])) {
            if (node.matches?.(charts) || node.querySelector?.(charts)) window.removedCharts += 1;
        }
    }).observe(document.body, { childList: true, subtree: true });
}"""
TRAIN = f"""() => new Promise((resolve, reject) => {{
    const plot = document.querySelector("[data-chart=accuracy] .js-plotly-plot");
    const last = () => Math.min(...plot.data.map(({{ x }}) => x[x.length - 1]));
    const status = () => document.querySelector("[class*='-status']").innerText;
    const end = last(), began = performance.now();
    let first = null, busy = false;
    const look = () => {{
        const now = performance.now() - began;
        if (first === null && last() < end) first = now;
        busy ||= status().includes("Stop");
        const finished = status().includes("Train live") && /test accuracy after/.test(status());
        if (busy && finished && last() === end) resolve([(first ?? now) / 1000, now / 1000]);
        else if (now > {TIMEOUT}) reject(new Error(status()));
        else setTimeout(look, 20);
    }};
    [...document.querySelectorAll("button")].find((button) => button.innerText.includes("Train live")).click();
    look();
}})"""
ZOOMED = "() => JSON.stringify(document.querySelector('[data-chart=accuracy] .js-plotly-plot').layout.xaxis.range)"


def main() -> None:
    """Measure and print."""
    parser = command_line(__doc__)
    parser.add_argument("--page", choices=("activations", "loss_landscape"), default="activations")
    options = parser.parse_args()
    print(table(options.pairs, options.page).markdown())


def table(pairs: int, page_name: str) -> Table:
    """One row for each figure."""
    with running_app() as app, sync_playwright() as playwright:
        page = chromium(playwright).new_context(viewport={"width": 1440, "height": 900}).new_page()
        url = f"{app.url}/{page_name}"
        cold = _first_view(page, url)
        page.wait_for_timeout(2000)
        warm = tuple(_first_view(page, url) for _ in range(pairs))
        rows = {"first view, server just started, s": (cold,), "first view, warm server, s": warm}
        if page_name == "activations":
            page.wait_for_selector("[data-testid=stNumberInputStepUp]", timeout=TIMEOUT)
            page.wait_for_timeout(2000)
            units = [page.evaluate(ANOTHER_UNIT) for _ in range(1 + pairs)]  # the first loads what is loaded late
            rows["another unit, s"] = tuple(units[1:])
        rows |= _trainings(page, page_name, pairs)
    goals = {(name, "measured"): goal for name, goal in GOALS.items() if page_name == "activations" and name in rows}
    about = (
        f"The page {page_name} as it opens, two arms, {os.cpu_count()} cores. Medians and quartiles of {pairs} rounds."
    )
    figures = {name: (values,) for name, values in rows.items()}
    return Table("browser", "One visitor", about, "", ("measured",), figures, goals)


def _first_view(page: Page, url: str) -> float:
    """Seconds from asking for a page until all its charts on screen are drawn."""
    page.goto(url, wait_until="commit")
    seconds: float = page.wait_for_function(DRAWN, timeout=TIMEOUT).json_value()
    return seconds


def _trainings(page: Page, page_name: str, pairs: int) -> dict[str, Values]:
    page.evaluate(TRAIN)  # the workers are warm after this one
    unzoomed = page.evaluate(ZOOMED)
    _zoom(page)
    zoomed = page.evaluate(ZOOMED)
    if zoomed == unzoomed:
        raise RuntimeError("the accuracy chart could not be zoomed")
    page.evaluate(COUNT_REMOVED)
    rounds, zooms_lost = [], 0
    for _ in range(pairs):
        rounds.append((_bare_seconds(page_name), *page.evaluate(TRAIN)))
        zooms_lost += page.evaluate(ZOOMED) != zoomed
    return {
        "click to first live frame, s": tuple(first for _, first, _ in rounds),
        "click to finished, s": tuple(end for _, _, end in rounds),
        "bare loop, both arms, s": tuple(bare for bare, _, _ in rounds),
        "click to finished, over the bare loop": tuple(end / bare for bare, _, end in rounds),
        "zooms lost": (float(zooms_lost),),
        "chart elements removed": (float(page.evaluate("() => window.removedCharts")),),
    }


def _zoom(page: Page) -> None:
    """Drag a box over the middle of the accuracy chart."""
    area = page.locator("[data-chart=accuracy] .nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)


def _bare_seconds(page_name: str) -> float:
    command = [sys.executable, "-m", "benchmarks.bare", page_name]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
