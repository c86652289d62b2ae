"""A few sessions at once on the real app: counts and errors, never times. `python -m benchmarks.load` brings thirty."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from math import isclose

import pytest

from benchmarks import _load_class as classroom
from benchmarks._load_memory import Memory, processes, processor_seconds
from benchmarks._load_tab import Tab, TabError
from benchmarks._load_trainings import trainings
from scripts import running_app

pytestmark = pytest.mark.slow

SESSIONS = 4
WORKERS = 2
STEPS = 60
SHORT = f"steps={STEPS}&widths=20,20"


def run(coroutine):
    """In a thread of its own: the browser tests of the same process leave an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNVIZ_STORE", str(tmp_path_factory.mktemp("store")))
        patch.setenv("BNVIZ_SCHEDULER", "")
        with running_app(WORKERS) as running:
            run(classroom.warmed(running.url))
            with trainings(running.pid) as counted:
                yield running, counted


async def visited(url, links):
    """Tabs with these links, open at the same time, each with its results."""
    tabs = [Tab(url) for _ in links]
    await asyncio.gather(*(tab.open(classroom.PAGE, link) for tab, link in zip(tabs, links, strict=True)))
    await asyncio.gather(*(tab.until(lambda tab=tab: classroom.rests(tab, STEPS)) for tab in tabs))
    return tabs


async def closed(tabs):
    await asyncio.gather(*(tab.close() for tab in tabs))
    return [error for tab in tabs for error in tab.errors]


def test_what_all_ask_for_at_once_is_trained_once(app):
    running, counted = app

    async def all_the_same():
        return await closed(await visited(running.url, [f"{SHORT}&seed=1"] * SESSIONS))

    before = counted.so_far()
    assert run(all_the_same()) == []
    trained = counted.so_far().since(before)
    assert (trained.started, trained.done) == (classroom.ARMS, classroom.ARMS)


def test_what_each_asks_for_is_trained_for_each_and_controls_go_on_working(app):
    running, counted = app
    configs = [classroom.DEFAULTS.with_changes(seed=10 + seat) for seat in range(SESSIONS)]
    seen = run(classroom.different(running.url, running.pid, configs, 2.0, counted))
    assert seen.errors == []
    assert (seen.trained.started, seen.trained.done) == (SESSIONS * classroom.ARMS,) * 2
    assert len(seen.results) == SESSIONS
    assert len(seen.reactions) >= SESSIONS
    assert set(seen.settled) <= set(seen.reactions)
    assert len(seen.afterwards) == 2 * SESSIONS


def test_sessions_that_come_and_go_leave_nothing_broken(app):
    running, counted = app
    seen = run(classroom.mixed(running.url, running.pid, SESSIONS, 4, counted))
    assert seen.errors == []
    kinds = Counter(kind for _, kind in processes(running.pid))
    assert (kinds["app"], kinds["scheduler"], kinds["workers"]) == (1, 1, WORKERS)


def test_a_tab_tells_what_the_page_says_in_red_and_what_is_not_there(app):
    running, _ = app

    async def wrong():
        tab = Tab(running.url)
        await tab.open(classroom.PAGE, "steps=20000&batch=1024&widths=1024,1024,1024")
        with pytest.raises(TabError, match="no button"):
            await tab.press("nothing")
        with pytest.raises(TabError, match="within 0 s"):
            await tab.until(lambda: False, 0.1)
        return await closed([tab])

    (error,) = run(wrong())
    assert "Choose fewer updates" in error


def test_memory_grows_as_over_the_second_half(app):
    running, _ = app
    memory = Memory(running.pid)
    memory.sample()
    assert memory.resident["workers"][0] > memory.proportional["workers"][0] > 0, "workers share pages"
    assert processor_seconds(running.pid)["app"] > 0
    memory.seconds = [0.0, 30.0, 60.0, 90.0, 120.0]
    memory.resident["app"] = [0.0, 500.0, 501.0, 502.0, 503.0]
    assert isclose(memory.slope("app"), 2.0)
