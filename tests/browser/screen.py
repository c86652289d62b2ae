"""What tests do and read on a page with a board; it waits for what is on screen, never for the script's state."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import Locator, Page, WebSocketRoute, expect

SCROLLED = "() => document.querySelector('[data-testid=stMain]').scrollTop"
"""Pixels by which the page is scrolled: it scrolls inside an element of Streamlit's."""
DONE = re.compile(r"test (accuracy|loss) after \d+ updates")
BUSY_MACHINE = 45_000  # milliseconds: two cores may be shared with others


class Wire:
    """Between a page that is yet to be opened and its server; answers can go astray."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._losing = False
        self._lost = 0
        page.route_web_socket("**/_stcore/stream", self._connect)

    @contextmanager
    def losing_an_answer(self) -> Iterator[None]:
        """To what is asked meanwhile, by the page or by whoever is in here."""
        before, self._losing = self._lost, True
        yield
        while self._lost == before:
            self._page.wait_for_timeout(50)
        self._page.wait_for_timeout(1500)  # until every message of that answer has gone astray
        self._losing = False

    def _connect(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        route.on_message(server.send)
        server.on_message(partial(self._pass_on, route))

    def _pass_on(self, route: WebSocketRoute, message: str | bytes) -> None:
        if self._losing:
            self._lost += 1
        else:
            route.send(message)


def open_page(page: Page, url: str) -> None:
    """Go there, and wait until all runs have ended and the board is there."""
    page.goto(url)
    expect_done(page)
    expect(page.locator(".bnviz-board[data-ready=true]")).to_be_visible(timeout=BUSY_MACHINE)


def open_board(page: Page, url: str) -> None:
    """The same, and wait for the first chart."""
    open_page(page, url)
    drawn(page, "accuracy")


def expect_done(page: Page) -> None:
    expect(status(page).get_by_role("button", name="Train live")).to_be_visible(timeout=BUSY_MACHINE)
    expect(status(page)).to_contain_text(DONE, timeout=BUSY_MACHINE)
    expect(page.locator("[data-stale=true]")).to_have_count(0, timeout=BUSY_MACHINE)


def status(page: Page) -> Locator:
    """The line that tells how each arm is doing."""
    return page.locator("[class*='-status']").filter(has=page.get_by_role("button", name=re.compile("Train|Stop")))


def chart(page: Page, name: str) -> Locator:
    return page.locator(f".bnviz-chart[data-chart='{name}']")


def drawn(page: Page, name: str) -> Locator:
    """Scroll to a chart, and wait until it is drawn."""
    found = chart(page, name)
    found.scroll_into_view_if_needed()
    expect(found.locator(".main-svg").first).to_be_visible(timeout=BUSY_MACHINE)
    return found


def step(page: Page) -> int:
    """The update that the cursor is at."""
    return int(page.locator(".bnviz-board").get_attribute("data-step") or -1)


def learning_rate(page: Page) -> Locator:
    return page.get_by_role("slider", name="Learning rate")


def numbers(page: Page) -> dict[str, object]:
    """What a reader would compare between two tabs: settings, the sentences, and every drawn chart's data."""
    return {
        "rate": learning_rate(page).get_attribute("aria-valuetext"),
        "unit": page.get_by_label(re.compile(r"^Unit \(of")).input_value(),
        "status": status(page).inner_text(),
        "sentences": page.locator(".bnviz-group > p").all_inner_texts(),
        "accuracy": page.evaluate(
            "() => document.querySelector('[data-chart=accuracy] .bnviz-plot').data.map(({x, y}) => [[...x], [...y]])"
        ),
    }


def saved(page: Page, within: Locator, kind: str, folder: Path) -> bytes:
    """The file that a chart's menu gives."""
    within.get_by_text("Save", exact=True).click()
    with page.expect_download() as download:
        within.get_by_role("button", name=kind).click()
    target = folder / download.value.suggested_filename
    assert target.suffix == f".{kind.lower()}"
    download.value.save_as(target)
    return target.read_bytes()


def swipe(page: Page, within: Locator, up: int = 0, across: int = 0) -> float:
    """Swipe with one finger from the middle of a chart's plot; the pixels by which the page scrolled."""
    plot = within.locator(".bnviz-plot, .js-plotly-plot").first
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(300)  # until it stands still
    box = plot.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.evaluate(SCROLLED)
    finger = page.context.new_cdp_session(page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for part in range(1, 11):
        point = {"x": x + across * part / 10, "y": y - up * part / 10}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        page.wait_for_timeout(16)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(500)  # the page goes on for a moment
    return float(page.evaluate(SCROLLED)) - float(before)


def table(page: Page) -> Locator:
    """The list on the page of runs, once it is drawn."""
    found = page.get_by_test_id("stDataFrame")
    expect(found.locator("canvas").first).to_be_visible(timeout=BUSY_MACHINE)
    expect(page.locator("[data-stale=true]")).to_have_count(0, timeout=BUSY_MACHINE)
    return found


def tick(page: Page, row: int) -> None:
    """Tick a row of that list, counted from 1; its cells are painted, so it goes by where they are."""
    box = table(page).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 18, box["y"] + 35 * row + 18)
