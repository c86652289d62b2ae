"""Machines that come and go: a run outlives its worker, and the app outlives its scheduler."""

import pytest

from bnviz import RunConfig
from tests.cluster.conftest import LONG, trained_here
from tests.cluster.machines import wait_until

pytestmark = pytest.mark.slow
ENDLESS = {"widths": (8,), "steps": 1_000_000, "curve_points": 2, "probes": ()}


def test_a_worker_that_joins_later_takes_work(cluster, replica):
    service = replica()
    jobs = [service.submit(RunConfig(seed=seed, **ENDLESS), "me") for seed in range(len(cluster.workers()) + 1)]
    assert wait_until(lambda: all(job.state == "running" for job in jobs[:-1]))
    assert jobs[-1].state == "queued"
    joined = cluster.start_worker()
    assert wait_until(lambda: jobs[-1].state == "running")
    assert cluster.workers()[joined] == 1
    for job in jobs:
        service.stop(job.key)
    assert wait_until(lambda: not any(job.live for job in jobs))


def test_a_run_whose_worker_is_killed_is_tried_once_more_on_another(cluster, replica):
    cluster.have_workers(2)
    service = replica()
    config = RunConfig(seed=21, **LONG)
    started = cluster.tasks_started()
    job = service.submit(config, "me")
    assert wait_until(lambda: job.step >= 0)
    [busy] = [name for name, tasks in cluster.workers().items() if tasks]
    cluster.kill(busy)
    assert job.live
    assert wait_until(lambda: not job.live)
    assert (job.state, job.error) == ("finished", None)
    assert job.record().to_bytes() == trained_here(config)
    assert cluster.tasks_started() - started == 2
    assert busy not in cluster.workers()


def test_a_scheduler_that_dies_and_comes_back(cluster, replica):
    service = replica()
    config = RunConfig(seed=24, **LONG)
    job = service.submit(config, "me")
    assert wait_until(lambda: job.step >= 0)
    cluster.kill_scheduler()
    cluster.start_scheduler(int(cluster.address.rpartition(":")[2]))
    assert wait_until(lambda: not cluster.running("worker"))  # they end, for whatever looks after them to start anew
    cluster.start_worker()
    assert wait_until(lambda: not job.live)
    assert job.state == "finished" or job.error.endswith("start it again.")
    again = service.submit(config, "me")  # the same job, where it has finished
    assert wait_until(lambda: not again.live)
    assert (again.state, again.error) == ("finished", None)
    assert again.record().to_bytes() == trained_here(config)
