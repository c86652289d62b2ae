"""For browser tests: the app as a real server, this machine's Chromium, and a console that must stay silent.

pytest-playwright brings `page` and the like; here is only which browser it starts and what is watched in every test.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from scripts import FLAGS, RunningApp, chromium_path, running_app

HERE = Path(__file__).parent
STREAMLITS_OWN = ("/_stcore/health", "/_stcore/host-config")
"""Under a deep link Streamlit first looks for its server below the page's path; the browser notes the two 404s."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and run them last: Playwright leaves an event loop running behind it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: HERE in item.path.parents)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium on the PATH (apt-get install chromium)")
    return {"executable_path": path, "args": list(FLAGS)}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, object]:
    return {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}


@pytest.fixture(scope="session")
def app(browser_type_launch_args: dict[str, object]) -> Iterator[RunningApp]:
    """One server for all tests; it asks for the browser first, so that nothing starts where there is none."""
    with running_app() as running:
        yield running


@pytest.fixture(autouse=True)
def silent(context: BrowserContext) -> Iterator[None]:
    """No error in the console, no uncaught one, and nothing asked of another host, in any test."""
    with silence(context):
        yield


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a phone: 390 x 844, touch, no mouse."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    with silence(context):
        yield context.new_page()
    context.close()


@contextmanager
def silence(context: BrowserContext) -> Iterator[None]:
    """As the fixture, for a further context that a test makes itself."""
    heard: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and not ("404" in message.text and where.endswith(STREAMLITS_OWN)):
            heard.append(f"{message.text} ({where})")

    context.on("console", listen)
    context.on("weberror", lambda error: heard.append(str(error.error)))
    hosts: set[str | None] = set()
    context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    yield
    assert not heard
    assert hosts <= {"localhost", None}, "only data: and blob: addresses have no host"
