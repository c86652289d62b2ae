"""Every state is a link: the address follows the controls, and the controls follow the address."""

import pytest
from playwright.sync_api import Page, expect

from scripts import RunningApp, running_app
from tests.browser.screen import BUSY_MACHINE, expect_done, learning_rate, numbers, open_board, status


def test_a_control_trains_again_and_its_link_gives_the_same_in_another_tab(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/activations?steps=100")
    before = numbers(page)
    raise_learning_rate(page)
    expect_done(page)
    here = numbers(page)
    assert here["rate"] == "0.2"
    assert here["accuracy"] != before["accuracy"]
    there = page.context.new_page()
    open_board(there, page.url)
    assert numbers(there) == here


def test_back_returns_to_the_setting_before(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/activations?steps=100")
    raise_learning_rate(page)
    expect_done(page)
    page.go_back()
    expect(learning_rate(page)).to_have_attribute("aria-valuetext", "0.1", timeout=10_000)
    expect_done(page)
    page.go_forward()
    expect(learning_rate(page)).to_have_attribute("aria-valuetext", "0.2", timeout=10_000)


@pytest.mark.parametrize("workers", [1])
def test_a_deep_link_may_be_the_first_request_of_a_servers_life(page: Page, workers: int) -> None:
    with running_app(workers) as fresh:
        page.goto(f"{fresh.url}/activations?unit=5")
        sidebar = page.get_by_test_id("stSidebarNav")
        expect(sidebar.get_by_text("What the papers measured")).to_be_visible(timeout=BUSY_MACHINE)
        expect(sidebar.get_by_role("link", name="Activation distributions")).to_be_visible()
        expect(page.get_by_label("Unit (of 100)")).to_have_value("5", timeout=BUSY_MACHINE)
        expect(status(page)).to_be_visible()
        page.goto("about:blank")  # before its server goes


def raise_learning_rate(page: Page) -> None:
    """One rung up, by keyboard; returns when the address says so."""
    learning_rate(page).focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**lr=0.2**", timeout=BUSY_MACHINE)
