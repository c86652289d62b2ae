"""What happens inside a worker process: train one run, send its frames to whoever asked, stop when told.

Importing this module does not import torch, because the app refers to its functions by name. It does not know who
watches, how many, or what is queued.
"""

import logging
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from bnviz.config import RunConfig
from bnviz.datasets import DatasetError
from bnviz.record import Frame, Record

SEND_SECONDS = 0.05
"""Frames of less than this time are sent as one message: 20 pictures a second are more than a page can draw."""

logger = logging.getLogger(__name__)
_told_to_stop: deque[str] = deque(maxlen=64)  # attempts, not all of them of this worker; few, as each step looks


def run(config_json: str, attempt: str, topic: str) -> bytes | str:
    """Train one run as a Dask task: its Record as a netCDF file or, if it cannot be trained, a sentence that says why.

    The sentence is returned, not raised, because an exception of torch's would have torch imported where it arrives.

    Args:
        config_json: a RunConfig.
        attempt: names this one training of it, in the messages and to `tell_to_stop`.
        topic: the Dask topic that the frames are sent to.
    """
    try:
        return _run(RunConfig.model_validate_json(config_json), attempt, topic)
    except (DatasetError, ValueError) as error:  # bnviz's own refusals are sentences already
        return str(error)
    except Exception as error:
        logger.exception("run %s failed", attempt)
        return f"The training failed: {type(error).__name__}: {error}"


def tell_to_stop(attempt: str) -> None:
    """Make this process's run of that name, if it has it, now or later, stop before its next step."""
    _told_to_stop.append(attempt)


def dask_setup(_worker: Any) -> None:
    """Called by Dask in a new worker process before it takes work: what is slow the first time is done now."""
    from bnviz.training import train

    _use_one_thread()
    config = RunConfig(steps=2, norm="batch")
    _to_file(config, list(train(config)))


def _run(config: RunConfig, attempt: str, topic: str) -> bytes:
    from distributed import get_worker

    from bnviz.training import train

    _use_one_thread()
    outgoing = _Outgoing(attempt, topic, get_worker().log_event)

    def should_stop() -> bool:
        outgoing.send_if_due()  # here, because the next frame may be far off
        return attempt in _told_to_stop

    frames = []
    for frame in train(config, should_stop=should_stop):
        frames.append(frame)
        outgoing.add(frame)
    return _to_file(config, frames)  # has the last frames, too: they need not be sent


def _to_file(config: RunConfig, frames: list[Frame]) -> bytes:
    import dask

    # Without this setting, xarray connects the worker to the scheduler once more, to share the writing out.
    with dask.config.set(scheduler="synchronous"):
        return Record.from_frames(config, frames).to_bytes()


def _use_one_thread() -> None:
    """One worker, one core: the networks are small, and more threads would only get in each other's way."""
    import torch

    torch.set_num_threads(1)


class _Outgoing:
    """Frames on their way to the app, the first at once, later ones a few at a time.

    A message says at which place in the run its frames belong. So if Dask starts a run over, because its worker died,
    the new frames take the place of the old.
    """

    def __init__(self, attempt: str, topic: str, log_event: Callable[[str, Any], None]) -> None:
        self._attempt = attempt
        self._topic = topic
        self._log_event = log_event
        self._waiting: list[dict[str, Any]] = []
        self._sent = 0
        self._send()  # an empty message: the run has begun
        self._next = monotonic()

    def add(self, frame: Frame) -> None:
        self._waiting.append(frame.to_message())
        self.send_if_due()

    def send_if_due(self) -> None:
        if self._waiting and monotonic() >= self._next:
            self._send()

    def _send(self) -> None:
        self._log_event(self._topic, {"attempt": self._attempt, "first": self._sent, "frames": self._waiting})
        self._sent += len(self._waiting)
        self._waiting = []
        self._next = monotonic() + SEND_SECONDS
