"""What happens in a worker process: train one run, send its frames to the apps that asked, stop on request.

Importing this module does not import torch, because the app refers to its functions by name.
"""

import logging
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

from bnviz.core.config import MEASURING_VERSION, RunConfig
from bnviz.core.record import Frame, Record
from bnviz.datasets import DatasetError
from bnviz.jobs.scheduler_calls import TASK_PREFIX
from bnviz.jobs.thread_priority import lower_priority
from bnviz.records import gallery

HEARTBEAT_SECONDS = 10.0
"""A run sends a message at least this often, if only to say that it goes on; see `dispatcher.SILENCE_SECONDS`."""
SEND_SECONDS = 0.3
"""Frames of less than this time are sent as one message: a page looks three times a second at most, and each message
takes some milliseconds of the scheduler's time and of every app's that watches."""

logger = logging.getLogger(__name__)
_running: dict[str, "_Outgoing"] = {}  # what this process trains now, by attempt


def run(config_json: str, attempt: str, measuring: int) -> bytes | str:
    """Train one run as a Dask task: its Record as the store keeps it or, if it cannot be trained, a sentence on why.

    It is packed here, not where it arrives, because an app has thirty visitors to answer.

    The sentence is returned, not raised, because an exception of torch's would have torch imported where it arrives.

    Args:
        config_json: a RunConfig.
        attempt: names this one training of it, as the functions below are asked for it.
        measuring: the measuring version of who asks; another one here would give numbers under the wrong run key.
    """
    if measuring != MEASURING_VERSION:
        return (
            f"The worker on {socket.gethostname()} has another version of bnviz (it measures by version "
            f"{MEASURING_VERSION}, the app by {measuring}); install the same one on all machines and start them again."
        )
    try:
        return _run(RunConfig.model_validate_json(config_json), attempt)
    except (DatasetError, ValueError) as error:  # bnviz's own refusals are sentences already
        return str(error)
    except Exception as error:
        logger.exception("run %s failed", attempt)
        return f"The training failed: {type(error).__name__}: {error}"


def request_stop(attempt: str) -> bool:
    """Make this process's run of that name stop before its next step; False if it has none."""
    running = _running.get(attempt)
    if running is not None:
        running.stopping = True
    return running is not None


def frames_of(attempt: str) -> list[dict[str, Any]] | None:
    """All frames, as messages, of this process's run of that name, for who comes late; None if it has none."""
    running = _running.get(attempt)
    return None if running is None else [frame.to_message() for frame in list(running.frames)]


def task_key(attempt: str) -> str:
    """What Dask calls an attempt, and the topic of its frames: the same for all apps, so that several share one run."""
    return f"{TASK_PREFIX}{attempt}"


def dask_setup(_worker: Any) -> None:
    """Called by Dask in a new worker process before it takes work: what is slow the first time is done now."""
    from bnviz.training import train

    _use_one_thread()
    config = RunConfig(steps=2, norm="batch")
    _packed(config, list(train(on_default_device(config))))


def on_default_device(config: RunConfig) -> RunConfig:
    """As a worker trains it: on the processor, unless it says `device=cuda`.

    Records bear the name of what was asked for. Were "auto" a GPU where there is one, they, and the arms of a
    comparison, would differ with the worker that happened to be free.
    """
    return config.with_changes(device="cpu") if config.device == "auto" else config


def _run(config: RunConfig, attempt: str) -> bytes:
    from distributed import get_worker

    from bnviz.training import train

    _use_one_thread()
    lower_priority()
    worker = get_worker()
    outgoing = _running[attempt] = _Outgoing(attempt, worker.log_event)

    def should_stop() -> bool:
        outgoing.send_if_due()  # here, because the next frame may be far off
        return outgoing.stopping or _is_cancelled(worker, attempt)

    try:
        for frame in train(on_default_device(config), should_stop=should_stop):
            outgoing.add(frame)
        return _packed(config, outgoing.frames)  # has the last frames, too: they need not be sent
    finally:
        del _running[attempt]


def _is_cancelled(worker: Any, attempt: str) -> bool:
    """Whether nobody wants this run any more: who asked for it has hung up, or has died."""
    task = worker.state.tasks.get(task_key(attempt))
    return task is not None and task.state == "cancelled"


def _packed(config: RunConfig, frames: list[Frame]) -> bytes:
    import dask

    # Without this setting, xarray connects the worker to the scheduler once more, to share the writing out.
    with dask.config.set(scheduler="synchronous"):
        return gallery.packed(Record.from_frames(config, frames), level=0)


def _use_one_thread() -> None:
    """One worker, one core: the networks are small, and more threads would only get in each other's way."""
    import torch

    torch.set_num_threads(1)


class _Outgoing:
    """Frames of one run on their way to the apps, the first at once, later ones a few at a time.

    A message says at which place in the run its frames belong. So if Dask starts a run over, because its worker died,
    the new frames take the place of the old; and who comes late sees that there were others before.
    """

    def __init__(self, attempt: str, log_event: Callable[[str, Any], None]) -> None:
        self.frames: list[Frame] = []
        self.stopping = False
        self._attempt = attempt
        self._log_event = log_event
        self._sent = 0
        self._send()  # an empty message: the run has begun
        self._next = monotonic()

    def add(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.send_if_due()

    def send_if_due(self) -> None:
        overdue = monotonic() - self._next
        if overdue >= 0 and (len(self.frames) > self._sent or overdue >= HEARTBEAT_SECONDS):
            self._send()

    def _send(self) -> None:
        waiting = [frame.to_message() for frame in self.frames[self._sent :]]
        self._log_event(task_key(self._attempt), {"attempt": self._attempt, "first": self._sent, "frames": waiting})
        self._sent += len(waiting)
        self._next = monotonic() + SEND_SECONDS
