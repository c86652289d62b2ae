"""Runs, in a real browser: what finished on a page is listed after a reload, and a file comes in as it went out."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts import RunningApp
from tests.browser.conftest import silence
from tests.browser.screen import BUSY_MACHINE, open_board, table, tick

pytestmark = pytest.mark.slow
NO_STORAGE = """Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("The operation is insecure.", "SecurityError"); },
});"""


def test_a_finished_page_is_listed_after_a_reload_and_its_link_leads_back(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/activations?layer=2")
    page.goto(f"{app.url}/runs")
    table(page)
    page.reload()
    table(page)
    (entry,) = json.loads(page.evaluate("localStorage.getItem('bnviz.runs')"))
    assert (entry["page"], entry["query"]) == ("activations", "layer=2")
    tick(page, 1)
    tick(page, 2)
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(2, timeout=BUSY_MACHINE)
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")).to_have_text(
        f"{app.url}/runs", timeout=BUSY_MACHINE
    )


def test_the_list_is_forgotten_by_the_browser_and_begins_anew(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/activations?layer=2")
    page.goto(f"{app.url}/runs")
    table(page)
    page.get_by_role("button", name="Forget this list").click()
    page.get_by_role("button", name="Forget all").click()
    expect(page.get_by_text("No comparison has finished in this browser yet")).to_be_visible(timeout=BUSY_MACHINE)
    page.wait_for_function("localStorage.getItem('bnviz.runs') === '[]'", timeout=BUSY_MACHINE)
    page.reload()
    expect(page.get_by_text("No comparison has finished in this browser yet")).to_be_visible(timeout=BUSY_MACHINE)
    open_board(page, f"{app.url}/activations?layer=1")
    page.get_by_role("link", name="Runs").click()
    table(page)
    (entry,) = json.loads(page.evaluate("localStorage.getItem('bnviz.runs')"))
    assert entry["query"] == "layer=1"


def test_an_exported_file_is_imported_as_it_went_out(page: Page, app: RunningApp, tmp_path: Path) -> None:
    open_board(page, f"{app.url}/activations?layer=2")
    page.get_by_role("link", name="Runs").click()
    table(page)
    tick(page, 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    expect(page.get_by_role("button", name="Remove the imported runs")).to_be_visible(timeout=BUSY_MACHINE)
    tick(page, 1)
    expect(page.get_by_text("imported, no normalisation")).to_be_visible(timeout=BUSY_MACHINE)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "bad.nc", "mimeType": "application/x-netcdf", "buffer": b"CDF\x01<script>"}
    )
    expect(page.get_by_text("bad.nc:")).to_be_visible(timeout=BUSY_MACHINE)


def test_the_link_under_share_follows_what_is_changed_below_it(page: Page, app: RunningApp) -> None:
    open_board(page, f"{app.url}/activations")
    page.get_by_label("Unit (of 100)").fill("5")
    page.keyboard.press("Enter")
    page.wait_for_url("**unit=5**", timeout=BUSY_MACHINE)
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")).to_have_text(page.url, timeout=BUSY_MACHINE)


@pytest.mark.parametrize("private", [NO_STORAGE])
def test_without_storage_the_sessions_runs_are_listed_and_the_page_says_so(
    browser: Browser, app: RunningApp, private: str
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    with silence(context):
        page = context.new_page()
        page.add_init_script(private)
        open_board(page, f"{app.url}/activations?layer=2")
        page.get_by_role("link", name="Runs").click()
        expect(page.get_by_text("This browser keeps nothing for the app")).to_be_visible(timeout=BUSY_MACHINE)
        table(page)
    context.close()
