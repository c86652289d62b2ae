"""What was really trained: counted at the Dask scheduler, from outside the app, whatever the app says of itself.

A plugin of the scheduler's notes when each task goes to a worker and when it comes back. It does not know what a task
trains; bnviz gives its tasks names that begin with "bnviz-".
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from distributed import Client, SchedulerPlugin, rpc

NAME = "bnviz-load"
PREFIX = "bnviz-"
SECONDS = 10


class Transitions(SchedulerPlugin):
    """Lives in the scheduler, and notes its clock."""

    name = NAME

    def __init__(self) -> None:
        self.began: list[float] = []
        self.ended: list[float] = []

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Called by Dask whenever a task changes its state."""
        if not str(key).startswith(PREFIX):
            return
        if finish == "processing":
            self.began.append(time.time())
        elif start == "processing" and finish == "memory":
            self.ended.append(time.time())


@dataclass(frozen=True)
class Trained:
    """What a scheduler has done: by its clock, when trainings went to a worker and when one came back with a result.

    A training that was tried twice began twice.
    """

    began: tuple[float, ...]
    ended: tuple[float, ...]

    def since(self, before: "Trained") -> "Trained":
        """What it has done since."""
        return Trained(self.began[len(before.began) :], self.ended[len(before.ended) :])

    @property
    def started(self) -> int:
        """How many went to a worker."""
        return len(self.began)

    @property
    def done(self) -> int:
        """How many came back."""
        return len(self.ended)

    @property
    def seconds(self) -> float:
        """From the first beginning to the last end."""
        return max(self.ended) - min(self.began)


class Trainings:
    """Counts at the scheduler that a process has started."""

    def __init__(self, client: Any) -> None:
        self._client = client
        client.register_plugin(Transitions())

    def so_far(self) -> Trained:
        """All that was counted until now."""
        began, ended = self._client.run_on_scheduler(_look)
        return Trained(tuple(began), tuple(ended))


@contextmanager
def trainings(process: int, seconds: float = 30.0) -> Iterator[Trainings]:
    """Count from now on what is trained at the scheduler below this process.

    Raises:
        RuntimeError: there is none.
    """
    with Client(scheduler_address(process, seconds), timeout=SECONDS, set_as_default=False) as client:
        yield Trainings(client)


def scheduler_address(process: int, seconds: float) -> str:
    """Where the cluster listens that the process has started, or is about to; its other ports are those of nannies."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for child in psutil.Process(process).children(recursive=True):
            if "bnviz.jobs.local_cluster" not in child.cmdline():
                continue
            for port in sorted({one.laddr.port for one in child.net_connections("tcp") if one.status == "LISTEN"}):
                address = f"tcp://127.0.0.1:{port}"
                if _is_scheduler(address):
                    return address
        time.sleep(0.2)
    raise RuntimeError(f"no scheduler was started below process {process} within {seconds:.0f} s")


def _is_scheduler(address: str) -> bool:
    import asyncio

    async def ask() -> bool:
        async with rpc(address, timeout=2) as there:
            return bool((await asyncio.wait_for(there.identity(), 2))["type"] == "Scheduler")

    try:
        return asyncio.run(ask())
    except Exception:  # whatever listens there speaks another language
        return False


def _look(dask_scheduler: Any) -> tuple[list[float], list[float]]:
    plugin = dask_scheduler.plugins[NAME]
    return plugin.began, plugin.ended
