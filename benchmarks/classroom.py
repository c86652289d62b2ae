"""Thirty sessions on one or several app processes: seconds of a click, errors and lost runs.

`python -m benchmarks.classroom --sessions 30 --processes 3` starts a scheduler with two workers and, connected to it
and to one store, so many app processes; sessions (over the websocket, without a browser) are shared out between them.
First every session looks at the page's own runs and changes the unit, while nothing trains. Then, in each round, all
enter a seed of their own at the same moment, which the page trains, and change the unit every few seconds until both
results are there. The same runs are then trained by the same number of workers without an app. A run is lost if
its session never shows its result or the store does not have it. All processes share the machine's cores.
"""

import asyncio
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from distributed import Client

from benchmarks.tables import Table, command_line
from bnviz.core import presets
from bnviz.core.config import RunConfig
from bnviz.jobs.local_cluster import start_embedded
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Service
from scripts import RunningApp, running_app
from scripts.session import Session, SessionError

PAGE = "activations"
DEFAULTS = presets.DEFAULTS[PAGE]
DONE = re.compile(r"test accuracy after \d+ updates")
FIRST_SEED = 1000
EVERY = 5.0  # seconds between two changes of the unit
IDLE_CHANGES = 3
LONGEST_SECONDS = 300.0
WORKERS_SECONDS = 60.0
WORKERS = 2
GOALS = {1: 3.0, 3: 0.5}
"""Seconds of a click, 95 % quantile, by number of app processes."""
LOG_CHARACTERS = 4000
UNITS = 16  # below 17, the default, which the address leaves out
ANY_CLICK = "any click while all train"


class Apps(NamedTuple):
    """App processes, the address of their scheduler, and the folder of their results."""

    running: list[RunningApp]
    scheduler: str
    store: str


@dataclass
class Seen:
    """What a class saw: seconds of each change of the unit, of each answer to a new seed, from there to both results,
    and of the whole; errors with how often they came; seeds whose results never came."""

    clicks: list[float] = field(default_factory=list)
    seeds: list[float] = field(default_factory=list)
    results: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    unfinished: set[int] = field(default_factory=set)
    took: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = command_line(__doc__)
    parser.set_defaults(pairs=1)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--processes", type=int, default=1, help="of the app (%(default)s)")
    options = parser.parse_args()
    print(table(options.pairs, options.sessions, options.processes).markdown())


def table(pairs: int, sessions: int, processes: int) -> Table:
    """One row for each kind of wait, over so many rounds; its text has the errors and the lost runs."""
    rounds = [[FIRST_SEED * (1 + number) + seat for seat in range(sessions)] for number in range(pairs)]
    with apps(processes, WORKERS) as started:
        idle = asyncio.run(look_around(started, sessions))
        seen = [asyncio.run(train_all_different(started, seeds)) for seeds in rounds]
        lost = sum(lost_runs(started, seeds, one) for seeds, one in zip(rounds, seen, strict=True))
    runs = [[config for seed in seeds for config in configs(seed)] for seeds in rounds]
    shares = [seconds_without_app(several, WORKERS) / one.took for several, one in zip(runs, seen, strict=True)]
    units = [seconds for one in seen for seconds in one.clicks]
    new_seeds = [seconds for one in seen for seconds in one.seeds]
    rows = {
        f"another unit, nothing trains ({len(idle.clicks)} clicks)": idle.clicks,
        f"another unit, all train ({len(units)} clicks)": units,
        f"another seed, all at once ({len(new_seeds)} clicks)": new_seeds,
        ANY_CLICK: units + new_seeds,
        "from the new seed to both results": [seconds for one in seen for seconds in one.results],
    }
    errors = sum((one.errors for one in seen), idle.errors)
    about = (
        f"{sessions} sessions on {processes} app processes with {WORKERS} workers, {pairs} rounds, all runs different. "
        f"Errors: {errors.total()}{''.join(f'; {count} x {error}' for error, count in errors.most_common(5))}. "
        f"Lost runs: {lost} of {2 * sessions * pairs}. "
        f"Updates per second over those without an app: {', '.join(f'{share:.2f}' for share in shares)} (goal >= 0.9)."
    )
    goals = {(ANY_CLICK, "95 %"): f"<= {GOALS[processes]}"} if processes in GOALS else {}
    figures = {name: _quantiles(values) for name, values in rows.items()}
    return Table("classroom", "A class", about, "seconds", ("median", "95 %"), figures, goals)


def configs(seed: int) -> list[RunConfig]:
    """Both arms of the page with this seed."""
    return [DEFAULTS.model_copy(update={"seed": seed, **arm}) for arm in presets.PAIR.values()]


@contextmanager
def apps(processes: int, workers: int) -> Iterator[Apps]:
    """So many app processes with a scheduler, its workers and an empty store, each warm; errors of their logs are
    printed at the end."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bnviz-classroom-"))
        stack.enter_context(patch.dict(os.environ, BNVIZ_WORKERS=str(workers), BNVIZ_STORE=folder))
        address = stack.enter_context(_cluster(workers))
        stack.enter_context(patch.dict(os.environ, BNVIZ_SCHEDULER=address))
        running = [stack.enter_context(running_app(workers)) for _ in range(processes)]
        for place, app in enumerate(running):  # afterwards everything is imported
            asyncio.run(visit(app.url, f"steps=20&seed={place}"))
        yield Apps(running, address, folder)
        for app in running:
            log = app.log.read_text(errors="replace")
            if "Traceback" in log:
                print(log[log.index("Traceback") :][:LOG_CHARACTERS])


async def look_around(started: Apps, sessions: int) -> Seen:
    """Nothing trains; every session changes the unit a few times."""
    opened = await _open(started, sessions)
    over = asyncio.Event()
    starts = [EVERY * seat / sessions for seat in range(sessions)]
    several = await asyncio.gather(
        *(_change_units(session, start, over, IDLE_CHANGES) for session, start in zip(opened, starts, strict=True))
    )
    return await _close(Seen(clicks=[seconds for clicks in several for seconds in clicks]), opened)


async def train_all_different(started: Apps, seeds: Sequence[int]) -> Seen:
    """Every session enters a seed of its own at the same moment, and changes the unit until it has both results."""
    opened = await _open(started, len(seeds))
    seen, began = Seen(), time.perf_counter()
    starts = [EVERY * (1 + seat) / len(opened) for seat in range(len(opened))]
    await asyncio.gather(
        *(_train(session, start, seed, seen) for session, start, seed in zip(opened, starts, seeds, strict=True))
    )
    seen.took = time.perf_counter() - began
    return await _close(seen, opened)


def lost_runs(started: Apps, seeds: Sequence[int], seen: Seen) -> int:
    """Runs whose session never showed them, or that the store does not have."""
    store = ResultStore(started.store)
    return sum(seed in seen.unfinished or store.get(config) is None for seed in seeds for config in configs(seed))


def shows_results(session: Session) -> bool:
    """Whether nothing trains and the status line has a result for each arm."""
    return session.has("button", "Train live") and any(DONE.search(text) for text in session.texts())


async def visit(url: str, query: str = "") -> None:
    """Open the page, wait for both results, and leave."""
    session = Session(url)
    await session.open(PAGE, query)
    await session.until(partial(shows_results, session))
    await session.close()


def seconds_without_app(runs: Sequence[RunConfig], workers: int) -> float:
    """Seconds that a warm cluster of so many workers takes for these runs, handed to it without an app."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(os.environ, BNVIZ_WORKERS=str(workers)),
        _cluster(workers) as address,
    ):
        service = Service(address, ResultStore(folder))
        try:
            _train_and_wait(service, [config.model_copy(update={"steps": 20}) for config in runs[: 2 * workers]])
            began = time.perf_counter()
            _train_and_wait(service, runs)
            return time.perf_counter() - began
        finally:
            service.close()


async def _train(session: Session, start: float, seed: int, seen: Seen) -> None:
    over, began = asyncio.Event(), time.perf_counter()
    looking = asyncio.create_task(_change_units(session, start, over))
    try:
        seen.seeds.append(await session.enter("Seed", seed, partial(session.link_has, f"seed={seed}")))
        await session.until(partial(shows_results, session), LONGEST_SECONDS)
        seen.results.append(time.perf_counter() - began)
        over.set()
        seen.clicks += await looking
    except SessionError as error:
        over.set()
        seen.errors[str(error)] += 1
        seen.unfinished.add(seed)


async def _change_units(session: Session, start: float, over: asyncio.Event, changes: int = 10**6) -> list[float]:
    """Change the unit after `start` seconds and then regularly, so many times or until it is over; seconds of each."""
    took: list[float] = []
    unit = 0
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), start)
    while not over.is_set() and len(took) < changes:
        unit = unit % UNITS + 1
        took.append(await session.enter("Unit (of", unit, partial(session.link_has, f"unit={unit}")))
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), max(EVERY - took[-1], 0.0))
    return took


async def _open(started: Apps, sessions: int) -> list[Session]:
    """So many sessions, shared out between the apps, opened one after the other, each with the page's own results."""
    opened = [Session(started.running[seat % len(started.running)].url) for seat in range(sessions)]
    for session in opened:
        await session.open(PAGE)
        await session.until(partial(shows_results, session))
    return opened


async def _close(seen: Seen, sessions: Sequence[Session]) -> Seen:
    for session in sessions:
        seen.errors.update(session.errors)
        await session.close()
    return seen


@contextmanager
def _cluster(workers: int) -> Iterator[str]:
    """A scheduler with so many workers, all there; its address."""
    cluster = start_embedded()
    try:
        with Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=WORKERS_SECONDS)
        yield cluster.address
    finally:
        cluster.close()


def _train_and_wait(service: Service, runs: Sequence[RunConfig]) -> None:
    jobs = [service.submit(config, f"seat {config.seed}") for config in runs]
    while any(job.live for job in jobs):
        time.sleep(0.05)


def _quantiles(values: Sequence[float]) -> tuple[tuple[float, ...], ...]:
    return tuple((float(np.percentile(values, share)),) if values else () for share in (50, 95))


if __name__ == "__main__":
    main()
