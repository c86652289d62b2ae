"""What a worker takes for each network, and whether it takes more the more it has trained.

`python -m benchmarks.worker_memory` (part of `make bench`) trains each network, with batch norm, in a process of its
own that has loaded what a worker has, and makes the file of its record that a worker sends. Linux only; MB are 10^6
bytes.

- before: resident memory before the first run, with all program files: workers have most of it in common;
- peak: the most that was resident until the end of a whole default run;
- growth: by how much resident memory is more after so many further runs than after three, all shortened.
"""

import importlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks import cases
from benchmarks.tables import Table, Values, alone
from bnviz.core.config import RunConfig
from bnviz.jobs.local_cluster import PRELOADED

FIRST_RUNS = 3
SHORTER = 20
ABOUT = (
    "Resident MB of a process that has loaded what a worker has: before its first run, its peak during a whole default "
    "run with batch norm, and its growth from the {first}rd short run after that to the {last}th. What workers have in "
    "common is counted in full here, and once in the table above."
)


def tables(pairs: int) -> list[Table]:
    """One row for each network; growth over so many runs as others measure pairs."""
    chosen, left_out = cases.available()
    rows: dict[str, tuple[Values, ...]] = {}
    for case in chosen:
        config = case.config.with_changes(norm="batch", device="cpu")
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
            rows[case.name] = tuple((megabytes,) for megabytes in fresh.submit(_measured, config, pairs).result())
    about = f"{ABOUT.format(first=FIRST_RUNS, last=FIRST_RUNS + pairs)} {left_out}".strip()
    columns = ("before", "peak", "growth")
    return [Table("worker_memory", "A worker's memory, by network", about, "MB", columns, rows, digits=0)]


def _measured(config: RunConfig, runs: int) -> tuple[float, float, float]:
    """A value for each column."""
    for module in PRELOADED:
        importlib.import_module(module)
    before = _resident("VmRSS")
    _train(config)
    peak = _resident("VmHWM")
    short = cases.Shortened(config, SHORTER).config
    sizes = []
    for seed in range(1, 1 + FIRST_RUNS + runs):
        _train(short.with_changes(seed=seed))
        sizes.append(_resident("VmRSS"))
    return before, peak, sizes[-1] - sizes[FIRST_RUNS - 1]


def _train(config: RunConfig) -> None:
    import torch

    from bnviz.core.record import Record
    from bnviz.training import train

    torch.set_num_threads(1)
    Record.from_frames(config, train(config)).to_bytes()


def _resident(what: str) -> float:
    """MB: `VmRSS` now, `VmHWM` at most until now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = (int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))
    return kilobytes * 1024 / 1e6


if __name__ == "__main__":
    alone(__doc__, tables)
