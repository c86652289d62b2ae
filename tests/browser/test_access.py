"""What a page gives to those who do not see it: titles, an outline of headings, names of buttons, spoken status."""

from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from bnviz.core import registry
from scripts import PROJECT_FOLDER, RunningApp
from tests.browser.screen import BUSY_MACHINE, open_board, open_page, status

PAGES = registry.read_folder(PROJECT_FOLDER / "pages")
LEVELS = "(headings) => headings.map((one) => Number(one.tagName[1]))"


@pytest.mark.parametrize("name", PAGES)
def test_page_has_its_own_title_and_an_outline_without_gaps(page: Page, app: RunningApp, name: str) -> None:
    if name == "runs":
        page.goto(f"{app.url}/{name}")
        expect(page.get_by_role("heading", name="Files")).to_be_visible(timeout=BUSY_MACHINE)
    else:
        open_page(page, f"{app.url}/{name}")
    expect(page).to_have_title(f"{PAGES[name].label} · bnviz")
    levels = page.get_by_role("heading").evaluate_all(LEVELS)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in pairwise(levels)), levels


def test_overview_opens_by_its_name(page: Page, app: RunningApp) -> None:
    page.goto(f"{app.url}/overview")
    expect(page.get_by_role("heading", level=1, name="Why does batch norm work?")).to_be_visible(timeout=BUSY_MACHINE)
    page.wait_for_url(f"{app.url}/", timeout=BUSY_MACHINE)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    links = page.get_by_test_id("stSidebarNav").get_by_role("link", name="Overview")
    expect(links).to_have_count(1)


def test_each_chart_and_its_buttons_have_a_name_of_their_own(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/activations")
    names = page.locator(".bnviz-save summary").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    assert len(names) == 14
    assert len(set(names)) == 14
    assert all(name.startswith("Save ") for name in names)
    charts = page.get_by_role("figure").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    assert [f"Save {name}" for name in charts] == names


def test_status_is_spoken_when_runs_begin_and_when_they_end(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/activations?steps=3000&seed=91")
    region = page.locator(".bnviz-announcement[role=status]")
    expect(region).to_contain_text("test accuracy after 3000 updates")
    spoken = region.evaluate_handle("""(region) => {
        const spoken = [];
        new MutationObserver(() => spoken.push(region.textContent)).observe(region, { childList: true });
        return spoken;
    }""")
    status(page).get_by_role("button", name="Train live").click()
    expect(region).to_have_text("Training.", timeout=BUSY_MACHINE)
    expect(region).to_contain_text("test accuracy after 3000 updates", timeout=BUSY_MACHINE)
    assert len(spoken.json_value()) == 2
