"""Topics at the scheduler, over which frames come: none is left that nobody listens to, nor what was said on it."""

from collections.abc import Callable
from typing import Any

from bnviz import RunConfig
from bnviz.jobs.scheduler_calls import OURS
from bnviz.jobs.service import Job, Service
from bnviz.jobs.worker import task_key


def test_what_a_worker_says_after_its_run_has_ended_is_not_kept(
    service: Service, wait: Callable[..., None], until: Callable[..., bool]
) -> None:
    client = service.dispatcher._connection._client
    job = _train(service, 501)
    wait(job)
    assert until(lambda: task_key(job.key) not in _listened_to(client))
    client.log_event(task_key(job.key), {"attempt": job.key, "first": 0, "frames": []})  # as a message that is late
    assert until(lambda: task_key(job.key) in _topics(client)), "Dask makes a topic of any message"
    wait(_train(service, 502))
    assert task_key(job.key) not in _topics(client)


def test_of_many_runs_no_topics_are_left(
    service: Service, wait: Callable[..., None], until: Callable[..., bool]
) -> None:
    client = service.dispatcher._connection._client
    wait(*(_train(service, seed) for seed in range(510, 530)))
    assert until(lambda: not _listened_to(client))
    wait(_train(service, 530))
    assert until(lambda: not _listened_to(client))
    assert len(_topics(client)) <= 1, "the last one's goes when the next comes"


def test_a_topic_keeps_no_messages_while_its_run_goes_on(service: Service, until: Callable[..., bool]) -> None:
    client = service.dispatcher._connection._client
    job = service.submit(RunConfig(seed=531, widths=(8,), steps=1_000_000, probes=()), "me")
    assert until(lambda: job.step > 0)
    assert _topics(client)[task_key(job.key)] == 0
    service.stop(job.key)
    assert until(lambda: not job.live)


def _train(service: Service, seed: int) -> Job:
    return service.submit(RunConfig(dataset="blobs_2d", widths=(8,), steps=50, seed=seed), f"visitor {seed}")


def _topics(client: Any) -> dict[str, int]:
    """Ours, and how many messages each keeps."""
    return {name: kept for name, (kept, _) in client.run_on_scheduler(_ours).items()}


def _listened_to(client: Any) -> list[str]:
    """Those of ours that somebody listens to."""
    return [name for name, (_, listeners) in client.run_on_scheduler(_ours).items() if listeners]


def _ours(dask_scheduler: Any) -> dict[str, tuple[int, int]]:
    """Runs in the scheduler."""
    topics = dask_scheduler._broker._topics.items()
    return {name: (len(one.events), len(one.subscribers)) for name, one in topics if name.startswith(OURS)}
