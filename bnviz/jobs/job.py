"""Job: one training of one configuration, as seen from the app, while it waits, while it runs and afterwards.

Frames come in from one thread and pages look from others. A job does not know who trains it, where, or why it stops.
"""

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Literal

from bnviz.config import RunConfig
from bnviz.record import Frame, Record

State = Literal["queued", "running", "finished", "stopped", "failed"]
"""`finished` includes runs that diverged: the record's outcome tells the two apart."""


class Job:
    """One attempt at a run. All attributes are to be read only; they change as news comes in.

    Attributes:
        config: what is trained.
        key: the run key; a later attempt at the same configuration has the same.
        attempt: names this attempt only.
        state: see `State`.
        error: a sentence, once the state is `failed`.
        step: the last step heard of, -1 before the first frame.
        submitted, started, ended: time.monotonic(); None for what is still to come.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.key = config.key
        self.attempt = uuid.uuid4().hex
        self.state: State = "queued"
        self.error: str | None = None
        self.step = -1
        self.submitted = monotonic()
        self.started: float | None = None
        self.ended: float | None = None
        self._lock = threading.Lock()
        self._frames: list[Frame] = []
        self._record: Record | None = None  # of what is in _frames, or the final one

    @property
    def live(self) -> bool:
        """Whether it is queued or running."""
        return self.ended is None

    def record(self) -> Record:
        """What was measured so far, or in the end; the same object until there is more.

        Its outcome is `running` while the job is live, and `stopped` for a run that failed underway.
        """
        with self._lock:
            if self._record is not None:
                return self._record
            frames, live = list(self._frames), self.live
        record = Record.from_frames(self.config, frames)  # takes some ms: without the lock, or frames could not come in
        if not live:
            record = replace(record, outcome="stopped")
        with self._lock:
            if self._record is None and len(self._frames) == len(frames) and self.live == live:
                self._record = record
            return record if live or self._record is None else self._record

    def receive(self, first: int, messages: Sequence[Mapping[str, Any]]) -> None:
        """Take in frames, as messages, that belong in place `first` and after; an empty list says that it has begun."""
        frames = [Frame.from_message(message) for message in messages]
        with self._lock:
            if not self.live:
                return
            if self.started is None:
                self.started = monotonic()
                self.state = "running"
            self._frames[first:] = frames  # if a run was started over, its new frames replace the old ones
            self.step = self._frames[-1].step if self._frames else -1
            self._record = None

    def end(self, state: State, record: Record | None = None, error: str | None = None) -> None:
        """Note how it ended, and the whole record where there is one; of several ends the first counts."""
        with self._lock:
            if not self.live:
                return
            self._record = record
            if record is not None:
                self._frames = []
                self.step = record.last_step
            self.error = error
            self.ended = monotonic()
            self.state = state  # last: who sees it may rely on the rest
