"""Processes that play the machines of a cluster: started as docs/cluster.md says, ended as machines end.

Each has a working folder of its own and Dask's own commands; they share an address, certificates and nothing else. It
does not know what is trained there.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[2]
MAKE_CERTIFICATES = PROJECT / "deploy" / "cluster" / "make-certificates.sh"
AS_EMBEDDED = {"DASK_CONFIG": str(PROJECT / "bnviz" / "jobs" / "dask.yaml")}
LONG_LOG = {"DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "10000"}
"""So that the scheduler remembers all that tests ask it for; of the recipes' settings it is told here otherwise."""
SECONDS = 300  # a worker takes some 8 of a core to start, and machines are shared


def wait_until(condition: Callable[[], Any], seconds: float = SECONDS, pause: float = 0.01) -> bool:
    """Whether `condition` came true in time; it is looked at once more after each pause."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def make_certificates(folder: Path) -> dict[str, str]:
    """Have the script make them; what the shell would have in its environment after reading the file it wrote."""
    subprocess.run(["sh", str(MAKE_CERTIFICATES), str(folder)], check=True)
    return dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", (folder / "environment").read_text(), re.MULTILINE))


class Machines:
    """A scheduler and workers below `folder`, with `environment` added to this process's own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **AS_EMBEDDED, **LONG_LOG, **environment, "PYTHONPATH": str(PROJECT)}
        self._machines: dict[str, subprocess.Popen[bytes]] = {}
        self.address = ""

    def start_scheduler(self, port: int = 0) -> None:
        """At any free port, unless one is given; `address` is known when this returns."""
        name = f"scheduler-{len(self._machines)}"
        told = self._folder / f"{name}.json"
        self._start(
            name, "scheduler", "--host", "tls://127.0.0.1", "--port", str(port), "--scheduler-file", str(told),
            "--no-dashboard", "--dashboard-address", "127.0.0.1:0",
        )  # fmt: skip
        assert wait_until(lambda: told.exists() and told.read_text().endswith("}")), self.log(name)
        self.address = json.loads(told.read_text())["address"]

    def start_worker(self, *options: str) -> str:
        """One worker and the process that looks after it, with further `options`; returns at once, with its name."""
        name = f"worker-{len(self._machines)}"
        self._start(
            name, "worker", self.address, "--name", name, "--nthreads", "1", "--preload", "bnviz.jobs.worker",
            "--no-dashboard", "--dashboard-address", "127.0.0.1:0", *options,
        )  # fmt: skip
        return name

    def kill(self, name: str) -> None:
        """End it at once with all its processes, as a loss of power does."""
        machine = self._machines[name]
        top = psutil.Process(machine.pid)
        for process in [top, *top.children(recursive=True)]:
            process.kill()
        machine.wait()

    def kill_scheduler(self) -> None:
        """End the latest one."""
        self.kill([name for name in self._machines if name.startswith("scheduler")][-1])

    def running(self, kind: str = "") -> list[str]:
        """Names of those whose processes have not ended."""
        return [name for name, machine in self._machines.items() if name.startswith(kind) and machine.poll() is None]

    def have_workers(self, number: int) -> None:
        """At least that many, ready and with nothing to do, when this returns; starts what is missing."""
        for _ in range(number - len(self.running("worker"))):
            self.start_worker()
        expected = dict.fromkeys(self.running("worker"), 0)
        assert wait_until(lambda: self.workers() == expected, pause=0.3), (self.workers(), expected)

    def workers(self) -> dict[str, int]:
        """What the scheduler knows: the workers that have joined, and how many tasks each has."""
        return self._ask(_tasks_of_workers)

    def tasks_started(self) -> int:
        """How many tasks the scheduler has given to workers; one that is tried again counts again."""
        return self._ask(_tasks_started)

    def close(self) -> None:
        """End what is left."""
        for name in self.running():
            self.kill(name)

    def log(self, name: str) -> str:
        """What a machine has said so far."""
        return (self._folder / name / "log").read_text()

    def _ask(self, question: Callable[..., Any]) -> Any:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return client.run_on_scheduler(question)

    def _start(self, name: str, *command: str) -> None:
        folder = self._folder / name
        folder.mkdir(parents=True)
        with (folder / "log").open("wb") as log:
            self._machines[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                cwd=folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def _tasks_of_workers(dask_scheduler: Any) -> dict[str, int]:
    """Runs in the scheduler."""
    return {worker.name: len(worker.processing) for worker in dask_scheduler.workers.values()}


def _tasks_started(dask_scheduler: Any) -> int:
    """Runs in the scheduler."""
    return sum(entry.finish == "processing" for entry in dask_scheduler.transition_log)
