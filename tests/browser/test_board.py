"""The board in a real browser: charts are drawn and described, a live run disturbs nothing, clicks and saves work."""

import codecs
import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from bnviz.core.presets import ACTIVATIONS
from scripts import RunningApp
from tests.browser.screen import BUSY_MACHINE, Wire, chart, drawn, open_board, saved, status, step

COUNT_LOSSES = """() => {
    const charts = ".bnviz-chart, .bnviz-plot, .main-svg";
    window.lost = 0;
    new MutationObserver((changes) => {
        for (const node of changes.flatMap((change) => [...change.removedNodes])) {
            if (node.matches?.(charts) || node.querySelector?.(charts)) window.lost += 1;
        }
    }).observe(document, { childList: true, subtree: true });
}"""
WATCH_DRAWING = """() => {
    window.redrawn = 0;
    window.faintest = 1;
    document.querySelector("[data-chart=accuracy] .bnviz-plot").on("plotly_afterplot", () => { window.redrawn += 1; });
    setInterval(() => {
        for (let one = document.querySelector(".bnviz-board"); one; one = one.parentElement) {
            window.faintest = Math.min(window.faintest, getComputedStyle(one).opacity);
        }
    }, 20);
}"""
SHOWN_RANGE = "(chart) => chart.querySelector('.bnviz-plot')._fullLayout.xaxis.range.map(Number)"
DATA = "(chart) => chart.querySelector('.bnviz-plot').data.map(({name, x, y}) => [name, [...x], [...y]])"


@pytest.mark.parametrize("path", ["", "activations"])
def test_a_page_opens_with_finished_charts_each_with_a_description(page: Page, app: RunningApp, path: str) -> None:
    open_board(page, f"{app.url}/{path}")
    assert step(page) == 600
    expect(page.locator(".bnviz-readout")).to_have_text("update 600 of 600")
    names = page.locator(".bnviz-chart").evaluate_all("(charts) => charts.map((one) => one.dataset.chart)")
    assert len(names) == (14 if path else 4)
    for name in names:
        plot = drawn(page, name).locator(".bnviz-plot[role=img]")
        assert len(plot.get_attribute("aria-label") or "") > 30, name
        assert plot.evaluate("(plot) => plot.data.length"), name


def test_a_live_run_keeps_the_charts_and_the_zoom_and_stop_keeps_what_was_measured(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/activations?steps=100000")  # long: it is stopped as soon as enough was seen
    stop = status(page).get_by_role("button", name="Stop")
    expect(chart(page, "accuracy").locator(".main-svg").first).to_be_visible(timeout=BUSY_MACHINE)
    page.wait_for_function("() => Number(document.querySelector('.bnviz-board').dataset.step) > 60")
    stop.click()
    train = status(page).get_by_role("button", name="Train live")
    expect(train).to_be_visible(timeout=BUSY_MACHINE)
    expect(status(page)).to_contain_text("stopped")

    page.evaluate(COUNT_LOSSES)
    page.evaluate(WATCH_DRAWING)
    zoom(page, chart(page, "accuracy"))
    zoomed = chart(page, "accuracy").evaluate(SHOWN_RANGE)
    before = page.evaluate("() => window.redrawn")
    train.click()
    page.wait_for_function("(before) => window.redrawn >= before + 10", arg=before, timeout=BUSY_MACHINE)
    assert chart(page, "accuracy").evaluate(SHOWN_RANGE) == pytest.approx(zoomed)
    assert page.evaluate("() => window.lost") == 0
    assert page.evaluate("() => window.faintest") == 1, "Streamlit fades what it is about to replace"
    stop.click()
    expect(train).to_be_visible(timeout=BUSY_MACHINE)
    assert step(page) > 0


def test_updates_that_overtake_each_other_leave_the_board_whole(page: Page, app: RunningApp) -> None:
    """While its script loads, the next update may come: Streamlit then ends what it began for the first."""
    page.add_init_script(f"({COUNT_LOSSES})()")
    for seed in range(1, 5):
        open_board(page, f"{app.url}/activations?steps=30&seed={seed}")
        expect(page.locator(".bnviz-chart")).to_have_count(14)
        assert page.evaluate("() => window.lost") == 0


def test_the_same_run_again_and_again_ends_well(page: Page, app: RunningApp) -> None:
    """A run that is repeated ends with the very message that was on screen before; the browser must still have it."""
    open_board(page, f"{app.url}/activations?steps=100")
    for _ in range(3):
        status(page).get_by_role("button", name="Train live").click()
        expect(status(page).get_by_role("button", name="Stop")).to_be_visible()
        expect(status(page)).to_contain_text("100 updates", timeout=BUSY_MACHINE)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_click_on_a_unit_selects_it(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/activations")
    plot = drawn(page, "medians-batch norm").locator(".bnviz-plot")
    place = plot.evaluate("""({_fullLayout: {xaxis, yaxis}}) => (
        { x: xaxis._offset + xaxis._length / 2, y: yaxis._offset + yaxis.d2p(42) })""")
    plot.click(position=place)
    expect(page.get_by_label("Unit (of 100)")).to_have_value("42", timeout=BUSY_MACHINE)
    expect(page.get_by_role("heading", name="One unit: 42 of layer 3")).to_be_visible()
    page.wait_for_url("**/activations?unit=42")
    for kind in ("medians", "widths"):
        for arm in ("standard", "batch norm"):
            marked = drawn(page, f"{kind}-{arm}").locator(".bnviz-plot")
            assert marked.evaluate("({layout}) => [layout.shapes[0].y0, layout.shapes[0].y1]") == [41.5, 42.5]
            assert marked.evaluate("({layout}) => [layout.shapes.length, layout.annotations[0].y]") == [1, 42]


def test_saves_are_files_with_what_the_chart_shows(page: Page, app: RunningApp, tmp_path: Path) -> None:
    open_board(page, f"{app.url}/activations")
    accuracy = chart(page, "accuracy")
    assert saved(page, accuracy, "PNG", tmp_path).startswith(b"\x89PNG")
    assert b"<svg" in saved(page, accuracy, "SVG", tmp_path)[:200]
    content = saved(page, accuracy, "CSV", tmp_path)
    assert content.startswith(codecs.BOM_UTF8), "Excel needs it"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[0] == ["series", "run key", "updates", "test accuracy"]
    keys = {arm: config.key for arm, config in ACTIVATIONS.configs().items()}
    assert {(name, key) for name, key, *_ in rows[1:]} == {*keys.items()}
    shown = [(name, x, y) for name, xs, ys in accuracy.evaluate(DATA) for x, y in zip(xs, ys, strict=True)]
    assert [(name, float(x)) for name, _, x, _ in rows[1:]] == [(name, x) for name, x, _ in shown]
    assert [float(row[3]) for row in rows[1:]] == pytest.approx([y for *_, y in shown], rel=1e-5)

    loss = list(csv.reader(io.StringIO(saved(page, chart(page, "loss"), "CSV", tmp_path).decode("utf-8-sig"))))
    assert loss[0][-1] == "cross-entropy (nat)"
    assert max(len(row[3].partition("e")[0].replace(".", "").strip("0")) for row in loss[1:]) == 6
    assert dict(row[:2] for row in loss[1:])["standard, mini-batch"] == keys["standard"]

    units = drawn(page, "medians-standard")
    rows = list(csv.reader(io.StringIO(saved(page, units, "CSV", tmp_path).decode("utf-8-sig"))))
    z = units.evaluate("(chart) => chart.querySelector('.bnviz-plot').data[0].z.map((row) => [...row])")
    assert rows[0] == ["series", "run key", "updates", "unit", "value"]
    assert {row[1] for row in rows[1:]} == {keys["standard"]}
    assert [float(row[4]) for row in rows[1:]] == pytest.approx([value for unit in z for value in unit], rel=1e-5)


def zoom(page: Page, within: Locator) -> None:
    """Drag over the middle of a chart's plot area, as a mouse does."""
    within.scroll_into_view_if_needed()
    box = within.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], y, steps=5)
    page.mouse.up()
    page.wait_for_function(
        "(chart) => !chart.querySelector('.bnviz-plot')._fullLayout.xaxis.autorange", arg=within.element_handle()
    )


def test_charts_that_went_astray_come_when_they_are_missed(page: Page, app: RunningApp) -> None:
    """The server leaves out what it has sent before; the browser says so if that has not arrived."""
    wire = Wire(page)
    open_board(page, f"{app.url}/activations")
    page.get_by_label("Unit (of 100)").fill("42")
    with wire.losing_an_answer():
        page.get_by_label("Unit (of 100)").press("Enter")
    page.get_by_test_id("stCheckbox").get_by_text(
        "Each arm its own axis"
    ).click()  # draws the bands anew, not the histogram at the cursor
    for name in ("bands-standard", "at-cursor"):
        expect(chart(page, name).locator(".bnviz-plot")).to_have_attribute(
            "aria-label", re.compile(r"unit 42\b", re.IGNORECASE), timeout=BUSY_MACHINE
        )
