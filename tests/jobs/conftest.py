"""One service with two worker processes for all tests of this folder: starting it takes the time of importing torch."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from bnviz.jobs.service import Job, Service

SECONDS = 60  # nothing here takes as long, but machines are shared


def wait_until(condition: Callable[[], object], seconds: float = SECONDS) -> bool:
    """Whether `condition` came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """A service with an embedded cluster, both of its workers ready."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BNVIZ_SCHEDULER", raising=False)
        patch.setenv("BNVIZ_WORKERS", "2")
        service = Service()
        service.prepare()
        assert wait_until(
            lambda: service.dispatcher._connection is not None and service.dispatcher._connection.load().threads == 2
        )
        yield service
    process = service.dispatcher._connection._cluster.process
    service.close()
    assert process.poll() is not None


@pytest.fixture(scope="session")
def wait() -> Callable[..., None]:
    """Wait for jobs to end."""

    def wait(*jobs: Job) -> None:
        assert wait_until(lambda: not any(job.live for job in jobs)), [(job.state, job.step) for job in jobs]

    return wait


@pytest.fixture(scope="session")
def until() -> Callable[..., bool]:
    """`wait_until`, for tests."""
    return wait_until


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Of a process that starts one of its own: one worker, which is up sooner."""
    return {**os.environ, "BNVIZ_WORKERS": "1", "BNVIZ_SCHEDULER": "", "PYTHONPATH": os.getcwd()}
