"""A page that draws so slowly that its runs end meanwhile comes to rest all the same; real server, real session."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks._load_tab import Tab
from scripts import running_app

SCRIPT = Path(__file__).with_name("slow_picture_app.py")


async def come_to_rest(url: str) -> list[str]:
    """Open the page, which trains, and press "Train live" once more; what it says each time in the end."""
    tab = Tab(url)
    said = []

    def rests() -> bool:
        action = tab.find("button", "page/action")
        return action is not None and action.label == "Train live"

    await tab.open("")
    for _ in range(3):
        await tab.until(rests)
        said += [text.body for text in tab.elements("markdown")]
        await tab.press("page/action")
    await tab.close()
    return said


def test_what_ends_while_it_is_drawn_is_drawn_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_SCHEDULER", "")
    with running_app(workers=1, script=SCRIPT) as app, ThreadPoolExecutor(1) as thread:
        said = thread.submit(asyncio.run, come_to_rest(app.url)).result(timeout=120)
    assert len(said) == 3
    assert all(text.startswith("**standard** ") and text.endswith("after 300 updates") for text in said)
