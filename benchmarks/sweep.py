"""A sweep through the jobs layer: how much of the time do workers compute, and how much longer than in a bare pool?

`python -m benchmarks.sweep` (part of `make bench`) trains 8 learning rates x 3 normalisations x 3 seeds, 72 runs of the
default network, half as long as by default, with an embedded cluster of two workers and a store of its own; and the
same runs in a bare pool of two processes, that calls train(), lets go of what it yields, and sends nothing back. The
two take turns, now one first, now the other; both have loaded and warmed up what they need. Wall seconds count from the
first submit until the last result is there.

Busy is the share of that time, times two, that the worker processes have used on a processor, by the operating system's
account: a run that waits for a core, because the app or the scheduler has it, does not count as computing. What the
processes do besides training, such as sending frames and packing records, does.
"""

import itertools
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.pool import Pool
from typing import NamedTuple

import psutil

from benchmarks._load_memory import processes
from benchmarks.tables import Table, alone
from bnviz.core.config import RunConfig
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Service

WORKERS = 2
RATES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
NORMS = ("none", "batch", "lp_batch")
SEEDS = 3
HALF = {"device": "cpu", "steps": 300, "probe_points": 30, "curve_points": 20}  # of the default run, in all
BUSY = "workers of the jobs layer: busy"
SECONDS = 300.0
ABOUT = (
    f"{len(RATES)} learning rates x {len(NORMS)} normalisations x {SEEDS} seeds, half of the default run each "
    f"({HALF['steps']} updates, {HALF['probe_points']} looks): through the jobs layer with {WORKERS} workers, and as "
    f"bare calls of train() in a pool of {WORKERS} processes, in turn. Busy: processor seconds of those processes over "
    "the wall seconds times their number. Medians and quartiles of {pairs} rounds."
)


class Timed(NamedTuple):
    """Of all runs: wall seconds, and the share of them that the processes computed."""

    seconds: float
    busy: float


def tables(pairs: int) -> list[Table]:
    """One row for each figure."""
    found = list(zip(*_measured(pairs), strict=True))
    rows = {
        BUSY: (tuple(jobs.busy for jobs, _ in found),),
        "processes of the bare pool: busy": (tuple(bare.busy for _, bare in found),),
        "wall seconds: jobs layer over bare pool": (tuple(jobs.seconds / bare.seconds for jobs, bare in found),),
    }
    about = ABOUT.format(pairs=pairs)
    return [Table("sweep", "A sweep of 72 runs", about, "", ("ratio",), rows, {(BUSY, "ratio"): ">= 0.90"})]


def _measured(pairs: int) -> tuple[list[Timed], list[Timed]]:
    """Of the jobs layer, and of the bare pool."""
    jobs: list[Timed] = []
    bare: list[Timed] = []
    with _jobs_layer() as (service, workers), _pool() as (pool, members):
        ways: list[Callable[[list[RunConfig]], None]] = [
            lambda configs: jobs.append(_timed(lambda: _submit(service, configs), workers)),
            lambda configs: bare.append(_timed(lambda: pool.map(_train, configs, chunksize=1), members)),
        ]
        for number in range(pairs):
            for way in ways:
                way(_grid(SEEDS * number))
            ways.reverse()
    return jobs, bare


def _grid(first_seed: int) -> list[RunConfig]:
    """The runs of one round; no other round has the same."""
    every = itertools.product(RATES, NORMS, range(first_seed, first_seed + SEEDS))
    usual = RunConfig().with_changes(**HALF)
    return [usual.with_changes(learning_rate=rate, norm=norm, seed=seed) for rate, norm, seed in every]


def _timed(work: Callable[[], object], members: Sequence[psutil.Process]) -> Timed:
    before, began = _processor_seconds(members), time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return Timed(seconds, (_processor_seconds(members) - before) / (len(members) * seconds))


def _processor_seconds(members: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in members)  # user and system


@contextmanager
def _jobs_layer() -> Iterator[tuple[Service, list[psutil.Process]]]:
    """A service whose workers are all there and warm, and those."""
    os.environ.update(BNVIZ_WORKERS=str(WORKERS), BNVIZ_SESSION_RUNS="72")
    os.environ.pop("BNVIZ_SCHEDULER", None)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(store=ResultStore(folder))
        try:
            service.prepare()
            end = time.monotonic() + SECONDS
            while len(_workers()) < WORKERS and time.monotonic() < end:
                time.sleep(0.2)
            _submit(service, _warm())
            yield service, _workers()
        finally:
            service.close()


def _workers() -> list[psutil.Process]:
    return [process for process, kind in processes(os.getpid()) if kind == "workers"]


def _submit(service: Service, configs: Sequence[RunConfig]) -> None:
    """Ask for runs, and wait for their results.

    Raises:
        RuntimeError: one has failed, or it takes too long.
    """
    jobs = [service.submit(config, "benchmark") for config in configs]
    end = time.monotonic() + SECONDS
    while any(job.live for job in jobs) and time.monotonic() < end:
        time.sleep(0.02)
    if any(job.state != "finished" for job in jobs):
        raise RuntimeError(f"not all runs came back: {next((job.error for job in jobs if job.error), 'out of time')}")


@contextmanager
def _pool() -> Iterator[tuple[Pool, list[psutil.Process]]]:
    """A pool whose processes are warm, and those."""
    others = set(multiprocessing.active_children())
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        pool.map(_train, _warm(), chunksize=1)
        yield pool, [psutil.Process(one.pid) for one in set(multiprocessing.active_children()) - others]


def _warm() -> list[RunConfig]:
    return [RunConfig(seed=seed, norm=norm, steps=50) for seed, norm in itertools.product((10_000, 10_001), NORMS)]


def _train(config: RunConfig) -> None:
    import torch

    from bnviz.training import train

    torch.set_num_threads(1)
    for _ in train(config):
        pass


if __name__ == "__main__":
    alone(__doc__, tables)
