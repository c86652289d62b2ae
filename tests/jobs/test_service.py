"""The service with real worker processes: what a page relies on."""

import asyncio
import subprocess
import sys
import time

import pytest

from bnviz import Record, RunConfig
from bnviz.jobs import service as service_module
from bnviz.jobs.service import JobsError, Service

SHORT = {"steps": 120, "curve_points": 20, "probe_points": 10}
ENDLESS = {"steps": 1_000_000, "curve_points": 2, "probe_points": 2}  # its second frame never comes

REFERENCE = """
import sys, torch
torch.set_num_threads(1)
from bnviz import Record, RunConfig
from bnviz.training import train
config = RunConfig.model_validate_json(sys.argv[1])
sys.stdout.buffer.write(Record.from_frames(config, train(config.with_changes(device="cpu"))).to_bytes())
"""


def test_service_record_equals_plain_training_and_streams(service, wait, until):
    config = RunConfig(norm="batch", seed=1)
    job = service.submit(config, "me")
    assert until(lambda: 0 <= job.step < config.steps or not job.live)
    partial = job.record()
    assert job.state == "running"
    assert partial.outcome == "running"
    assert partial.last_step < config.steps
    wait(job)
    assert (job.state, job.error, job.step) == ("finished", None, config.steps)
    assert job.submitted <= job.started <= job.ended
    assert job.record() is job.record()
    command = [sys.executable, "-c", REFERENCE, config.model_dump_json()]
    reference = subprocess.run(command, check=True, capture_output=True).stdout
    assert job.record().to_bytes() == Record.from_bytes(reference).to_bytes()


def test_two_workers_train_two_arms_while_a_third_waits(service, wait, until):
    arms = [service.submit(RunConfig(norm=norm, **ENDLESS), "me") for norm in ("none", "batch")]
    third = service.submit(RunConfig(seed=3, **SHORT), "me")
    fourth = service.submit(RunConfig(seed=4, **SHORT), "me")
    assert until(lambda: all(job.state == "running" for job in arms))
    assert third.state == "queued"
    assert [service.queue_position(job.key) for job in (*arms, third, fourth)] == [0, 0, 0, 1]
    service.stop(fourth.key)
    wait(fourth)
    assert fourth.state == "stopped"
    assert fourth.record().last_step == -1
    for job in arms:
        service.stop(job.key)
    wait(third, *arms)
    assert third.state == "finished"


def test_same_run_is_trained_once(service, wait):
    config = RunConfig(seed=5, **SHORT)
    job = service.submit(config, "me")
    assert service.submit(config, "you") is job
    service.release(config.key, "me")  # `you` still looks
    wait(job)
    assert job.state == "finished"
    assert service.submit(config, "me") is job
    assert service.find(config.key) is job
    assert service.find("unknown") is None
    again = service.submit(config, "me", fresh=True)
    assert again is not job
    wait(again)
    assert again.record().to_bytes() == job.record().to_bytes()


def test_stop_keeps_partial_record(service, wait, until):
    job = service.submit(RunConfig(**ENDLESS), "me")
    assert until(lambda: job.step == 0)
    asked = time.monotonic()
    service.stop(job.key)
    wait(job)
    assert job.ended - asked < 1
    assert (job.state, job.error) == ("stopped", None)
    assert job.record().outcome == "stopped"
    assert job.record().last_step == 0
    assert "train_loss" in job.record().data
    assert service.submit(RunConfig(**ENDLESS), "me") is not job  # asked for again, it is trained again
    service.stop(job.key)


def test_stop_does_not_wait_for_a_long_step(service, wait, until):
    config = RunConfig(widths=(2048,) * 24, batch_size=1400, steps=3, curve_points=2, probes=())
    job = service.submit(config, "me")
    assert until(lambda: job.state == "running")
    asked = time.monotonic()
    service.stop(job.key)
    wait(job)
    assert job.ended - asked < 1.5
    assert (job.state, job.record().outcome) == ("stopped", "stopped")


def test_run_without_watchers_stops(service, wait, until):
    config = RunConfig(seed=6, **ENDLESS)
    job = service.submit(config, "me")
    service.submit(config, "you")
    assert until(lambda: job.step == 0)
    service.release(config.key, "me")
    service.release(config.key, "me")
    assert job.live
    service.release(config.key, "you")
    wait(job)
    assert job.state == "stopped"


def test_untrainable_run_fails_with_a_sentence(service, wait):
    job = service.submit(RunConfig(device="cuda"), "me")
    wait(job)
    if job.state == "finished":
        pytest.skip("this machine has a CUDA device")
    assert job.state == "failed"
    assert job.error == "device is 'cuda', but this machine has no CUDA device; use 'auto' or 'cpu'"
    assert job.record().last_step == -1
    assert service.submit(job.config, "me") is not job


def test_fresh_run_shares_recent_result_of_another_visitor(service, wait, monkeypatch):
    job = service.submit(RunConfig(seed=32, **SHORT), "me", fresh=True)
    wait(job)
    assert service.submit(job.config, "you", fresh=True) is job
    again = service.submit(job.config, "you", fresh=True)  # who has seen it and asks once more means it
    assert again is not job
    wait(again)
    monkeypatch.setattr(service_module, "SHARED_SECONDS", 0.0)
    assert service.submit(job.config, "somebody else", fresh=True) is not again
    service.stop(job.key)


def test_service_limits_runs_of_one_visitor(service, wait, monkeypatch):
    monkeypatch.setenv("BNVIZ_SESSION_RUNS", "2")
    jobs = [service.submit(RunConfig(seed=seed, **ENDLESS), "greedy") for seed in (40, 41)]
    assert service.submit(jobs[0].config, "greedy") is jobs[0]
    with pytest.raises(JobsError, match=r"wait or train: 2"):
        service.submit(RunConfig(seed=42, **ENDLESS), "greedy")
    other = service.submit(RunConfig(seed=42, **ENDLESS), "modest")
    service.release_all("greedy")
    assert other.live
    service.release_all("modest")
    wait(*jobs, other)
    assert {job.state for job in (*jobs, other)} == {"stopped"}


def test_scheduler_keeps_no_messages(service, wait):
    job = service.submit(RunConfig(seed=50, **SHORT), "me")
    wait(job)
    events = service.dispatcher._connection._client.get_events()
    assert not [name for name in events if job.key in name]


def test_scheduler_call_is_bounded_in_time(service):
    connection = service.dispatcher._connection
    with pytest.raises(TimeoutError):
        connection._call_scheduler(asyncio.sleep, 60, seconds=0.2)
    assert connection.load().threads == 2, "it answers other questions meanwhile"


def test_unreachable_scheduler_fails_runs_with_a_sentence(wait):
    service = Service("tcp://127.0.0.1:9")
    asked = time.monotonic()
    job = service.submit(RunConfig(), "me")
    assert job.state == "queued"
    wait(job)
    assert job.ended - asked < 10
    assert job.state == "failed"
    assert "tcp://127.0.0.1:9 does not answer" in job.error
    assert "BNVIZ_SCHEDULER" in job.error
    service.close()
    service.close()
    with pytest.raises(JobsError, match="closing"):
        service.submit(RunConfig(), "me")
