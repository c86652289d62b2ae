"""Processes: none is left behind, however an app ends."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from bnviz import RunConfig
from bnviz.jobs import dispatcher
from bnviz.jobs.errors import JobsError
from bnviz.jobs.local_cluster import start_embedded, worker_count
from bnviz.jobs.service import Service

APP = """
import json, sys, time
from bnviz import RunConfig
from bnviz.jobs.service import Service
service = Service()
job = service.submit(RunConfig(steps=50), "me")
while job.live:
    time.sleep(0.01)
job.record()
busy = service.submit(RunConfig(steps=1_000_000), "me")
while busy.step < 0:
    time.sleep(0.01)
print(json.dumps([job.state, "torch" in sys.modules, service.dispatcher._connection._cluster.process.pid]), flush=True)
time.sleep(600)
"""


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def gone(processes: list[psutil.Process], seconds: float = 8) -> bool:
    """Whether all of them ended in time, or are zombies."""
    alive = psutil.wait_procs(processes, timeout=seconds)[1]
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


def test_app_killed_leaves_no_process_and_needs_no_torch(environment):
    command = [sys.executable, "-c", APP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as app:
        line = app.stdout.readline()
        state, has_torch, cluster = json.loads(line)
        processes = family(cluster)
        assert len(processes) >= 3  # with the process that workers are forked from
        app.kill()
    assert (state, has_torch) == ("finished", False)
    assert gone(processes)


def test_cluster_named_by_address_is_used_and_ends_on_sigterm(environment, monkeypatch, wait, until):
    command = [sys.executable, "-m", "bnviz.jobs.local_cluster"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as cluster:
        monkeypatch.setenv("BNVIZ_SCHEDULER", cluster.stdout.readline().strip())
        monkeypatch.setattr(dispatcher, "RETURN_SECONDS", 1.0)  # how long one waits for it to come back
        service = Service()
        job = service.submit(RunConfig(steps=20), "me")
        wait(job)
        assert job.state == "finished"
        assert service.dispatcher._connection._cluster is None
        busy = service.submit(RunConfig(steps=1_000_000), "me")
        assert until(lambda: busy.step >= 0)
        processes = family(cluster.pid)
        cluster.send_signal(signal.SIGTERM)
        assert gone(processes)
    wait(busy)
    assert busy.state == "failed"
    assert "does not answer" in busy.error
    service.close()


@pytest.mark.parametrize("given", ["0", "-2", "many", "1.5"])
def test_worker_count_refuses_wrong_numbers_with_sentence(given, monkeypatch):
    monkeypatch.setenv("BNVIZ_WORKERS", given)
    with pytest.raises(ValueError, match="must be a whole number from 1 up"):
        worker_count()


def test_cluster_start_reports_the_process_sentence(monkeypatch):
    monkeypatch.setenv("BNVIZ_WORKERS", "many")
    with pytest.raises(JobsError, match="BNVIZ_WORKERS is 'many'"):
        start_embedded()
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_worker_count_fits_the_machine(monkeypatch):
    monkeypatch.delenv("BNVIZ_WORKERS", raising=False)
    assert 1 <= worker_count() <= 8
    monkeypatch.setenv("BNVIZ_WORKERS", "3")
    assert worker_count() == 3


def test_cluster_ignores_ctrl_c_and_shares_the_session(service):
    """Linux weighs priorities within a session: in one of its own, training would not step back behind the app."""
    process = service.dispatcher._connection._cluster.process.pid
    assert os.getpgid(process) == process != os.getpgid(0)
    workers = service.dispatcher._connection._client.run(os.getsid, 0).values()
    assert {os.getsid(process), *workers} == {os.getsid(0)}


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_workers_exclude_imported_modules_from_collection(service):
    """A collection would copy the memory that workers share: 60 MB for each of them."""
    frozen = service.dispatcher._connection._client.run(gc.get_freeze_count).values()
    assert min(frozen) > 100_000
