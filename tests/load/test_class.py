"""A few sessions at once on real app processes: counts and errors, never times. `python -m benchmarks.classroom`
brings thirty."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from distributed import Client, SchedulerPlugin

from benchmarks.classroom import PAGE, Apps, apps, configs, lost_runs, shows_results, train_all_different
from scripts.session import Session, SessionError

pytestmark = pytest.mark.slow

SESSIONS = 4
WORKERS = 2
SHORT = "steps=60&widths=20,20"


class StartedRuns(SchedulerPlugin):
    """Counts, in the scheduler, the runs that went to a worker."""

    name = "started-runs"

    def __init__(self) -> None:
        self.count = 0

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        self.count += str(key).startswith("bnviz-") and finish == "processing"


def started_runs(dask_scheduler: Any) -> int:
    return dask_scheduler.plugins[StartedRuns.name].count


def run(work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """In a thread of its own: the browser tests of the same process leave an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work(*arguments))).result()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def started() -> Iterator[Apps]:
    with ThreadPoolExecutor(1) as thread:
        context = apps(2, WORKERS)
        yield thread.submit(context.__enter__).result()
        thread.submit(context.__exit__, None, None, None).result()


async def visit(urls: Sequence[str], query: str) -> list[str]:
    """Open the same link at all these servers at once, wait for the results, leave; the errors seen."""
    sessions = [Session(url) for url in urls]
    await asyncio.gather(*(session.open(PAGE, query) for session in sessions))
    await asyncio.gather(*(session.until(partial(shows_results, session)) for session in sessions))
    await asyncio.gather(*(session.close() for session in sessions))
    return [error for session in sessions for error in session.errors]


def test_same_runs_are_trained_once_for_all_apps(started: Apps) -> None:
    with Client(started.scheduler, set_as_default=False) as client:
        client.register_plugin(StartedRuns())
        assert run(visit, [app.url for app in started.running] * SESSIONS, f"{SHORT}&seed=1") == []
        assert client.run_on_scheduler(started_runs) == len(configs(1))


def test_different_runs_all_arrive_while_controls_answer(started: Apps) -> None:
    seeds = range(10, 10 + SESSIONS)
    seen = run(train_all_different, started, seeds)
    assert seen.errors == Counter()
    assert lost_runs(started, seeds, seen) == 0
    assert len(seen.results) == SESSIONS


async def come_and_go(url: str, chance: random.Random) -> list[str]:
    """Train, stop, look at a unit or another page, and leave, again and again."""
    errors: list[str] = []
    for visit_number in range(4):
        session = Session(url)
        await session.open(chance.choice((PAGE, PAGE, "theory")), f"steps=100&seed={chance.randrange(20)}")
        for _ in range(3):
            await asyncio.sleep(chance.uniform(0.1, 1.0))
            button = next((name for name in ("Stop", "Train live") if session.has("button", name)), None)
            if session.has("number_input", "Unit (of") and chance.random() < 0.6:
                await session.enter("Unit (of", 1 + visit_number, lambda: True)
            elif button is not None:
                await session.press(button)
        await session.close()
        errors += session.errors
    return errors


def test_sessions_that_come_and_go_leave_no_error(started: Apps) -> None:
    async def visitors() -> list[list[str]]:
        url = started.running[0].url
        return await asyncio.gather(*(come_and_go(url, random.Random(seat)) for seat in range(SESSIONS)))

    assert run(visitors) == [[]] * SESSIONS


def test_session_reports_errors_and_missing_controls(started: Apps) -> None:
    async def ask_for_too_much() -> list[str]:
        session = Session(started.running[0].url)
        await session.open(PAGE, "steps=20000&batch=1024&widths=1024,1024,1024")
        with pytest.raises(SessionError, match="no button"):
            await session.press("nothing")
        with pytest.raises(SessionError, match="within 0 s"):
            await session.until(lambda: False, 0.1)
        await session.close()
        return list(session.errors)

    (error,) = run(ask_for_too_much)
    assert "Choose fewer updates" in error
