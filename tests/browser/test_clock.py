"""The clock in a real browser: an answer that is lost is asked for again; nobody asks for a page that nobody sees."""

import re

from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from scripts import RunningApp
from tests.browser.screen import BUSY_MACHINE, open_board, status, step

GOING = re.compile(r"update \d+ of")
SET_HIDDEN = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_page_whose_answer_was_lost_asks_again(page: Page, app: RunningApp) -> None:
    losing: list[bool] = []
    lost: list[bool] = []

    def between(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        route.on_message(server.send)
        server.on_message(lambda message: lost.append(True) if losing else route.send(message))

    page.route_web_socket("**/_stcore/stream", between)
    open_board(page, f"{app.url}/activations?steps=2000&seed=77")
    status(page).get_by_role("button", name="Train live").click()
    expect(status(page)).to_contain_text(GOING, timeout=BUSY_MACHINE)
    losing.append(True)
    while not lost:
        page.wait_for_timeout(50)
    page.wait_for_timeout(1500)  # until every message of that answer has gone astray
    losing.clear()
    expect(status(page).get_by_role("button", name="Train live")).to_be_visible(timeout=BUSY_MACHINE)
    expect(page.locator(".bnviz-board")).to_have_attribute("data-step", "2000", timeout=BUSY_MACHINE)


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
    assert step(page) == 3000


def test_each_answer_is_followed_by_one_question(page: Page, app: RunningApp) -> None:
    """Also where drawing takes so long that answers overtake each other."""
    looks: list[str] = []

    def note(message: str | bytes) -> None:
        request = BackMsg.FromString(message if isinstance(message, bytes) else message.encode())
        looks.extend(
            one.json_trigger_value for one in request.rerun_script.widget_states.widgets if one.json_trigger_value
        )

    page.on("websocket", lambda socket: socket.on("framesent", note))
    open_board(page, f"{app.url}/loss_landscape")
    status(page).get_by_role("button", name="Train live").click()
    expect(status(page)).to_contain_text(GOING, timeout=BUSY_MACHINE)
    expect(status(page).get_by_role("button", name="Train live")).to_be_visible(timeout=BUSY_MACHINE)
    assert len(looks) > 3
    assert len(set(looks)) == len(looks)
