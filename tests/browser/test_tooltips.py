"""Tooltips never stand in the way of the controls that they lie over."""

from playwright.sync_api import Page, expect

from scripts import RunningApp
from tests.browser.screen import open_page, status

TAKES_CLICKS = """(tooltip) => {
    const { x, y, width, height } = tooltip.getBoundingClientRect();
    return tooltip.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""


def test_tooltip_lets_clicks_through_to_what_is_below(page: Page, app: RunningApp) -> None:
    open_page(page, f"{app.url}/theory")
    status(page).get_by_role("button", name="Train live").hover()
    tooltip = page.get_by_test_id("stTooltipContent")
    expect(tooltip).to_be_visible()
    assert not tooltip.evaluate(TAKES_CLICKS)
