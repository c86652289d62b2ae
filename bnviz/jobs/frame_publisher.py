"""FramePublisher: send the frames of a run to all apps that watch it."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from bnviz.core.record import Frame
from bnviz.jobs.frame_messages import frame_to_message

SEND_SECONDS = 0.3
"""Frames of this period become one message: pages poll about three times a second, and each message costs the scheduler
and every watching app some milliseconds."""


class FramePublisher:
    """Publish one run's frames on its topic: the first at once, later ones a few at a time.

    A message has the index of its first frame. If Dask restarts a run because its worker died, new frames then replace
    old ones, and an app that joins late notices what it has missed.
    """

    def __init__(self, attempt: str, send: Callable[[dict[str, Any]], None]) -> None:
        self.frames: list[Frame] = []
        self.stop_requested = False
        self._attempt = attempt
        self._send_message = send
        self._sent = 0
        self.send_heartbeat()
        self._next_send = monotonic()

    def add(self, frame: Frame) -> None:
        """Publish a frame, now or with later ones."""
        self.frames.append(frame)
        self.send_if_due()

    def send_if_due(self) -> None:
        """Send the frames that wait, unless the last message is too recent."""
        if len(self.frames) > self._sent and monotonic() >= self._next_send:
            messages = [frame_to_message(frame) for frame in self.frames[self._sent :]]
            self._send(messages)
            self._sent += len(messages)
            self._next_send = monotonic() + SEND_SECONDS

    def send_heartbeat(self) -> None:
        """Send a message without frames; any thread may call it."""
        self._send([])

    def _send(self, messages: list[dict[str, Any]]) -> None:
        self._send_message({"attempt": self._attempt, "first": self._sent, "frames": messages})
