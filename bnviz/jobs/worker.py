"""Tasks of a worker process: train one run, publish its frames, stop on request.

The app imports this module to name its functions, so it must not import torch at the top.
"""

import logging
import socket
import threading
from functools import cache, partial
from time import sleep
from typing import Any

from bnviz.core.config import MEASURING_VERSION, RunConfig
from bnviz.core.record import Frame, Record
from bnviz.datasets import DatasetError
from bnviz.jobs.frame_messages import frame_to_message
from bnviz.jobs.frame_publisher import FramePublisher
from bnviz.jobs.scheduler_calls import TASK_PREFIX
from bnviz.jobs.thread_priority import lower_priority
from bnviz.records import gallery

HEARTBEAT_SECONDS = 10.0
"""Interval of empty messages that show that a run is training; `dispatcher.SILENCE_SECONDS` is three times as long."""

logger = logging.getLogger(__name__)
_active_runs: dict[str, FramePublisher] = {}  # by attempt


def run(config_json: str, attempt: str, measuring_version: int) -> bytes | str:
    """Train one run as a Dask task; return its packed Record, or a sentence on why it cannot be trained.

    The record is packed here because the app has many visitors to serve. The sentence is returned instead of raised
    because an exception of torch's would import torch in the app.

    Args:
        config_json: a RunConfig.
        attempt: name of this training; topic and requests use it.
        measuring_version: the app's; with another version here, numbers would not belong to the run key.
    """
    if measuring_version != MEASURING_VERSION:
        return (
            f"The worker on {socket.gethostname()} has another version of bnviz (it measures by version "
            f"{MEASURING_VERSION}, the app by {measuring_version}); install the same one on all machines and start "
            "them again."
        )
    try:
        return _train(RunConfig.model_validate_json(config_json), attempt)
    except (DatasetError, ValueError) as error:  # bnviz's own messages are sentences already
        return str(error)
    except Exception as error:
        logger.exception("run %s failed", attempt)
        return f"The training failed: {type(error).__name__}: {error}"


def request_stop(attempt: str) -> bool:
    """Stop this process's run of that name before its next step; return False if there is none."""
    publisher = _active_runs.get(attempt)
    if publisher is not None:
        publisher.stop_requested = True
    return publisher is not None


def frames_of(attempt: str) -> list[dict[str, Any]] | None:
    """All frames so far, as messages, of this process's run of that name; None if there is none."""
    publisher = _active_runs.get(attempt)
    return None if publisher is None else [frame_to_message(frame) for frame in list(publisher.frames)]


def task_key(attempt: str) -> str:
    """Name of an attempt's Dask task and of the topic of its frames; equal in all apps, so that they share one run."""
    return f"{TASK_PREFIX}{attempt}"


def dask_setup(_worker: Any) -> None:
    """Train for two steps before the worker takes tasks, so that the first run finds everything loaded."""
    from bnviz.training import train

    _use_one_thread()
    config = RunConfig(steps=2, norm="batch")
    _packed_record(config, list(train(resolve_device(config))))


def resolve_device(config: RunConfig) -> RunConfig:
    """Replace the device `auto` by `cpu`.

    Records are named by their settings. If `auto` could be a GPU, results would depend on which worker was free.
    """
    return config.with_changes(device="cpu") if config.device == "auto" else config


def _train(config: RunConfig, attempt: str) -> bytes:
    from distributed import get_worker

    from bnviz.training import train

    _use_one_thread()
    _start_heartbeats()
    lower_priority()
    worker = get_worker()
    publisher = _active_runs[attempt] = FramePublisher(attempt, partial(worker.log_event, task_key(attempt)))

    def should_stop() -> bool:
        publisher.send_if_due()  # the next frame may be far off
        return publisher.stop_requested or _is_cancelled(worker, attempt)

    try:
        for frame in train(resolve_device(config), should_stop=should_stop):
            publisher.add(frame)
        return _packed_record(config, publisher.frames)  # includes frames that were not sent
    finally:
        del _active_runs[attempt]


def _is_cancelled(worker: Any, attempt: str) -> bool:
    """Whether every app that asked for the run has disconnected or died."""
    task = worker.state.tasks.get(task_key(attempt))
    return task is not None and task.state == "cancelled"


def _packed_record(config: RunConfig, frames: list[Frame]) -> bytes:
    import dask

    # Without this setting, xarray would connect to the scheduler to distribute the writing.
    with dask.config.set(scheduler="synchronous"):
        return gallery.packed(Record.from_frames(config, frames), level=0)


def _use_one_thread() -> None:
    """Use one core for each worker: the networks are small, and workers use the other cores."""
    import torch

    torch.set_num_threads(1)


@cache
def _start_heartbeats() -> None:
    """Start one thread for the process; its priority stays normal, as it is started before `lower_priority`."""
    threading.Thread(target=_send_heartbeats, name="bnviz-heartbeats", daemon=True).start()


def _send_heartbeats() -> None:
    while True:
        sleep(HEARTBEAT_SECONDS)
        for publisher in list(_active_runs.values()):
            publisher.send_heartbeat()
