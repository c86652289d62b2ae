"""Faults of the machine itself, for `benchmarks.faults`: memory that runs out, clocks that jump, a second app.

Memory runs out in a control group of the kernel, which root may make; clocks jump for one app and its processes, whose
questions for the time of day a few lines of C answer. Where this machine cannot have a fault, its row says so.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep, time

import psutil

from benchmarks._load_class import PAGE, rests
from benchmarks._load_tab import Tab
from bnviz import RunConfig
from bnviz.core import presets
from bnviz.jobs.job import Job
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Service
from scripts import RunningApp, running_app

GROUPS = {Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes", Path("/sys/fs/cgroup"): "memory.max"}
ROOM = 200 * 2**20  # bytes that the worker processes may take besides what they have
LARGE = {"widths": (2048,) * 10, "steps": 100}  # 170 MB of weights, and as much for their gradients
SHIFTED_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(which, now);
    long seconds = 0;
    FILE *file = which == CLOCK_REALTIME ? fopen(getenv("CLOCK_SHIFT"), "r") : NULL;
    if (file) {
        if (fscanf(file, "%ld", &seconds) == 1) now->tv_sec += seconds;
        fclose(file);
    }
    return answer;
}
"""
JUMPS = (86_400, -86_400)  # seconds, from the true time, in turn
JUMP_EVERY = 0.1  # seconds: what goes wrong may do so only within milliseconds of a message
WITH_A_CLOCK = """
import json, sys, time
from bnviz import RunConfig
from bnviz.jobs.service import Service
service = Service()
job = service.submit(RunConfig(**json.loads(sys.argv[1])), "visitor")
while job.live:
    print(json.dumps([time.time(), job.step, job.state]), flush=True)
    time.sleep(0.1)
print(json.dumps([time.time(), job.step, job.error or job.state]), flush=True)
service.close()
"""
STUCK_SECONDS = 60.0  # without a further update
STEPS = 1500
Row = tuple[str, int, float]
"""What the visitor is told, results lost, seconds."""


def out_of_memory(service: Service, small: Callable[[], Job]) -> Row | None:
    """out of memory: the kernel kills a run that asks for more than there is, both times"""
    connection = service.dispatcher._connection
    assert connection is not None
    (worker,) = (psutil.Process(number) for number in connection._client.run(os.getpid).values())
    with _limited([worker, *worker.parents()[:1]]) as made:  # new workers are forked from the process above it
        if not made:
            return None
        began = monotonic()
        job = service.submit(RunConfig(seed=7, **LARGE), "visitor")
        while job.live:
            sleep(0.02)
        told = str(job.error or job.state)
    small()
    return told, 0, monotonic() - began


@contextmanager
def _limited(processes: list[psutil.Process]) -> Iterator[bool]:
    """Let these have little more memory than they have, and what they fork, too; False if that cannot be done here."""
    for above, limit in GROUPS.items():
        group = above / "bnviz-faults"
        try:
            group.mkdir(exist_ok=True)
        except OSError:
            continue
        if (group / limit).exists():
            before = {one: _group_of(one, above) for one in processes}
            (group / limit).write_text(str(ROOM))
            for one in processes:
                (group / "cgroup.procs").write_text(str(one.pid))
            try:
                yield True
            finally:
                _emptied(group, before[processes[-1]])
            return
        group.rmdir()
    yield False


def _emptied(group: Path, into: Path) -> None:
    """Move all that is in the group, also what is being forked just now, and remove it."""
    end = monotonic() + 10
    while group.exists() and monotonic() < end:
        for number in (group / "cgroup.procs").read_text().split():
            with suppress(OSError):  # it has ended
                (into / "cgroup.procs").write_text(number)
        with suppress(OSError):  # one that was killed is still there
            group.rmdir()
        sleep(0.05)


def _group_of(process: psutil.Process, above: Path) -> Path:
    for line in Path(f"/proc/{process.pid}/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds in ("memory", "") and (above / path.lstrip("/")).is_dir():
            return above / path.lstrip("/")
    return above


def clock_jumps() -> Row | None:
    """the machine's clock jumps a day ahead, and a day back, ten times a second all through a run"""
    with tempfile.TemporaryDirectory() as folder:
        clock, library, source = (Path(folder) / name for name in ("shift", "clock.so", "clock.c"))
        clock.write_text("0")
        source.write_text(SHIFTED_CLOCK)
        if not shutil.which("cc"):
            return None
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        shifted = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(clock)}
        shifted |= {"BNVIZ_STORE": f"{folder}/runs", "BNVIZ_WORKERS": "1"}
        config = RunConfig(seed=8, steps=12_000, curve_points=200, probe_points=2)
        command = [sys.executable, "-c", WITH_A_CLOCK, config.model_dump_json()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | shifted) as app:
            assert app.stdout is not None
            jumps, seen, before, longest, last = cycle(JUMPS), [], 0, 0.0, monotonic()
            jump_at = last
            for line in app.stdout:
                now, step, told = json.loads(line)
                seen.append(now - time())
                if step > before:
                    longest = max(longest, monotonic() - last) if before else 0.0
                    before, last = step, monotonic()
                if step > 0 and monotonic() >= jump_at:
                    jump_at = monotonic() + JUMP_EVERY
                    _replaced(clock, str(next(jumps)))
                if monotonic() > last + STUCK_SECONDS:
                    app.kill()
                    return f"the run stands still at update {before}", 0, float("inf")
            assert max(seen) > 80_000, "the clock did not jump"
            assert min(seen) < -80_000, "nor back"
        lost = int(ResultStore(f"{folder}/runs").get(config) is None)
        return f"nothing; the run is {told}", lost, longest


def _replaced(file: Path, text: str) -> None:
    """Write it so that whoever reads it finds all of it."""
    whole = file.with_suffix(".whole")
    whole.write_text(text)
    whole.replace(file)


def two_apps() -> Row:
    """two apps on this machine with one store; one is killed (-9) while both train the same"""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("BNVIZ_STORE")
        os.environ["BNVIZ_STORE"] = folder
        try:
            with running_app(1) as one, running_app(1) as other:
                told, seconds = asyncio.run(_one_dies(one, other))
            config = presets.DEFAULTS[PAGE].with_changes(seed=9, steps=STEPS)
            arms = [config.with_changes(**arm) for arm in presets.PAIR.values()]
            return told, sum(ResultStore(folder).get(arm) is None for arm in arms), seconds
        finally:
            if before is None:
                del os.environ["BNVIZ_STORE"]
            else:
                os.environ["BNVIZ_STORE"] = before


async def _one_dies(one: RunningApp, other: RunningApp) -> tuple[str, float]:
    tabs = [Tab(one.url), Tab(other.url)]
    await asyncio.gather(*(tab.open(PAGE, f"seed=9&steps={STEPS}") for tab in tabs))
    began = monotonic()
    await asyncio.sleep(1)
    os.kill(one.pid, signal.SIGKILL)
    await tabs[1].until(lambda: rests(tabs[1], steps=STEPS))
    await tabs[1].close()
    return "of the other, nothing: " + ("; ".join(tabs[1].errors) or "it goes on"), monotonic() - began
