"""Topics at the scheduler, over which frames come: they keep no messages."""

from collections.abc import Callable

from bnviz import RunConfig
from bnviz.jobs.service import Service
from bnviz.jobs.worker import task_key


def test_topic_keeps_no_messages(service: Service, until: Callable[..., bool]) -> None:
    client = service.dispatcher._connection._client
    job = service.submit(RunConfig(seed=531, widths=(8,), steps=1_000_000, probes=()), "me")
    assert until(lambda: job.step > 0)
    assert client.get_events(task_key(job.key)) == ()
    service.stop(job.key)
    assert until(lambda: not job.live)
