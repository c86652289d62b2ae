"""Memory of the app and its workers, in MB of 10^6 bytes, and its growth over 1000 runs. Linux only.

`python -m benchmarks.memory` starts the app with two workers and visits it over the websocket. Memory that belongs to
no file is given by role; pages that processes share are divided between them, so the rows add up. Program files can be
dropped and read again by a system that is short of memory. The second table trains each network in a process that has
loaded what a worker loads. The third has visitors come, train two short runs, look at two units and leave, until so
many runs (`--runs 1000`) have been trained after the first 300; `--runs 0` leaves it out.
"""

import asyncio
import importlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

from benchmarks import cases
from benchmarks.classroom import PAGE, shows_results, visit
from benchmarks.processes import FILES, family, file_memory, own_memory, processor_seconds
from benchmarks.tables import Table, Values, command_line
from bnviz.core.config import RunConfig
from scripts import RunningApp, running_app
from scripts.session import Session

WORKERS = 2
FIRST_SEED = 7  # no run that ships with the app, so that it is trained
PAIRS_OF_RUNS = 3
SAMPLE_SECONDS = 0.2
REST_SECONDS, MOST_REST_SECONDS = 3.0, 120.0
IDLE_SHARE = 0.15  # of a core, for all processes together
LOADED = ("distributed", "bnviz.training", "bnviz.datasets.digits")  # by a worker before its first run
VISITORS, STARTING_RUNS, GROWTH_GOAL = 6, 300, "<= 50"
APP = (
    f"MB that belong to no file, with {WORKERS} workers; pages that several processes share are divided between them. "
    f"Idle: the first page is on screen; peak and after: of {PAIRS_OF_RUNS} pairs of runs; later: after {{pairs}} more."
)
WORKER = (
    "Resident MB of a process that has loaded what a worker has: before its first run, and its peak during a default "
    "run with batch norm. What workers have in common is counted in full here, and once in the table above."
)
GROWTH = (
    f"MB that belong to no file, after {STARTING_RUNS} short runs of visitors who come and go, {VISITORS} at a time, "
    "and after {runs} more."
)
Memory = dict[str, float]


def main() -> None:
    """Measure and print."""
    parser = command_line(__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="over which growth is measured (%(default)s)")
    options = parser.parse_args()
    if sys.platform != "linux":
        parser.error("shares of memory are read from /proc, which only Linux has")
    for table in tables(options.pairs):
        print(table.markdown(), flush=True)
    if options.runs:
        print(growth_table(options.runs).markdown())


def tables(pairs: int) -> list[Table]:
    """The app's processes, with so many pairs of runs before the last figure, and a worker by network."""
    return [_app_table(pairs), _worker_table()]


def growth_table(runs: int) -> Table:
    """One row for each role."""
    with _app() as app:
        seeds = count(FIRST_SEED)
        asyncio.run(_come_and_go(app.url, seeds, STARTING_RUNS))
        before = _at_rest(app.pid)
        asyncio.run(_come_and_go(app.url, seeds, runs))
        after = _at_rest(app.pid)
    rows = {role: _single(before[role], after[role], after[role] - before[role]) for role in before if role != FILES}
    columns = (f"after {STARTING_RUNS} runs", f"after {runs} more", "growth")
    goals = {(role, "growth"): GROWTH_GOAL for role in rows}
    return Table("memory", f"Growth over {runs} runs", GROWTH.format(runs=runs), "MB", columns, rows, goals, digits=0)


def _app_table(pairs: int) -> Table:
    with _app() as app:
        found = {"started": _at_rest(app.pid, workers=0)}
        asyncio.run(visit(app.url))
        found["idle"] = _at_rest(app.pid)
        found["peak"] = asyncio.run(_peak(app, range(FIRST_SEED, FIRST_SEED + PAIRS_OF_RUNS)))
        found["after"] = _at_rest(app.pid)
        asyncio.run(_visit_all(app.url, range(FIRST_SEED + PAIRS_OF_RUNS, FIRST_SEED + PAIRS_OF_RUNS + pairs)))
        found["later"] = _at_rest(app.pid)
    for memory in found.values():
        memory["sum"] = sum(size for role, size in memory.items() if role != FILES)
    rows = {role: _single(*(memory.get(role, 0.0) for memory in found.values())) for role in found["later"]}
    about = APP.format(pairs=pairs)
    return Table("memory", f"The app's memory, {WORKERS} workers", about, "MB", tuple(found), rows, digits=0)


def _worker_table() -> Table:
    chosen, left_out = cases.available()
    rows: dict[str, tuple[Values, ...]] = {}
    for case in chosen:
        config = case.config.model_copy(update={"norm": "batch", "device": "cpu"})
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
            rows[case.name] = _single(*fresh.submit(_memory_of_run, config).result())
    about = f"{WORKER} {left_out}".strip()
    return Table("memory", "A worker's memory, by network", about, "MB", ("before", "peak"), rows, digits=0)


@contextmanager
def _app() -> Iterator[RunningApp]:
    with (
        tempfile.TemporaryDirectory() as store,
        patch.dict(os.environ, BNVIZ_STORE=store, BNVIZ_SCHEDULER=""),
        running_app(WORKERS) as app,
    ):
        yield app


async def _visit_all(url: str, seeds: range) -> None:
    for seed in seeds:
        await visit(url, f"seed={seed}")


async def _peak(app: RunningApp, seeds: range) -> Memory:
    """The largest memory while these seeds are trained, without program files."""
    visits = asyncio.create_task(_visit_all(app.url, seeds))
    largest: Memory = {}
    while not visits.done():
        largest = max(largest, own_memory(app.pid), key=lambda found: sum(found.values()))
        await asyncio.sleep(SAMPLE_SECONDS)
    await visits
    return largest | {FILES: file_memory(app.pid)}


async def _come_and_go(url: str, seeds: Iterator[int], runs: int) -> None:
    """Visitors, several at a time, until so many runs are trained, two by each."""
    left = iter(range(runs // 2))

    async def visitor() -> None:
        for _ in left:
            session = Session(url)
            await session.open(PAGE, f"seed={next(seeds)}&steps=100")
            await session.until(partial(shows_results, session))
            for unit in (1, 2):
                await session.until(partial(session.has, "number_input", "Unit (of"))
                await session.enter("Unit (of", unit, partial(session.link_has, f"unit={unit}"))
            await session.close()

    await asyncio.gather(*(visitor() for _ in range(VISITORS)))


def _at_rest(app: int, workers: int = WORKERS) -> Memory:
    """The memory once all workers are there and no process of the app's is busy.

    Raises:
        RuntimeError: it takes too long.
    """
    end = time.monotonic() + MOST_REST_SECONDS
    before = 0.0
    while time.monotonic() < end:
        ready = sum(role == "worker" for _, role in family(app)) == workers
        used = processor_seconds(app)
        if ready and used - before < IDLE_SHARE * REST_SECONDS:
            return own_memory(app) | {FILES: file_memory(app)}
        before = used
        time.sleep(REST_SECONDS)
    raise RuntimeError(f"the app and {workers} workers have not come to rest after {MOST_REST_SECONDS:.0f} s")


def _memory_of_run(config: RunConfig) -> tuple[float, float]:
    """Before and peak; in a process of its own."""
    for module in LOADED:
        importlib.import_module(module)
    before = _resident("VmRSS")
    import torch

    from bnviz.core.record import Record
    from bnviz.training import train

    torch.set_num_threads(1)
    Record.from_frames(config, train(config)).to_bytes()
    return before, _resident("VmHWM")


def _resident(field: str) -> float:
    """MB: `VmRSS` now, `VmHWM` at most until now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = (int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
    return kilobytes * 1024 / 1e6


def _single(*values: float) -> tuple[Values, ...]:
    return tuple((value,) for value in values)


if __name__ == "__main__":
    main()
