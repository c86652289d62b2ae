"""Workers that offer a GPU: runs with `device=cuda` wait for one of them, all others go anywhere.

Where there is no CUDA device, a worker can still say that it offers one: it gets the runs, and says what it lacks.
"""

import pytest
import torch

from bnviz import Record, RunConfig
from bnviz.jobs.worker import resolve_device
from tests.cluster.conftest import trained_here
from tests.cluster.machines import wait_until

ENDLESS = {"widths": (8,), "steps": 1_000_000, "curve_points": 2, "probes": ()}
SHORT = {"widths": (8,), "steps": 60, "norm": "noisy_batch"}  # noise is drawn on the device: other numbers on each


@pytest.mark.slow
def test_runs_for_a_gpu_wait_for_a_worker_that_offers_one_and_others_do_not(cluster, replica):
    cluster.have_workers(1)
    gpu = cluster.start_worker("--resources", "GPU=1")
    cluster.have_workers(2)
    service = replica()
    busy = keep_busy(service, cluster, gpu)
    for_gpu = service.submit(RunConfig(device="cuda", **SHORT), "me")
    others = [service.submit(RunConfig(seed=seed, **SHORT), "me") for seed in (1, 2)]
    assert wait_until(lambda: not any(job.live for job in others))
    assert [job.record().to_bytes() for job in others] == [trained_here(job.config) for job in others]
    assert for_gpu.state == "queued", "though it was asked for first, and another worker is free"
    for job in busy:
        service.stop(job.key)
    assert wait_until(lambda: not for_gpu.live)
    cluster.kill(gpu)
    if torch.cuda.is_available():
        assert for_gpu.record().to_bytes() == trained_here(for_gpu.config)
        on_processor = Record.from_bytes(trained_here(for_gpu.config.model_copy(update={"device": "cpu"})))
        assert not for_gpu.record().data["train_loss"].equals(on_processor.data["train_loss"])
    else:
        assert for_gpu.error == "device is 'cuda', but this machine has no CUDA device; use 'auto' or 'cpu'"


def keep_busy(service, cluster, name):
    """Endless runs on all workers but one, which is not the one of that name."""
    seeds = iter(range(100))
    jobs = [service.submit(RunConfig(seed=next(seeds), **ENDLESS), "me") for _ in cluster.workers()]
    while True:
        assert wait_until(lambda: all(job.state == "running" for job in jobs))
        service.stop(jobs.pop(0).key)
        assert wait_until(lambda: sum(cluster.workers().values()) == len(jobs), pause=0.2)
        if cluster.workers()[name]:
            return jobs
        jobs.append(service.submit(RunConfig(seed=next(seeds), **ENDLESS), "me"))


@pytest.mark.parametrize(("asked", "trained"), [("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda")])
def test_a_worker_trains_on_the_processor_unless_a_gpu_is_asked_for(asked, trained):
    config = RunConfig(device=asked, seed=3)
    assert resolve_device(config) == config.model_copy(update={"device": trained})
