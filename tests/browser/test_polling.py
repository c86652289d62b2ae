"""Polling in a real browser: an answer that is lost is asked for again; nobody asks for a page that nobody sees."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from bnviz import ui
from scripts import RunningApp
from tests.browser.screen import BUSY_MACHINE, Wire, open_board, status

GOING = re.compile(r"update \d+ of")
SET_HIDDEN = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

OVERTAKEN = """async (script) => {
    const polling = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    const asked = [];
    for (const look of [1, 2, 3]) {
        const data = { seconds: 0.05, look };
        polling.default({ data, parentElement: document.body, setTriggerValue: (_, value) => asked.push(value) });
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    return asked;
}"""

WHILE_IT_IS_RUN = """async (script) => {
    const polling = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    document.body.innerHTML = '<div data-testid="stApp" data-test-script-state="running"></div>';
    const asked = [];
    const data = { seconds: 0.05, look: 1 };
    polling.default({ data, parentElement: document.body, setTriggerValue: (_, value) => asked.push(value) });
    await new Promise((resolve) => setTimeout(resolve, 400));
    const before = asked.length;
    document.querySelector("div").dataset.testScriptState = "notRunning";
    await new Promise((resolve) => setTimeout(resolve, 200));
    return [before, asked.length];
}"""


def test_a_page_whose_answer_was_lost_asks_again(page: Page, app: RunningApp) -> None:
    wire = Wire(page)
    open_board(page, f"{app.url}/activations?steps=6000&seed=77")
    status(page).get_by_role("button", name="Train live").click()
    expect(status(page)).to_contain_text(GOING, timeout=BUSY_MACHINE)
    with wire.losing_an_answer():
        pass  # the page asks by itself
    expect(status(page).get_by_role("button", name="Train live")).to_be_visible(timeout=BUSY_MACHINE)
    expect(page.locator(".bnviz-board")).to_have_attribute("data-step", "6000", timeout=BUSY_MACHINE)


def test_a_page_that_nobody_sees_does_not_ask(page: Page, app: RunningApp) -> None:
    sent: list[bool] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(True)))
    open_board(page, f"{app.url}/activations?steps=3000&seed=78")
    status(page).get_by_role("button", name="Train live").click()
    expect(status(page)).to_contain_text(GOING, timeout=BUSY_MACHINE)
    page.evaluate(SET_HIDDEN, True)
    page.wait_for_timeout(1000)  # what was asked before has been answered
    before = len(sent)
    page.wait_for_timeout(1500)
    assert len(sent) == before
    page.evaluate(SET_HIDDEN, False)
    expect(status(page).get_by_role("button", name="Train live")).to_be_visible(timeout=BUSY_MACHINE)
    expect(page.locator(".bnviz-board")).to_have_attribute("data-step", "3000", timeout=BUSY_MACHINE)


def test_of_answers_that_overtake_each_other_only_the_last_is_followed_by_a_question(page: Page) -> None:
    """Streamlit need not end what it began for an answer that was overtaken."""
    script = (Path(ui.__file__).parent / "polling.js").read_text(encoding="utf-8")
    asked = page.evaluate(OVERTAKEN, script)
    assert asked == [3]


def test_a_page_that_is_being_run_is_asked_for_when_that_has_ended(page: Page, app: RunningApp) -> None:
    """Else the run's last messages may be lost. It is Streamlit that says so, at a place that it may change one day."""
    page.goto(f"{app.url}/activations")
    expect(page.locator("[data-testid=stApp]")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=BUSY_MACHINE
    )
    script = (Path(ui.__file__).parent / "polling.js").read_text(encoding="utf-8")
    page.goto("about:blank")
    assert page.evaluate(WHILE_IT_IS_RUN, script) == [0, 1]
