"""Finer points of boards, on a page of their own (board_app.py): what moves, reports, turns together and is saved."""

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from scripts import RunningApp, running_app
from tests.browser.screen import BUSY_MACHINE, chart, drawn, saved, step, swipe

POINTS = "(chart) => chart.querySelector('.bnviz-plot').data.map(({x, y}) => [[...x], [...y]])"
EYE = """(chart) => {
    const { x, y, z } = chart.querySelector('.bnviz-plot')._fullLayout.scene._scene.getCamera().eye;
    return [x, y, z].map((value) => value.toFixed(4)).join();
}"""
LATE_MILLISECONDS = 3000
LATE = f"""() => {{ // as on a busy machine: a chart that is told to turn does so a while later
    const {{ relayout }} = window.Plotly;
    const late = () => new Promise((done) => setTimeout(done, {LATE_MILLISECONDS}));
    window.Plotly.relayout = (...told) => late().then(() => relayout(...told));
}}"""
CONTEXTS = "() => document.querySelectorAll('.gl-container canvas').length"


@pytest.fixture(scope="module")
def boards(
    browser_type_launch_args: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApp]:
    script = tmp_path_factory.mktemp("boards") / "app.py"
    shutil.copy(Path(__file__).with_name("board_app.py"), script)
    (script.parent / "static").mkdir()
    with running_app(script=script) as running:
        yield running


@pytest.fixture
def parts(page: Page, boards: RunningApp) -> Page:
    page.goto(boards.url)
    expect(page.locator(".bnviz-board[data-ready=true]")).to_be_visible(timeout=BUSY_MACHINE)
    return page


def test_points_move_in_x_and_y_and_an_arm_not_measured_yet_has_none(parts: Page) -> None:
    moving = drawn(parts, "moving")
    scrubber = parts.get_by_role("slider", name="Step shown in all charts")
    still = [[0, 40], [0, 0]]
    seen = {}
    for place, at in enumerate([0, 10, 15, 20, 30]):  # the steps of both arms
        scrubber.fill(str(place))
        assert step(parts) == at
        seen[at] = moving.evaluate(POINTS)
        assert seen[at][2] == still
    assert scrubber.get_attribute("max") == "4"
    assert seen[0][:2] == [[[0], [0]], [[], []]]
    assert seen[10][:2] == [[[10, 11], [-10, -11]], [[], []]]
    assert seen[15][:2] == [[[10, 11], [-10, -11]], [[15, 16], [-15, -16]]]
    assert seen[20][:2] == [[[20, 21, 22], [-20, -21, -22]], [[15, 16], [-15, -16]]]
    assert seen[30][0] == seen[30][1] == [[30, 31, 32, 33], [-30, -31, -32, -33]]


def test_the_player_plays_arms_of_unequal_steps_to_the_end(parts: Page) -> None:
    parts.get_by_role("slider", name="Step shown in all charts").fill("0")
    parts.get_by_role("button", name="Play the recorded run").click()
    expect(parts.get_by_role("button", name="Pause")).to_be_visible()
    expect(parts.locator(".bnviz-readout")).to_have_text("update 30 of 30", timeout=BUSY_MACHINE)
    expect(parts.get_by_role("button", name="Play the recorded run")).to_be_visible()


def test_an_action_reports_the_update_at_the_cursor_and_says_at_once_that_it_was_heard(parts: Page) -> None:
    parts.get_by_role("slider", name="Step shown in all charts").fill("1")
    action = parts.locator("[class=bnviz-action]:visible")
    expect(action).to_have_text("Look around at update 10")
    told = action.evaluate("(button) => { button.click(); return [button.disabled, button.textContent]; }")
    assert told == [True, "Asked for …"]
    expect(parts.locator(".bnviz-group").nth(1)).to_contain_text("asked for 10", timeout=BUSY_MACHINE)
    titles = parts.locator(".bnviz-group h2").all_inner_texts()
    assert titles == ["Only words", "The answer", "What moves", "Solid", "Flat"], "in the order that Python gave"
    expect(action).to_have_text("Look around at update 10")
    expect(action).to_be_enabled()
    assert step(parts) == 10
    parts.get_by_role("slider", name="Step shown in all charts").fill("2")
    action.click()
    expect(parts.get_by_text("asked for 15")).to_be_visible(timeout=BUSY_MACHINE)


def test_a_group_of_words_has_lines_and_no_empty_space(parts: Page) -> None:
    words = parts.locator(".bnviz-group").first
    assert words.locator("p").first.inner_text() == "A first line.\nA second line."
    expect(words.locator(".bnviz-charts")).to_be_hidden()
    expect(words.locator(".bnviz-note")).to_be_hidden()
    expect(words.locator(".bnviz-action")).to_be_hidden()
    expect(parts.get_by_text("Small print.")).to_be_visible()


def test_a_logarithmic_axis_leaves_out_zeros_and_the_table_keeps_them(parts: Page, tmp_path: Path) -> None:
    zeros = drawn(parts, "zeros")
    assert zeros.evaluate(POINTS) == [[[0, 1, 2], [1, None, 10]]]
    content = saved(parts, zeros, "CSV", tmp_path).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content)))[1:]
    assert [float(row[-1]) for row in rows] == [1, 0, 10]


def drag(page: Page, surface: Locator, across: int) -> None:
    canvas = surface.locator(".gl-container canvas")
    canvas.hover()  # waits until it stands still
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + across, box["y"] + box["height"] / 2 + 20, steps=4)
    page.mouse.up()


def test_cameras_of_one_name_turn_together_and_stay_when_charts_leave_the_screen(parts: Page) -> None:
    first, second = (chart(parts, f"surface-{arm}") for arm in ("standard", "batch norm"))
    first.scroll_into_view_if_needed()
    for surface in (first, second):
        expect(surface.locator(".gl-container canvas")).to_be_visible(timeout=BUSY_MACHINE)
    before = [first.evaluate(EYE)]
    parts.evaluate(LATE)
    drag(parts, first, 80)
    before.append(first.evaluate(EYE))
    drag(parts, second, 50)  # before it has taken the turn of the first
    together = (
        f"([one, two, before]) => [one, two].map({EYE}).every((eye, _, [it]) => eye === it && !before.includes(eye))"
    )
    both = [first.element_handle(), second.element_handle(), before]
    parts.wait_for_function(together, arg=both, timeout=BUSY_MACHINE)
    parts.wait_for_timeout(2 * LATE_MILLISECONDS)
    assert parts.evaluate(together, both), "nothing pushes them back"
    eye = first.evaluate(EYE)

    parts.get_by_text("Something to scroll.").last.scroll_into_view_if_needed()
    parts.wait_for_function(f"() => ({CONTEXTS})() === 0", timeout=BUSY_MACHINE)
    first.scroll_into_view_if_needed()
    expect(first.locator(".gl-container canvas")).to_be_visible(timeout=BUSY_MACHINE)
    assert first.evaluate(EYE) == eye


def test_one_finger_scrolls_past_a_surface_and_rotates_it_on_request(phone: Page, boards: RunningApp) -> None:
    phone.goto(boards.url)
    both = [chart(phone, f"surface-{arm}") for arm in ("standard", "batch norm")]
    both[0].scroll_into_view_if_needed(timeout=BUSY_MACHINE)
    for surface in both:
        expect(surface.locator(".gl-container canvas")).to_be_visible(timeout=BUSY_MACHINE)
    before = both[0].evaluate(EYE)
    assert swipe(phone, both[0], up=150) > 100
    assert both[0].evaluate(EYE) == before

    both[0].scroll_into_view_if_needed()
    both[0].get_by_role("button", name="Rotate").tap()
    assert swipe(phone, both[0], across=40) == 0
    phone.wait_for_function(
        f"([one, two, before]) => [one, two].map({EYE}).every((eye, _, [it]) => eye === it && eye !== before)",
        arg=[*(surface.element_handle() for surface in both), before],
        timeout=BUSY_MACHINE,
    )


def test_the_rotate_button_is_for_fingers_only(parts: Page) -> None:
    drawn_surface = chart(parts, "surface-standard")
    drawn_surface.scroll_into_view_if_needed()
    expect(drawn_surface.locator(".gl-container canvas")).to_be_visible(timeout=BUSY_MACHINE)
    expect(drawn_surface.locator(".bnviz-rotate")).to_be_hidden()


def test_maps_and_surfaces_are_saved_in_long_format(parts: Page, tmp_path: Path) -> None:
    contour = list(csv.reader(io.StringIO(saved(parts, drawn(parts, "contour"), "CSV", tmp_path).decode("utf-8-sig"))))
    assert contour[0] == ["series", "run key", "across", "up", "loss (nat)"]
    assert [[float(part) for part in row[2:]] for row in contour[1:7]] == [
        [x, y, 10 ** (3 * y + x)] for y in (0, 1) for x in (0, 1, 2)
    ]
    assert contour[7:] == [["path", "", "0", "1", ""], ["path", "", "1", "1", ""]], "what is missing is blank"

    surface = chart(parts, "surface-standard")
    surface.scroll_into_view_if_needed()
    expect(surface.locator(".gl-container canvas")).to_be_visible(timeout=BUSY_MACHINE)
    rows = list(csv.reader(io.StringIO(saved(parts, surface, "CSV", tmp_path).decode("utf-8-sig"))))
    assert rows[0] == ["series", "run key", "across", "up", "loss"]
    assert len(rows) == 1 + 25 + 2
    for name, _, x, y, z in rows[1:26]:
        assert (name, float(z)) == ("loss", pytest.approx(float(x) ** 2 + 2 * float(y) ** 2))
    assert rows[-2:] == [["path", "", "0", "0", "1"], ["path", "", "1", "1", "1000"]], "not its height, a logarithm"
