"""Replicas of the app behind one scheduler: the same question is trained once, and watched live by all."""

import pytest

from bnviz import RunConfig
from tests.cluster.conftest import LONG
from tests.cluster.machines import wait_until

pytestmark = pytest.mark.slow


def test_replicas_that_ask_the_same_train_once_and_both_see_it_live(cluster, replica):
    config = RunConfig(seed=11, **LONG)
    started = cluster.tasks_started()
    first, second = (service.submit(config, "me") for service in (replica(), replica()))
    assert wait_until(lambda: (first.step > 0 and second.step > 0) or not (first.live and second.live))
    partial = [first.record(), second.record()]
    assert [record.outcome for record in partial] == ["running", "running"]
    assert wait_until(lambda: not (first.live or second.live))
    assert [first.state, second.state] == ["finished", "finished"]
    assert first.record().to_bytes() == second.record().to_bytes()
    assert cluster.tasks_started() - started == 1


def test_a_replica_that_comes_late_sees_it_from_the_first_step_on(cluster, replica):
    config = RunConfig(seed=12, **LONG)
    started = cluster.tasks_started()
    early, late_replica = replica(), replica()
    first = early.submit(config, "me")
    assert wait_until(lambda: first.step >= config.steps // 10)
    second = late_replica.submit(config, "you")
    assert wait_until(lambda: second.step >= 0 or not second.live)
    partial = second.record()
    assert (partial.outcome, second.state) == ("running", "running")
    assert partial.last_step < config.steps
    assert wait_until(lambda: not (first.live or second.live))
    whole = first.record().data
    assert partial.data.sizes["step"] > 1
    for name, curve in partial.data.items():  # nothing left out
        assert curve.equals(whole[name].isel(step=slice(curve.sizes["step"])))
    assert second.record().to_bytes() == first.record().to_bytes()
    assert cluster.tasks_started() - started == 1


def test_one_replica_that_leaves_does_not_stop_the_run_of_the_other(cluster, replica):
    config = RunConfig(seed=13, **LONG)
    staying, leaving = replica(), replica()
    job, other = staying.submit(config, "me"), leaving.submit(config, "you")
    assert wait_until(lambda: job.step >= 0 and other.step >= 0)
    leaving.close()
    assert wait_until(lambda: not job.live)
    assert (job.state, job.record().last_step) == ("finished", config.steps)
