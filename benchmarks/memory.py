"""Memory of the app and its workers, in MB of 10^6 bytes, and its growth over 1000 runs. Linux only.

`python -m benchmarks.memory` starts the app with two workers and visits it over the websocket. Memory that belongs to
no file is given by role; pages that processes share are divided between them, so the rows add up. Program files can be
dropped and read again by a system that is short of memory. The second table trains each network in a process that has
loaded what a worker loads. The third has visitors come, train two short runs, look at two units and leave, until so
many runs (`--runs 1000`) have been trained after the first hundred; `--runs 0` leaves it out.
"""

import asyncio
import importlib
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks import cases
from benchmarks.classroom import PAGE, shows_results
from benchmarks.processes import FILES, environment, family, file_memory, own_memory, processor_seconds
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
FIRST_RUNS, SHORT_STEPS = 3, 50
VISITORS, STARTING_RUNS, GROWTH_GOAL = 6, 100, "<= 50"
APP = (
    "MB that belong to no file, with {workers} workers; pages that several processes share are divided between them. "
    "Idle: the first page is on screen; peak and after: of {first} pairs of runs; later: after {more} pairs more. "
)
WORKER = (
    "Resident MB of a process that has loaded what a worker has: before its first run, its peak during a whole default "
    "run with batch norm, and its growth from the {first}rd short run after that to the {last}th. What workers have in "
    "common is counted in full here, and once in the table above."
)
GROWTH = (
    "MB that belong to no file, after {first} short runs of visitors who come and go, {visitors} at a time, and after "
    "{more} more."
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
    """The app's processes, and a worker by network; so many pairs of runs, and short runs, lie before the last
    figure."""
    return [_app_table(pairs), _worker_table(pairs)]


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
    about = GROWTH.format(first=STARTING_RUNS, visitors=VISITORS, more=runs)
    goals = {(role, "growth"): GROWTH_GOAL for role in rows}
    return Table("memory", f"Growth over {runs} runs", about, "MB", columns, rows, goals, digits=0)


def _app_table(pairs: int) -> Table:
    with _app() as app:
        found = {"started": _at_rest(app.pid, workers=0)}
        asyncio.run(_visit(app.url, [""]))
        found["idle"] = _at_rest(app.pid)
        found["peak"] = asyncio.run(_peak(app, [f"seed={FIRST_SEED + more}" for more in range(PAIRS_OF_RUNS)]))
        found["after"] = _at_rest(app.pid)
        asyncio.run(_visit(app.url, [f"seed={FIRST_SEED + PAIRS_OF_RUNS + more}" for more in range(pairs)]))
        found["later"] = _at_rest(app.pid)
    found["peak"][FILES] = found["after"][FILES]
    roles = [role for role in dict.fromkeys(role for one in found.values() for role in one) if role != FILES]
    rows = {role: _single(*(one.get(role, 0.0) for one in found.values())) for role in roles}
    rows["sum"] = _single(*(sum(one.values()) - one[FILES] for one in found.values()))
    rows[FILES] = _single(*(one[FILES] for one in found.values()))
    about = APP.format(workers=WORKERS, first=PAIRS_OF_RUNS, more=pairs).strip()
    return Table("memory", f"The app's memory, {WORKERS} workers", about, "MB", tuple(found), rows, digits=0)


def _worker_table(pairs: int) -> Table:
    chosen, left_out = cases.available()
    rows: dict[str, tuple[Values, ...]] = {}
    for case in chosen:
        config = case.config.model_copy(update={"norm": "batch", "device": "cpu"})
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
            rows[case.name] = _single(*fresh.submit(_memory_of_runs, config, pairs).result())
    about = f"{WORKER.format(first=FIRST_RUNS, last=FIRST_RUNS + pairs)} {left_out}".strip()
    return Table("memory", "A worker's memory, by network", about, "MB", ("before", "peak", "growth"), rows, digits=0)


@contextmanager
def _app() -> Iterator[RunningApp]:
    with (
        tempfile.TemporaryDirectory() as store,
        environment(BNVIZ_STORE=store, BNVIZ_SCHEDULER=""),
        running_app(WORKERS) as app,
    ):
        yield app


async def _visit(url: str, queries: list[str]) -> None:
    """Open one link after the other, each until its results are there."""
    for query in queries:
        session = Session(url)
        await session.open(PAGE, query)
        await session.until(partial(shows_results, session))
        await session.close()


async def _peak(app: RunningApp, queries: list[str]) -> Memory:
    """The largest memory while these links are visited, without program files."""
    visit = asyncio.create_task(_visit(app.url, queries))
    largest: Memory = {}
    while not visit.done():
        largest = max(largest, own_memory(app.pid), key=lambda found: sum(found.values()))
        await asyncio.sleep(SAMPLE_SECONDS)
    await visit
    return largest


async def _come_and_go(url: str, seeds: Iterator[int], runs: int) -> None:
    """Visitors, several at a time, until so many runs are trained, two by each."""
    left = iter(range(runs // 2))

    async def visitor() -> None:
        for _ in left:
            session = Session(url)
            await session.open(PAGE, f"seed={next(seeds)}&steps=100")
            await session.until(partial(shows_results, session))
            for unit in (1, 2):
                await session.enter("Unit (of", unit, lambda: True)
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


def _memory_of_runs(config: RunConfig, runs: int) -> tuple[float, float, float]:
    """Before, peak and growth; in a process of its own."""
    for module in LOADED:
        importlib.import_module(module)
    before = _resident("VmRSS")
    _train(config)
    peak = _resident("VmHWM")
    sizes = []
    for seed in range(1, 1 + FIRST_RUNS + runs):
        _train(config.model_copy(update={"steps": SHORT_STEPS, "seed": seed}))
        sizes.append(_resident("VmRSS"))
    return before, peak, sizes[-1] - sizes[FIRST_RUNS - 1]


def _train(config: RunConfig) -> None:
    import torch

    from bnviz.core.record import Record
    from bnviz.training import train

    torch.set_num_threads(1)
    Record.from_frames(config, train(config)).to_bytes()


def _resident(field: str) -> float:
    """MB: `VmRSS` now, `VmHWM` at most until now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = (int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
    return kilobytes * 1024 / 1e6


def _single(*values: float) -> tuple[Values, ...]:
    return tuple((value,) for value in values)


if __name__ == "__main__":
    main()
