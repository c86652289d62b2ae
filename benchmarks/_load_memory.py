"""Memory and processor time of the app's processes, by what they are for.

Looks from outside, through the operating system; on Linux also at each process's proportional share of the pages that
it has in common with others, which a worker's forked memory mostly is.
"""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import psutil

MB = 2**20
KINDS = ("app", "scheduler", "workers", "other")


@dataclass
class Memory:
    """Samples of a process and all below it: by kind, seconds, and resident and proportional MB of them together."""

    process: int
    seconds: list[float] = field(default_factory=list)
    resident: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    proportional: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def watch(self, every: float = 5.0) -> None:
        """Take samples until cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(every)

    def sample(self) -> None:
        """Take one."""
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for process, kind in processes(self.process):
            try:
                memory = process.memory_full_info()
            except psutil.NoSuchProcess:
                continue
            found[kind].append((memory.rss / MB, getattr(memory, "pss", memory.rss) / MB))
        self.seconds.append(time.monotonic())
        for kind in KINDS:
            self.resident[kind].append(sum(resident for resident, _ in found[kind]))
            self.proportional[kind].append(sum(proportional for _, proportional in found[kind]))

    def slope(self, kind: str) -> float:
        """Resident MB a minute over the second half of the time, by least squares."""
        seconds, sizes = np.array(self.seconds), np.array(self.resident[kind])
        later = seconds >= (seconds[0] + seconds[-1]) / 2
        return float(np.polyfit(seconds[later] / 60, sizes[later], 1)[0]) if later.sum() > 1 else float("nan")


def processes(first: int) -> list[tuple[psutil.Process, str]]:
    """A process of the app and all below it, each with its kind."""
    app = psutil.Process(first)
    found = [(app, "app")]
    for child in app.children(recursive=True):
        try:
            above, line = child.parent(), " ".join(child.cmdline())
            if "bnviz.jobs.local_cluster" in line:
                found.append((child, "scheduler"))
            elif above is not None and "forkserver" in line and "forkserver" in " ".join(above.cmdline()):
                found.append((child, "workers"))
            else:
                found.append((child, "other"))
        except psutil.NoSuchProcess:
            continue
    return found


def processor_seconds(first: int) -> dict[str, float]:
    """Seconds of a core that each kind has used until now."""
    used: dict[str, float] = defaultdict(float)
    for process, kind in processes(first):
        times = process.cpu_times()
        used[kind] += times.user + times.system
    return used
