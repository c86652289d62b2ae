"""What the app and its processes take of a machine's memory, with one worker and with two.

`python -m benchmarks.memory` starts the app as `make run` does, and is its one visitor, over Streamlit's own agent API:
it opens the activations page as everybody finds it, then has both arms trained with three other seeds in turn. For
each process it tells its proportional share of memory that is no file's: what a worker still has in common with the
process that it was forked from is divided between the two, so the shares add up. That memory cannot be had back without
swap. `program files` are pages of the files that the processes have mapped, such as PyTorch's libraries, each file
once, however many use it: a system that is short of memory drops them and reads them again, slowly. Taken when

- started: the server answers, nobody has looked;
- idle: the first visitor has the page on screen, all workers have loaded PyTorch and wait;
- peak: the largest sum while the runs were trained, looked at several times a second;
- after: the runs are on screen and the workers wait again;
- later: the same after more such pairs of runs.

Linux only; MB are 10^6 bytes. What the kernel itself needs for the processes, some per cent, is not in it, and it does
not say how many visitors fit.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.tables import PAIRS, Table
from scripts import running_app

PAGE = "activations"
FIRST_SEED = 7  # not one of the gallery, so that it is trained
PAIRS_OF_RUNS = 3
FILES = "program files"
SECONDS = 120.0
SAMPLE_SECONDS = 0.2
LOOK_SECONDS = 3.0
ABOUT = (
    "MB that are no file's, with {workers} workers; pages that several processes share are divided between them. Idle: "
    "the first page is on screen; peak and after: of {first} pairs of runs; later: after {more} pairs more. The app "
    "keeps up to 96 MB of results at hand."
)
IDLE_SHARE = 0.15  # of a core, for all processes together; heartbeats and looking cost some of it


Memory = dict[str, float]
"""MB by the role of a process, and of `program files`."""


class Visitor:
    """One session with the app, without a browser."""

    def __init__(self, url: str) -> None:
        self._address = f"{url}/_stcore/agent/interact"
        self._session: dict[str, str] = {}

    def ask(self, **request: Any) -> str:
        """One interaction; the page as it is afterwards, as text."""
        body = json.dumps(self._session | request).encode()
        question = urllib.request.Request(self._address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(question, timeout=SECONDS) as answer:
            snapshot = json.load(answer)
        self._session = {"session_id": snapshot["session_id"]}
        return json.dumps(snapshot["tree"])

    def train(self, first_seed: int, seeds: int) -> None:
        """Have both arms trained with each of these seeds, one after the other."""
        for seed in range(first_seed, first_seed + seeds):
            self.ask(page=PAGE, query_params={"seed": [str(seed)]})
            self.wait_for_runs()

    def wait_for_runs(self) -> None:
        """Look at the page until nothing trains there.

        Raises:
            RuntimeError: it takes too long.
        """
        end = time.monotonic() + SECONDS
        while '"label": "Stop"' in self.ask():
            if time.monotonic() > end:
                raise RuntimeError(f"the runs have not ended after {SECONDS:.0f} s")
            time.sleep(0.5)


class Peak(threading.Thread):
    """Looks at the processes again and again; `stop` tells the largest that was seen, without program files."""

    def __init__(self, app: int) -> None:
        super().__init__(daemon=True)
        self._app = app
        self._end = threading.Event()
        self._largest: Memory = {}

    def run(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            self._largest = max(self._largest, own_memory(self._app), key=lambda one: sum(one.values()))

    def stop(self) -> Memory:
        self._end.set()
        self.join()
        return self._largest


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, help="with that many; not given: with one, then with two")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs of runs until later (%(default)s)")
    given = parser.parse_args()
    if sys.platform != "linux":
        parser.error("shares of memory are read from /proc, which only Linux has")
    for workers in (given.workers,) if given.workers else (1, 2):
        print(table(workers, given.pairs).markdown())


def tables(pairs: int) -> list[Table]:
    """With two workers."""
    return [table(2, pairs)]


def table(workers: int, more: int) -> Table:
    """One row for each kind of process, and sums."""
    found = measure(workers, more)
    roles = [role for role in dict.fromkeys(role for one in found.values() for role in one) if role != FILES]
    figures = {role: [one.get(role, 0.0) for one in found.values()] for role in roles}
    figures["sum"] = [sum(one.values()) - one[FILES] for one in found.values()]
    figures[FILES] = [one[FILES] for one in found.values()]
    rows = {name: tuple((value,) for value in values) for name, values in figures.items()}
    about = ABOUT.format(workers=workers, first=PAIRS_OF_RUNS, more=more)
    return Table("memory", f"The app's memory, {workers} workers", about, "MB", tuple(found), rows, digits=0)


def measure(workers: int, more: int) -> dict[str, Memory]:
    """The memory of an app with so many workers, by when it was taken; `more` pairs of runs lie before the last."""
    os.environ["STREAMLIT_SERVER_ENABLE_AGENT_API"] = "true"
    with tempfile.TemporaryDirectory() as store:
        os.environ["BNVIZ_STORE"] = store
        with running_app(workers) as app:
            started = _settled(app.pid, 0)
            visitor = Visitor(app.url)
            visitor.ask(page=PAGE)
            idle = _settled(app.pid, workers)
            peak = Peak(app.pid)
            peak.start()
            visitor.train(FIRST_SEED, PAIRS_OF_RUNS)
            largest = peak.stop()
            after = _settled(app.pid, workers)
            visitor.train(FIRST_SEED + PAIRS_OF_RUNS, more)
            later = _settled(app.pid, workers)
    files = {FILES: after[FILES]}
    return {"started": started, "idle": idle, "peak": largest | files, "after": after, "later": later}


def own_memory(app: int) -> Memory:
    """Of the app and all processes below it, as they are now: what is no file's."""
    found: Memory = {}
    for process in _family(app):
        with suppress(psutil.Error, OSError):  # it has just ended
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            (kilobytes,) = (line.split()[1] for line in lines if line.startswith("Pss_Anon:"))
            role = _role(process, app)
            found[role] = found.get(role, 0.0) + int(kilobytes) * 1024 / 1e6
    return found


def file_memory(app: int) -> float:
    """MB of the pages that the processes have of files: of each file, those of the process that has most of it."""
    largest: dict[str, int] = {}
    for process in _family(app):
        for file in process.memory_maps():
            largest[file.path] = max(largest.get(file.path, 0), file.rss - file.anonymous)
    return sum(largest.values()) / 1e6


def _family(app: int) -> list[psutil.Process]:
    return [psutil.Process(app), *psutil.Process(app).children(recursive=True)]


def _role(process: psutil.Process, app: int) -> str:
    """A worker has the command line of the fork server, whose child it is."""
    command = " ".join(process.cmdline())
    if process.pid == app:
        return "app"
    if "resource_tracker import" in command:
        return "resource tracker"
    if "forkserver import" in command:
        parent = process.parent()
        return "worker" if parent and "forkserver import" in " ".join(parent.cmdline()) else "fork server"
    return "scheduler" if "bnviz.jobs.local_cluster" in command else "other"


def _settled(app: int, workers: int) -> Memory:
    """The memory once there are all workers, and nobody uses the processor any more.

    Raises:
        RuntimeError: it takes too long.
    """
    end = time.monotonic() + SECONDS
    before = 0.0
    while time.monotonic() < end:
        there = sum(_role(process, app) == "worker" for process in _family(app))
        busy = sum(sum(process.cpu_times()[:2]) for process in _family(app))
        if there == workers and busy - before < IDLE_SHARE * LOOK_SECONDS:
            return own_memory(app) | {FILES: file_memory(app)}
        before = busy
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"{workers} workers have not come to rest after {SECONDS:.0f} s")


if __name__ == "__main__":
    main()
