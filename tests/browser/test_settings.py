"""Settings in a real browser: what a change draws anew, and what is said of settings that cannot be used."""

from playwright.sync_api import Page, expect

from scripts import RunningApp
from tests.browser.screen import BUSY_MACHINE, expect_done, numbers, open_board, status

PAGE = "activations?steps=100"


def test_changed_setting_draws_anew_and_keeps_menu_open(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/{PAGE}")
    before = numbers(page)
    page.get_by_role("button", name="More", exact=True).click()
    seed = page.get_by_label("Seed", exact=True)
    seed.fill("7")
    seed.press("Enter")
    page.wait_for_url("**seed=7**", timeout=BUSY_MACHINE)
    expect_done(page)
    assert numbers(page)["accuracy"] != before["accuracy"]
    expect(seed).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_what_cannot_be_used_takes_the_results_away_until_it_is_put_right(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/{PAGE}")
    page.get_by_role("button", name="More", exact=True).click()
    widths = page.get_by_role("textbox", name="Units in each hidden layer")
    expect(widths).not_to_have_value("")  # on a busy machine the field is there before its text
    usual = widths.input_value()
    widths.fill("a hundred")
    widths.press("Enter")
    expect(page.get_by_text("must be whole numbers")).to_be_visible(timeout=BUSY_MACHINE)
    expect(page.locator(".bnviz-board")).to_have_count(0, timeout=BUSY_MACHINE)
    expect(status(page)).to_have_count(0)
    expect(page.get_by_role("heading", name="Try next")).to_be_visible()
    widths.fill(usual)
    widths.press("Enter")
    expect_done(page)
    expect(page.locator(".bnviz-board")).to_have_count(1, timeout=BUSY_MACHINE)
    expect(page.get_by_text("must be whole numbers")).to_have_count(0)


def test_what_the_link_got_wrong_is_said_until_something_is_changed(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/{PAGE}&lr=fast")
    told = page.get_by_text("lr must be", exact=False)
    expect(told).to_be_visible()
    page.get_by_role("button", name="More", exact=True).click()
    seed = page.get_by_label("Seed", exact=True)
    for number in ("8", "9"):
        seed.fill(number)
        seed.press("Enter")
        page.wait_for_url(f"**seed={number}**", timeout=BUSY_MACHINE)
        expect_done(page)
    expect(told).to_have_count(0)
