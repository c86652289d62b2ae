"""Check that workers can be reached or started, and that one trains a run of a few steps."""

import os
from collections.abc import Iterator
from time import perf_counter

from bnviz.core.config import MEASURING_VERSION, RunConfig
from bnviz.doctor.check import INSTALL, Check
from bnviz.records import gallery

CONNECT_SECONDS = 10
WORKER_SECONDS = 60  # a worker that has just been started imports torch first, which takes some seconds
RUN_SECONDS = 60
SMALL = RunConfig(norm="batch", steps=5)


def cluster() -> Iterator[Check]:
    """Connect to BNVIZ_SCHEDULER if it is set, otherwise start workers; then train five steps on one of them."""
    from bnviz.jobs.errors import JobsError
    from bnviz.jobs.local_cluster import start_embedded

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
        yield try_workers(name, embedded.address, "See what python -m bnviz.jobs.local_cluster says.")
    finally:
        embedded.close()


def try_workers(name: str, address: str, advice: str) -> Check:
    """Train five steps on a worker of the scheduler at `address`, in the same way as the app does."""
    from distributed import Client

    from bnviz.jobs import worker

    started = perf_counter()
    try:
        with Client(address, timeout=CONNECT_SECONDS, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
            number = len(client.scheduler_info(n_workers=-1)["workers"])
            reached = perf_counter()
            arguments = (SMALL.model_dump_json(), "doctor", MEASURING_VERSION)
            result = client.submit(worker.run, *arguments, pure=False).result(timeout=RUN_SECONDS)
            ended = perf_counter()
    except (OSError, TimeoutError, ValueError) as error:
        return Check("cluster", "problem", f"{name}: no answer in time or no workers: {error}", advice)
    if isinstance(result, str):
        return Check("cluster", "problem", f"{name}, but a worker says: {result}", advice)
    record = gallery.unpacked(result)
    run = f"a run of {record.last_step} steps {record.outcome}"
    spent = f"up after {reached - started:.1f} s, {run} in {ended - reached:.1f} s"
    return Check("cluster", "ok", f"{name}, {number} worker{'s' * (number != 1)} {spent}")
