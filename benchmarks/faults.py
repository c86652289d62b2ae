"""What becomes of a run when something dies or fails under it: each fault for real, and how long until all is well.

`python -m benchmarks.faults` kills a worker, kills it again, kills the scheduler, kills an app, damages a file of the
store, fills its disk, takes its folder away, lets memory run out, has the clock jump and two apps run, and prints a
Markdown table: what a visitor is told, what was lost of results that had been shown as done, and the seconds until the
run has got 1000 updates further or, where nothing trains, until all processes are gone or the result is there again;
with the clock, the longest time without news. One worker, in processes of its own on this machine.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import psutil

from benchmarks._faults_machine import Row, clock_jumps, out_of_memory, two_apps
from bnviz import RunConfig
from bnviz.jobs.job import Job
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Service

PATIENCE = 120.0
LONG = {"steps": 30_000, "curve_points": 300, "probe_points": 2}
BEYOND = 1000  # updates, some ten times as many as can be on their way from a worker that is killed
SHORT = {"steps": 50, "curve_points": 5, "probe_points": 2}
APP = """
import json, time
from bnviz import RunConfig
from bnviz.jobs.service import Service
service = Service()
job = service.submit(RunConfig(steps=1_000_000), "visitor")
while job.step < 0:
    time.sleep(0.01)
print(json.dumps(service.dispatcher._connection._cluster.process.pid), flush=True)
time.sleep(600)
"""


def main() -> None:
    """Inject every fault and print the table."""
    os.environ["BNVIZ_WORKERS"] = "1"
    os.environ.pop("BNVIZ_SCHEDULER", None)
    print("| fault | what the visitor is told | results lost | seconds to recover |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, _service(Path(folder)) as service:
        done = _finished(service, RunConfig(seed=1, **SHORT))
        for fault in (_worker_killed, _scheduler_killed, _worker_killed_twice):
            told, seconds = fault(service)
            kept = ResultStore(folder).get(done.config) is not None
            print(f"| {fault.__doc__} | {told} | {0 if kept else 1} of 1 | {seconds:.1f} |", flush=True)
        for told_fault in (_file_damaged, _disk_full, _folder_gone):
            told, lost, seconds = told_fault(service, Path(folder), done)
            print(f"| {told_fault.__doc__} | {told} | {lost} of 1 | {seconds:.1f} |", flush=True)
        row(str(out_of_memory.__doc__), out_of_memory(service, lambda: _finished(service, RunConfig(seed=10, **SHORT))))
    row(str(clock_jumps.__doc__), clock_jumps())
    row(str(two_apps.__doc__), two_apps())
    print(f"| app killed | | no process left | {_app_killed():.1f} |", flush=True)


def row(fault: str, found: Row | None) -> None:
    """Print a row of the table."""
    told, lost, seconds = found or ("cannot be had on this machine", 0, float("nan"))
    print(f"| {fault} | {told} | {lost} | {seconds:.1f} |", flush=True)


@contextmanager
def _service(folder: Path) -> Iterator[Service]:
    service = Service(store=ResultStore(str(folder)))
    service.prepare()
    try:
        yield service
    finally:
        service.close()


def _worker_killed(service: Service) -> tuple[str, float]:
    """worker killed (-9) in mid-run"""
    job = _begun(service, 2)
    return _recovered(service, job, _kill_worker(service))


def _scheduler_killed(service: Service) -> tuple[str, float]:
    """scheduler killed (-9) in mid-run"""
    job = _begun(service, 3)
    connection = service.dispatcher._connection
    assert connection is not None
    assert connection._cluster is not None
    connection._cluster.process.kill()
    return _recovered(service, job, monotonic())


def _worker_killed_twice(service: Service) -> tuple[str, float]:
    """worker killed in both attempts, as when memory does not suffice"""
    job = _begun(service, 4)
    _kill_worker(service)
    _until(lambda: _training(service))
    began = _kill_worker(service)
    _until(lambda: not job.live)
    return str(job.error), monotonic() - began


def _file_damaged(service: Service, folder: Path, done: Job) -> tuple[str, int, float]:
    """a result's file cut in half"""
    path = folder / f"{done.key}.nc.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    began = monotonic()
    with _restarted(service):
        _finished(service, done.config)
    whole = ResultStore(str(folder)).get(done.config) is not None
    return "nothing; it is trained again, and the file set aside", 0 if whole else 1, monotonic() - began


def _disk_full(service: Service, folder: Path, done: Job) -> tuple[str, int, float]:
    """no room left to write (the kernel refuses)"""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    began = monotonic()
    try:
        _finished(service, RunConfig(seed=5, **SHORT))
        told = service.store.problem
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    return told.replace(str(folder), "..."), int(service.store.get(done.config) is None), monotonic() - began


def _folder_gone(service: Service, folder: Path, done: Job) -> tuple[str, int, float]:
    """the store's folder cannot be made"""
    in_the_way = folder / "file"
    in_the_way.write_text("")
    service.store = ResultStore(str(in_the_way / "runs"))
    began = monotonic()
    _finished(service, RunConfig(seed=6, **SHORT))
    told = service.store.problem.replace(str(folder), "...")
    return told, int(service.find(done.key) is None), monotonic() - began


def _app_killed() -> float:
    command = [sys.executable, "-c", APP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"BNVIZ_STORE": "none"}) as app:
        assert app.stdout is not None
        cluster = psutil.Process(json.loads(app.stdout.readline()))
        processes = [cluster, *cluster.children(recursive=True)]
        app.kill()
    began = monotonic()
    _, left = psutil.wait_procs(processes, timeout=PATIENCE)
    assert not left
    return monotonic() - began


def _recovered(service: Service, job: Job, began: float) -> tuple[str, float]:
    """Until it has got well beyond what was there, or on its way."""
    step = job.step
    _until(lambda: job.step >= step + BEYOND or not job.live)
    seconds = monotonic() - began
    told = str(job.error) if job.state == "failed" else "that it waits for a worker; then it goes on"
    service.stop(job.key)
    _until(lambda: not job.live)
    return told, seconds


@contextmanager
def _restarted(service: Service) -> Iterator[None]:
    """As if the app had just been started: nothing is in memory."""
    service._jobs.clear()
    yield


def _begun(service: Service, seed: int) -> Job:
    job = service.submit(RunConfig(seed=seed, **LONG), "visitor")
    _until(lambda: job.step > 0)
    return job


def _finished(service: Service, config: RunConfig) -> Job:
    job = service.submit(config, "visitor")
    _until(lambda: not job.live)
    assert job.state == "finished", job.error
    return job


def _kill_worker(service: Service) -> float:
    connection = service.dispatcher._connection
    assert connection is not None
    (number,) = connection._client.run(os.getpid).values()
    psutil.Process(number).kill()
    return monotonic()


def _training(service: Service) -> bool:
    connection = service.dispatcher._connection
    return connection is not None and any(connection._client.run(_running, on_error="ignore").values())


def _running() -> bool:
    from bnviz.jobs import worker

    return bool(worker._active_runs)


def _until(condition: Callable[[], object]) -> None:
    end = monotonic() + PATIENCE
    while not condition():
        if monotonic() > end:
            raise TimeoutError("a fault was not recovered from in time")
        sleep(0.02)


if __name__ == "__main__":
    main()
