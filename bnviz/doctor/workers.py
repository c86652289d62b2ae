"""Check of the workers: can they be reached or started, and do they train? A run of a few steps says so.

Knows that they are Dask's and where their address comes from, but nothing of how jobs are queued or watched.
"""

import os
from collections.abc import Iterator
from time import perf_counter

from bnviz.config import RunConfig
from bnviz.doctor.check import INSTALL, Check
from bnviz.record import Outcome, Record

CONNECT_SECONDS = 10
WORKER_SECONDS = 60  # a worker that has just been started imports torch first, which takes some seconds
RUN_SECONDS = 60


def cluster() -> Iterator[Check]:
    """Connect to BNVIZ_SCHEDULER where it is set, else start workers here; then train five steps on one of them."""
    from bnviz.jobs.cluster import JobsError, start_embedded

    address = os.environ.get("BNVIZ_SCHEDULER")
    if address:
        advice = "Start that scheduler, correct BNVIZ_SCHEDULER, or unset it to have workers started here."
        yield try_workers("BNVIZ_SCHEDULER", address, advice)
        return
    started = perf_counter()
    try:
        embedded = start_embedded()
    except JobsError as error:
        yield Check("cluster", "problem", f"cannot be started: {error}", INSTALL)
        return
    try:
        name = f"scheduler started in {perf_counter() - started:.1f} s"
        yield try_workers(name, embedded.address, "See what python -m bnviz.jobs.cluster says.")
    finally:
        embedded.close()


def try_workers(name: str, address: str, advice: str) -> Check:
    """Train five steps on a worker of the scheduler at `address`."""
    from distributed import Client

    started = perf_counter()
    try:
        with Client(address, timeout=CONNECT_SECONDS, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
            number = len(client.scheduler_info(n_workers=-1)["workers"])
            reached = perf_counter()
            step, outcome = client.submit(train_small, pure=False).result(timeout=RUN_SECONDS)
            ended = perf_counter()
    except (OSError, TimeoutError, ValueError) as error:
        return Check("cluster", "problem", f"{name}: no answer in time or no workers: {error}", advice)
    spent = f"up after {reached - started:.1f} s, a run of {step} steps {outcome} in {ended - reached:.1f} s"
    return Check("cluster", "ok", f"{name}, {number} worker{'s' * (number != 1)} {spent}")


def train_small() -> tuple[int, Outcome]:
    """What a worker is asked for: a small run's last step, and how the run ended."""
    from bnviz.training import train

    config = RunConfig(norm="batch", steps=5)
    record = Record.from_frames(config, train(config))
    return record.last_step, record.outcome
