"""A page that draws so slowly that its runs end meanwhile comes to rest all the same; real server, real session."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts import running_app
from scripts.session import Session

SCRIPT = Path(__file__).with_name("slow_picture_app.py")


async def come_to_rest(url: str) -> list[str]:
    """Open the page, which trains, and press "Train live" twice more; its texts each time in the end."""
    session = Session(url)
    texts = []
    await session.open("")
    for _ in range(3):
        await session.until(lambda: session.has("button", "Train live"))
        texts += session.texts()
        await session.press("Train live")
    await session.close()
    return texts


def test_what_ends_while_it_is_drawn_is_drawn_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_SCHEDULER", "")
    with running_app(workers=1, script=SCRIPT) as app, ThreadPoolExecutor(1) as thread:
        said = thread.submit(asyncio.run, come_to_rest(app.url)).result(timeout=120)
    assert len(said) == 3
    assert all(text.startswith("**standard** ") and text.endswith("after 300 updates") for text in said)
