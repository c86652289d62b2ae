"""A run from which nothing is heard is sent again once, and then fails with a sentence."""

import time
from collections.abc import Callable, Iterator

import pytest

from bnviz.core.config import RunConfig
from bnviz.jobs import dispatcher
from bnviz.jobs.connection import Connection
from bnviz.jobs.dispatcher import SILENT
from bnviz.jobs.job import Job
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Service

LONG = RunConfig(dataset="blobs_2d", widths=(4,), steps=1_000_000, probes=(), curve_points=1000)


@pytest.fixture
def deaf_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Service]]:
    """A service with one worker whose first connections lose every message."""
    services: list[Service] = []

    def start(deaf_connections: int) -> Service:
        connections: list[object] = []

        class Deaf(Connection):
            def __init__(self, address, on_message) -> None:
                connections.append(self)
                hears = len(connections) > deaf_connections
                super().__init__(address, on_message if hears else lambda _: None)

        monkeypatch.setenv("BNVIZ_WORKERS", "1")
        monkeypatch.delenv("BNVIZ_SCHEDULER", raising=False)
        monkeypatch.setattr(dispatcher, "Connection", Deaf)
        monkeypatch.setattr(dispatcher, "SILENCE_SECONDS", 1.5)
        services.append(Service(store=ResultStore("none")))
        return services[-1]

    yield start
    for service in services:
        service.close()


def wait_until(true: Callable[[], bool], job: Job) -> None:
    end = time.monotonic() + 90
    while not true():
        assert time.monotonic() < end, (job.state, job.error, job.step)
        time.sleep(0.05)


def test_silent_run_is_sent_again_and_heard(deaf_service: Callable[[int], Service]) -> None:
    service = deaf_service(1)
    job = service.submit(LONG, "me")
    wait_until(lambda: job.step > 0, job)
    service.stop(job.key)
    wait_until(lambda: not job.live, job)
    assert job.state == "stopped"


def test_run_silent_twice_fails_with_sentence(deaf_service: Callable[[int], Service]) -> None:
    job = deaf_service(2).submit(LONG, "me")
    wait_until(lambda: not job.live, job)
    assert (job.state, job.error) == ("failed", SILENT)
