"""The player: one cursor through all charts, moved by play, buttons, scrubber and key."""

import pytest
from playwright.sync_api import Page, expect

from bnviz.core.measurement_schedule import spread_steps
from scripts import RunningApp
from tests.browser.screen import drawn, open_board, step

CURSORS = """() => [...document.querySelectorAll(".bnviz-chart")].flatMap((chart) => {
    const cursor = chart.querySelector(".bnviz-cursor"), plot = chart.querySelector(".bnviz-plot");
    if (cursor.hidden) return [];
    const { xaxis } = plot._fullLayout;
    return [xaxis.p2d(new DOMMatrix(getComputedStyle(cursor).transform).e - xaxis._offset)];
})"""


@pytest.fixture
def player(page: Page, app: RunningApp) -> Page:
    open_board(page, f"{app.url}/activations")
    for name in ("accuracy", "bands-standard", "history-batch norm", "at-cursor"):
        drawn(page, name)
    return page


def test_play_moves_one_cursor_through_all_charts_until_it_is_paused(player: Page) -> None:
    distribution = "() => [...document.querySelector('[data-chart=at-cursor] .bnviz-plot').data[1].y]"
    at_the_end = player.evaluate(distribution)
    seen = []
    player.get_by_role("button", name="Play the recorded run").click()
    for least in (1, 20, 60):
        player.wait_for_function("(least) => document.querySelector('.bnviz-board').dataset.step > least", arg=least)
        expect_one_cursor(player)
        seen.append(step(player))
    assert 0 < seen[0] < seen[1] < seen[2] < 600
    player.wait_for_function(f"(end) => ({distribution})().some((y, place) => y !== end[place])", arg=at_the_end)
    player.get_by_role("button", name="Pause").click()
    expect(player.get_by_role("button", name="Play the recorded run")).to_be_visible()
    stopped = step(player)
    player.wait_for_timeout(400)
    assert step(player) == stopped


def test_buttons_and_scrubber_move_the_cursor(player: Page) -> None:
    scrubber = player.get_by_role("slider", name="Step shown in all charts")
    scrubber.fill("0")
    assert step(player) == 0
    expect_one_cursor(player)
    player.get_by_role("button", name="One measured step on").click()
    assert step(player) == spread_steps(600, 60)[1]
    player.get_by_role("button", name="One measured step back").click()
    player.get_by_role("button", name="One measured step back").click()
    assert step(player) == 0
    expect(player.locator(".bnviz-readout")).to_have_text("update 0 of 600")
    scrubber.focus()
    player.keyboard.press("End")
    assert step(player) == 600
    expect_one_cursor(player)


def test_the_key_p_plays_and_pauses(player: Page) -> None:
    player.locator("h1").click()
    for name in ("Pause", "Play the recorded run"):
        player.keyboard.press("p")
        expect(player.get_by_role("button", name=name)).to_be_visible()


def test_key_p_plays_whichever_control_had_the_focus(player: Page) -> None:
    controls = [
        player.get_by_role("slider", name="Step shown in all charts"),
        player.get_by_role("combobox", name="Playback speed"),
        player.get_by_role("slider", name="Learning rate"),
        player.get_by_role("radio", name="1"),
        player.get_by_role("switch", name="Each arm its own axis"),
        player.get_by_label("Unit (of 100)"),
    ]
    for control in controls:
        control.focus()
        for name in ("Pause", "Play the recorded run"):
            player.keyboard.press("p")
            expect(player.get_by_role("button", name=name)).to_be_visible()


def test_key_p_types_a_letter_where_text_is_entered(player: Page) -> None:
    data = player.get_by_role("combobox", name="Data")
    data.focus()
    player.keyboard.press("p")
    expect(data).to_have_value("p")
    expect(player.locator(".bnviz-play")).to_have_text("▶")
    player.keyboard.press("Escape")
    player.get_by_role("button", name="More", exact=True).click()
    widths = player.get_by_role("textbox", name="Units in each hidden layer")
    widths.focus()
    player.keyboard.press("p")
    expect(widths).to_have_value("100, 100, 100p")
    expect(player.locator(".bnviz-play")).to_have_text("▶")


def test_the_player_stays_in_sight_while_charts_scroll(player: Page) -> None:
    drawn(player, "variance-drift")
    play = player.get_by_role("button", name="Play the recorded run")
    play.click(timeout=5_000)  # fails where something lies over it
    expect(player.get_by_role("button", name="Pause")).to_be_in_viewport(ratio=1)


def expect_one_cursor(page: Page) -> None:
    """All cursors stand at the board's step, seen at one instant."""
    at, cursors = page.evaluate(f"() => [Number(document.querySelector('.bnviz-board').dataset.step), ({CURSORS})()]")
    assert len(cursors) >= 4
    assert cursors == pytest.approx([at] * len(cursors), abs=0.5)
