"""Phone and dark theme: what fits, what can be touched, what can be read."""

import pytest
from playwright.sync_api import Browser, Page, expect

from bnviz.core import registry
from scripts import PROJECT_FOLDER, RunningApp
from tests.browser.conftest import silence
from tests.browser.screen import chart, open_board, open_page

BOARD_PAGES = sorted(set(registry.read_folder(PROJECT_FOLDER / "pages")) - {"runs"})  # which has a table

TOO_WIDE = """() => [...document.querySelectorAll("html, body, [data-testid=stMain], .bnviz-board")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className || one.tagName)"""
SMALL = """() => [...document.querySelectorAll(".bnviz-player :is(button, select, input), .bnviz-save summary")]
    .map((one) => [one.ariaLabel ?? one.textContent, one.getBoundingClientRect()])
    .filter(([, box]) => box.height < 44 || box.width < 44).map(([name]) => name)"""
FIRST_CHART = """() => document.querySelector(".bnviz-chart").getBoundingClientRect().top
    + document.querySelector("[data-testid=stMain]").scrollTop"""
COLOURS = """() => {
    const style = getComputedStyle(document.querySelector(".bnviz-board"));
    const probe = document.createElement("i");
    probe.style.color = style.getPropertyValue("--st-background-color");
    document.body.append(probe);
    const text = document.querySelector("[data-chart=accuracy] .xtick text");
    return [getComputedStyle(text).fill, style.color, getComputedStyle(probe).color];
}"""


def test_on_a_phone_nothing_scrolls_sideways_and_fingers_find_the_player(phone: Page, app: RunningApp) -> None:
    open_board(phone, f"{app.url}/activations")
    assert phone.evaluate(TOO_WIDE) == []
    assert phone.evaluate(SMALL) == []


@pytest.mark.parametrize("name", BOARD_PAGES)
def test_first_chart_is_in_sight_on_a_small_laptop(browser: Browser, app: RunningApp, name: str) -> None:
    laptop = browser.new_context(viewport={"width": 1280, "height": 720})
    with silence(laptop):
        page = laptop.new_page()
        open_page(page, f"{app.url}/{name}")
        assert page.evaluate(FIRST_CHART) < 620
    laptop.close()


@pytest.mark.parametrize("name", BOARD_PAGES)
def test_first_chart_on_a_phone_is_one_swipe_away(phone: Page, app: RunningApp, name: str) -> None:
    open_page(phone, f"{app.url}/{name}")
    assert phone.evaluate(FIRST_CHART) < 1100


def test_in_the_dark_theme_charts_write_in_the_themes_text_colour(browser: Browser, app: RunningApp) -> None:
    dark = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    with silence(dark):
        page = dark.new_page()
        open_board(page, f"{app.url}/activations")
        expect(chart(page, "accuracy").locator(".xtick text").first).to_be_visible()
        text, theme, background = page.evaluate(COLOURS)
        assert text == theme == "rgb(230, 233, 236)"
        assert background == "rgb(16, 20, 24)"
    dark.close()
