"""Runs of which nothing is heard, whatever the cause: sent again once over a new connection, then failed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from bnviz import RunConfig
from bnviz.jobs import dispatcher, worker
from bnviz.jobs.connection import Connection, OnMessage
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.service import Service

SECONDS = 3.0
HEARTBEAT = 0.3
STEADY = {"widths": (8,), "steps": 1500, "curve_points": 30, "probes": ()}
ENDLESS = {"widths": (8,), "steps": 1_000_000, "curve_points": 2, "probes": ()}  # its second frame never comes


class DeafConnection(Connection):
    """A real connection to a real cluster, on which every message and result of one run is lost.

    Its workers send heartbeats more often than the dispatcher's patience lasts, as usual.
    """

    deaf_to = -1  # seed
    made = 0

    def __init__(self, address: str | None, on_message: OnMessage) -> None:
        type(self).made += 1
        self.heard: list[Mapping[str, Any]] = []
        self._lost: set[str] = set()

        def receive(message: Mapping[str, Any]) -> None:
            if message["attempt"] not in self._lost:
                self.heard.append(message)
                on_message(message)

        super().__init__(address, receive)

    def start(self, config: RunConfig, attempt: str, on_end: Any, shared: bool) -> None:
        self._client.run(_send_heartbeats_often)  # before a worker's first run, which reads the interval
        if config.seed == self.deaf_to:
            self._lost.add(attempt)
            super().start(config, attempt, lambda _: None, shared)
        else:
            super().start(config, attempt, on_end, shared)


@pytest.fixture(scope="module")
def deaf() -> Iterator[Service]:
    """A service with one worker, short patience, and connections that can be deaf to a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BNVIZ_SCHEDULER", raising=False)
        patch.setenv("BNVIZ_WORKERS", "1")
        patch.setattr(dispatcher, "SILENCE_SECONDS", SECONDS)
        patch.setattr(dispatcher, "Connection", DeafConnection)
        service = Service(store=ResultStore("none"))
        yield service
        service.close()


def _send_heartbeats_often() -> None:
    worker.HEARTBEAT_SECONDS = HEARTBEAT


def connected(service: Service, until: Callable[..., bool]) -> DeafConnection:
    """The service's present connection."""
    service.prepare()
    assert until(lambda: service.dispatcher._connection is not None)
    connection = service.dispatcher._connection
    assert isinstance(connection, DeafConnection)
    return connection


def test_training_sends_heartbeats_and_waiting_is_not_silence(
    deaf: Service, until: Callable[..., bool], wait: Callable[..., None]
) -> None:
    connection = connected(deaf, until)
    training, waiting = (deaf.submit(RunConfig(seed=seed, **ENDLESS), "me") for seed in (1, 2))
    beats = 3 * SECONDS / HEARTBEAT  # for longer than either run could be silent
    assert until(lambda: sum(not message["frames"] for message in connection.heard) > beats)
    assert (training.state, waiting.state) == ("running", "queued")
    assert len(deaf.dispatcher._attempts) == 2, "both were sent"
    assert deaf.dispatcher._connection is connection
    for job in (training, waiting):
        deaf.stop(job.key)
    wait(training, waiting)


def test_silent_run_is_sent_again_over_new_connection(
    deaf: Service, until: Callable[..., bool], wait: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connected(deaf, until)
    monkeypatch.setattr(connection, "deaf_to", 3)  # this one only: the next one hears
    process = connection._cluster.process
    silent, other = (deaf.submit(RunConfig(seed=seed, **STEADY), "me") for seed in (3, 4))
    wait(silent, other)
    assert [(job.state, job.error) for job in (silent, other)] == [("finished", None)] * 2
    assert deaf.dispatcher._connection is not connection
    assert process.poll() is not None, "the cluster was replaced, too"


def test_run_silent_twice_fails_and_others_go_on(
    deaf: Service, until: Callable[..., bool], wait: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(deaf, until)
    monkeypatch.setattr(DeafConnection, "deaf_to", 5)
    made = DeafConnection.made
    silent = deaf.submit(RunConfig(seed=5, **ENDLESS), "me")
    wait(silent)
    assert (silent.state, silent.error) == ("failed", dispatcher.SILENT.format(SECONDS))
    assert DeafConnection.made == made + 1, "the second time only the run was given up"
    later = deaf.submit(RunConfig(seed=6, **STEADY), "me")  # its worker was freed
    wait(later)
    assert (later.state, later.error) == ("finished", None)
