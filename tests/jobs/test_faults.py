"""Faults, for real: processes killed while they train. What was asked for is trained, or a sentence says why not."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bnviz import Record, RunConfig
from bnviz.jobs import connection, dispatcher
from bnviz.jobs.connection import DIED
from bnviz.jobs.errors import JobsError
from bnviz.jobs.local_cluster import start_embedded
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Service
from bnviz.jobs.worker import resolve_device
from bnviz.training import train

TINY = {"steps": 5, "widths": (8,), "probes": ()}
LONG = {"steps": 3000, "curve_points": 30, "probe_points": 2}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one worker, and a cluster that tests may kill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BNVIZ_SCHEDULER", raising=False)
        patch.setenv("BNVIZ_WORKERS", "1")
        service = Service(store=ResultStore(str(tmp_path_factory.mktemp("store"))))
        service.prepare()
        yield service
        service.close()


def workers(service: Service) -> list[psutil.Process]:
    """The processes that train, as the scheduler knows them."""
    assert service.dispatcher._connection is not None
    known = service.dispatcher._connection._client.run(lambda: __import__("os").getpid())
    return [psutil.Process(number) for number in known.values()]


def _count() -> int:
    from bnviz.jobs.worker import _active_runs

    return len(_active_runs)


def trainings(service: Service) -> int:
    """How many runs go on in the workers."""
    connection = service.dispatcher._connection
    return sum(connection._client.run(_count, on_error="ignore").values()) if connection else 0


def test_run_of_killed_worker_is_trained_again(
    alone: Service, wait: Callable[..., None], until: Callable[..., bool]
) -> None:
    job = alone.submit(RunConfig(seed=1, **LONG), "me")
    assert until(lambda: job.step > 0)
    (worker,) = workers(alone)
    worker.kill()
    wait(job)
    assert (job.state, job.error) == ("finished", None)
    expected = Record.from_frames(job.config, train(resolve_device(job.config)))
    assert job.record().to_bytes() == Record.from_bytes(expected.to_bytes()).to_bytes()


def test_run_that_kills_its_worker_twice_fails_with_sentence(
    alone: Service, wait: Callable[..., None], until: Callable[..., bool]
) -> None:
    job = alone.submit(RunConfig(seed=2, steps=200_000, curve_points=400, probes=()), "me")
    assert until(lambda: job.step > 0)
    for _ in range(2):
        assert until(lambda: trainings(alone) == 1)
        (worker,) = workers(alone)
        worker.kill()
        worker.wait(10)
    wait(job)
    assert (job.state, job.error) == ("failed", DIED)
    assert job.record().last_step > 0  # what was measured is kept


def test_killed_scheduler_is_restarted_with_its_runs(
    alone: Service, wait: Callable[..., None], until: Callable[..., bool]
) -> None:
    first, waiting = (alone.submit(RunConfig(seed=seed, **LONG), "me") for seed in (3, 4))
    assert until(lambda: first.step > 0)
    assert alone.dispatcher._connection is not None
    assert alone.dispatcher._connection._cluster is not None
    process = alone.dispatcher._connection._cluster.process
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    wait(first, waiting)
    assert {job.state for job in (first, waiting)} == {"finished"}
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    for job in (first, waiting):
        assert alone.store.get(job.config) is not None


@pytest.fixture
def new(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service whose cluster is still to be started."""
    monkeypatch.delenv("BNVIZ_SCHEDULER", raising=False)
    monkeypatch.setenv("BNVIZ_WORKERS", "1")
    service = Service(store=ResultStore("none"))
    yield service
    service.close()


@pytest.mark.parametrize(("exists", "reason"), [(True, "Permission denied"), (False, "No such file")])
def test_start_embedded_reports_unstartable_processes(
    exists: bool, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = tmp_path / "python"
    if exists:
        interpreter.touch(mode=0o600)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    with pytest.raises(JobsError, match=reason) as refusal:
        start_embedded()
    assert str(interpreter) not in str(refusal.value), "visitors are not shown paths"


def test_unstartable_workers_are_reported_and_retried(
    new: Service, wait: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster is there, but the process that workers are forked from ends at once."""
    hindrance = tmp_path / "sitecustomize.py"
    hindrance.write_text("import os, sys\nif any('forkserver' in one for one in sys.orig_argv):\n    os._exit(1)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with monkeypatch.context() as impatient:
        impatient.setattr(connection, "WORKER_SECONDS", 1.0)
        job = new.submit(RunConfig(**TINY), "me")
        wait(job)
    assert job.state == "failed"
    assert "could not be started (none for" in str(job.error)
    hindrance.unlink()
    later = new.submit(job.config, "me")
    wait(later)
    assert (later.state, later.error) == ("finished", None)


def test_dispatcher_survives_any_failure(
    new: Service, wait: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, as each leaves the service without a cluster; at the end a run is trained."""

    def refuse() -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as broken:
        broken.setattr(new.dispatcher._thread, "start", refuse)
        with pytest.raises(JobsError, match="can't start new thread"):
            new.submit(RunConfig(**TINY), "me")
    assert new.find(RunConfig(**TINY).key) is None
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", str(tmp_path / "python"))
        lost = [new.submit(RunConfig(seed=seed, **TINY), "me") for seed in (1, 2)]
        wait(*lost)
    for job in lost:
        assert (job.state, "No such file" in str(job.error)) == ("failed", True)
    with monkeypatch.context() as broken:
        broken.setattr(dispatcher, "Connection", lambda *_: {}["cause"])
        job = new.submit(RunConfig(seed=3, **TINY), "me")
        wait(job)
        assert (job.state, "KeyError: 'cause'" in str(job.error)) == ("failed", True)
    with monkeypatch.context() as broken:
        broken.setattr(new.dispatcher, "_find_record", lambda _: {}["cause"])
        job = new.submit(RunConfig(seed=4, **TINY), "me")
        wait(job)
        assert (job.state, "KeyError: 'cause'" in str(job.error)) == ("failed", True)
    later = new.submit(lost[0].config, "me")
    wait(later)
    assert (later.state, later.error) == ("finished", None)
