"""Faults that runs must survive, each caused for real: the message on screen, the results lost, the seconds to recover.

`python -m benchmarks.faults` uses one worker, in processes of its own on this machine. It kills the worker, kills it in
both attempts, kills the scheduler, cuts a file of the store in half, leaves no room to write, takes the store's folder
away, lets memory run out, has the clock jump, kills one of two apps with one store, and kills an app. Lost are results
that had been shown as finished. Seconds count until the run is 1000 updates further or, where nothing trains, until
the result is there again or all processes have gone; while the clock jumps, they are the longest time without news. A
fault that this machine cannot have (memory needs root, the clock a C compiler) is named as such.
"""

import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep, time
from typing import NamedTuple, TypeVar
from unittest.mock import patch

import psutil

from benchmarks.classroom import PAGE, configs, shows_results
from benchmarks.processes import family
from bnviz.core.config import RunConfig
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Job, Service
from scripts import RunningApp, running_app
from scripts.session import Session

PATIENCE = 120.0
LONG = {"steps": 30_000, "curve_points": 300, "probe_points": 2}
BEYOND = 1000  # updates, some ten times as many as can be on their way from a worker that is killed
SHORT = {"steps": 50, "curve_points": 5, "probe_points": 2}
LARGE = {"widths": (2048,) * 10, "steps": 100}  # 170 MB of weights, and as much for their gradients
GROUPS = {Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes", Path("/sys/fs/cgroup"): "memory.max"}
ROOM = 200 * 2**20  # bytes that worker processes may take on top of what they have
JUMPS = (86_400, -86_400)  # seconds, from the true time, in turn
JUMP_EVERY = 0.1  # seconds
STUCK_SECONDS = 60.0  # without a further update
STEPS = 1500  # so many that the run still trains when an app is killed
WAITS = "that it waits for a worker; then it goes on"
APP = """
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
SHIFTED_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(which, now);
    long seconds;
    FILE *file = which == CLOCK_REALTIME ? fopen(getenv("CLOCK_SHIFT"), "r") : NULL;
    if (file && fscanf(file, "%ld", &seconds) == 1) now->tv_sec += seconds;
    if (file) fclose(file);
    return answer;
}
"""


class Outcome(NamedTuple):
    """The message on screen, results lost, seconds to recover."""

    message: str
    lost: int
    seconds: float


Found = TypeVar("Found")
IMPOSSIBLE = Outcome("cannot be caused on this machine", 0, float("nan"))


def main() -> None:
    """Cause every fault and print the table."""
    print("| fault | message on screen | results lost | seconds to recover |\n|---|---|---|---|")
    of_service = (worker_killed, scheduler_killed, worker_killed_twice, file_damaged, disk_full, folder_gone)
    with patch.dict(os.environ, BNVIZ_WORKERS="1", BNVIZ_SCHEDULER=""):
        with tempfile.TemporaryDirectory() as folder:
            service = Service(store=ResultStore(folder))
            try:
                done = _finish(service, RunConfig(seed=1, **SHORT))
                causes = {fault: partial(fault, service, Path(folder), done) for fault in of_service}
                _print(causes)
            finally:
                service.close()
        _print({fault: fault for fault in (out_of_memory, clock_jumps, app_of_two_killed, app_killed)})


def _print(causes: Mapping[Callable[..., Outcome], Callable[[], Outcome]]) -> None:
    for fault, cause in causes.items():
        found = cause()
        print(f"| {fault.__doc__} | {found.message} | {found.lost} | {found.seconds:.1f} |", flush=True)


def worker_killed(service: Service, folder: Path, done: Job) -> Outcome:
    """worker killed (-9) in mid-run"""
    job = _begin(service, 2)
    _child("worker").kill()
    return _recover(service, job, folder, done)


def scheduler_killed(service: Service, folder: Path, done: Job) -> Outcome:
    """scheduler killed (-9) in mid-run"""
    job = _begin(service, 3)
    _child("scheduler").kill()
    return _recover(service, job, folder, done)


def worker_killed_twice(service: Service, folder: Path, done: Job) -> Outcome:
    """worker killed in both attempts, as when memory does not suffice"""
    job = _begin(service, 4)
    first = _child("worker")
    first.kill()
    _until(lambda: _child("worker").pid != first.pid)
    appeared = monotonic()
    _until(lambda: (job.heard or 0.0) > appeared)  # its second attempt trains
    _child("worker").kill()
    began = monotonic()
    _until(lambda: not job.live)
    return Outcome(str(job.error), _lost(folder, done), monotonic() - began)


def file_damaged(_: Service, folder: Path, done: Job) -> Outcome:
    """a result's file cut in half"""
    path = folder / f"{done.key}.nc.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    began = monotonic()
    restarted = Service(store=ResultStore(str(folder)))  # with nothing in memory
    try:
        _finish(restarted, done.config)
    finally:
        restarted.close()
    return Outcome("nothing; it is trained again, and the file set aside", _lost(folder, done), monotonic() - began)


def disk_full(service: Service, folder: Path, done: Job) -> Outcome:
    """no room left to write (the kernel refuses)"""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    began = monotonic()
    try:
        _finish(service, RunConfig(seed=5, **SHORT))
        message = service.store.problem.replace(str(folder), "...")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    return Outcome(message, int(service.recall(done.config) is None), monotonic() - began)


def folder_gone(service: Service, folder: Path, done: Job) -> Outcome:
    """the store's folder cannot be made"""
    obstacle = folder / "file"
    obstacle.write_text("")
    service.store, store = ResultStore(str(obstacle / "runs")), service.store
    began = monotonic()
    try:
        _finish(service, RunConfig(seed=6, **SHORT))
        message = service.store.problem.replace(str(folder), "...")
        return Outcome(message, int(service.recall(done.config) is None), monotonic() - began)
    finally:
        service.store = store


def out_of_memory() -> Outcome:
    """out of memory: the kernel kills a run that asks for more than there is, both times"""
    group = _memory_group()
    if group is None:
        return IMPOSSIBLE
    with tempfile.TemporaryDirectory() as folder:
        service = Service(store=ResultStore(folder))
        try:
            done = _finish(service, RunConfig(seed=10, **SHORT))
            for process, role in family(os.getpid()):
                if role in ("worker", "fork server"):  # new workers are forked from the latter
                    (group / "cgroup.procs").write_text(str(process.pid))
            began = monotonic()
            job = service.submit(RunConfig(seed=7, **LARGE), "visitor")
            _until(lambda: not job.live)
            _finish(service, RunConfig(seed=11, **SHORT))
            return Outcome(str(job.error or job.state), _lost(Path(folder), done), monotonic() - began)
        finally:
            service.close()
            _until(lambda: not (group / "cgroup.procs").read_text())
            group.rmdir()


def clock_jumps() -> Outcome:
    """the machine's clock jumps a day ahead, and a day back, ten times a second all through a run"""
    if not shutil.which("cc"):
        return IMPOSSIBLE
    with tempfile.TemporaryDirectory() as folder:
        clock, library, source = (Path(folder) / name for name in ("shift", "clock.so", "clock.c"))
        clock.write_text("0")
        source.write_text(SHIFTED_CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        shifted = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(clock), "BNVIZ_STORE": f"{folder}/runs"}
        config = RunConfig(seed=8, steps=12_000, curve_points=200, probe_points=2)
        command = [sys.executable, "-c", APP, config.model_dump_json()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | shifted) as app:
            assert app.stdout is not None
            jumps, shifts, reached, longest = cycle(JUMPS), [], 0, 0.0
            heard = jumped = monotonic()
            for line in app.stdout:
                now, step, state = json.loads(line)
                shifts.append(now - time())
                if step > reached:
                    longest = max(longest, monotonic() - heard) if reached else 0.0
                    reached, heard = step, monotonic()
                if step > 0 and monotonic() >= jumped + JUMP_EVERY:
                    jumped = monotonic()
                    whole = clock.with_suffix(".whole")
                    whole.write_text(str(next(jumps)))
                    whole.replace(clock)
                if monotonic() > heard + STUCK_SECONDS:
                    app.kill()
                    return Outcome(f"the run stands still at update {reached}", 0, float("inf"))
        if not min(shifts) < -80_000 < 80_000 < max(shifts):
            raise RuntimeError("the clock did not jump")
        return Outcome(f"nothing; the run is {state}", int(ResultStore(f"{folder}/runs").get(config) is None), longest)


def app_of_two_killed() -> Outcome:
    """two apps on this machine with one store; one is killed (-9) while both train the same"""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, BNVIZ_STORE=folder):
        with running_app(1) as first, running_app(1) as second:
            errors, seconds = asyncio.run(_kill_first(first, second, f"seed=9&steps={STEPS}"))
        arms = [config.model_copy(update={"steps": STEPS}) for config in configs(9)]
        lost = sum(ResultStore(folder).get(arm) is None for arm in arms)
    return Outcome("of the other, nothing: " + ("; ".join(errors) or "it goes on"), lost, seconds)


def app_killed() -> Outcome:
    """app killed (-9): no process is left"""
    command = [sys.executable, "-c", APP, RunConfig(seed=12, **LONG).model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"BNVIZ_STORE": "none"}) as app:
        assert app.stdout is not None
        next(line for line in app.stdout if json.loads(line)[1] > 0)
        processes = psutil.Process(app.pid).children(recursive=True)
        app.kill()
    began = monotonic()
    _, left = psutil.wait_procs(processes, timeout=PATIENCE)
    return Outcome(f"{len(left)} processes left" if left else "", 0, monotonic() - began)


async def _kill_first(first: RunningApp, second: RunningApp, query: str) -> tuple[Sequence[str], float]:
    sessions = [Session(app.url) for app in (first, second)]
    await asyncio.gather(*(session.open(PAGE, query) for session in sessions))
    began = monotonic()
    await asyncio.sleep(1)
    os.kill(first.pid, signal.SIGKILL)
    await sessions[1].until(partial(shows_results, sessions[1]))
    await sessions[1].close()
    return list(sessions[1].errors), monotonic() - began


def _begin(service: Service, seed: int) -> Job:
    job = service.submit(RunConfig(seed=seed, **LONG), "visitor")
    _until(lambda: job.step > 0)
    return job


def _finish(service: Service, config: RunConfig) -> Job:
    job = service.submit(config, "visitor")
    _until(lambda: not job.live)
    if job.state != "finished":
        raise RuntimeError(job.error)
    return job


def _recover(service: Service, job: Job, folder: Path, done: Job) -> Outcome:
    """Wait until it is well beyond what was measured, or on its way, when it was disturbed; then stop it."""
    step, began = job.step, monotonic()
    _until(lambda: job.step >= step + BEYOND or not job.live)
    seconds = monotonic() - began
    service.stop(job.key)
    _until(lambda: not job.live)
    return Outcome(str(job.error) if job.error else WAITS, _lost(folder, done), seconds)


def _lost(folder: Path, done: Job) -> int:
    return int(ResultStore(str(folder)).get(done.config) is None)


def _until(condition: Callable[[], Found]) -> Found:
    """Wait until the condition returns something true, and return that.

    Raises:
        TimeoutError: it takes too long.
    """
    end = monotonic() + PATIENCE
    while not (found := condition()):
        if monotonic() > end:
            raise TimeoutError("a fault was not recovered from in time")
        sleep(0.02)
    return found


def _child(role: str) -> psutil.Process:
    """The first process of this role below this one, as soon as there is one."""
    return _until(lambda: [process for process, its_role in family(os.getpid()) if its_role == role])[0]


def _memory_group() -> Path | None:
    """A new control group whose processes may take little more memory than they have; None without the right to make
    one."""
    for above, limit in GROUPS.items():
        group = above / "bnviz-faults"
        with suppress(OSError):
            group.mkdir(exist_ok=True)
            if (group / limit).exists():
                (group / limit).write_text(str(ROOM))
                return group
            group.rmdir()
    return None


if __name__ == "__main__":
    main()
