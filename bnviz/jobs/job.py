"""One run that was asked for, as seen from the app: while it waits, while it trains and afterwards.

Frames arrive in one thread, and pages look it up from others.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Literal

from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Record

State = Literal["queued", "running", "finished", "stopped", "failed"]
"""`finished` includes runs that diverged: the record's outcome tells the two apart."""


class Job:
    """All attributes are to be read only; they change as news comes in.

    Attributes:
        config: what is trained.
        key: the run key; a later job for the same configuration has the same.
        estimated_seconds: as the configuration's.
        fresh: whether it is to be trained even if a result is known somewhere.
        state: see `State`.
        error: a sentence, once the state is `failed`.
        step: the last step heard of, -1 before the first frame.
        submitted, sent, started, heard, ended: time.monotonic() when it was asked for, sent to the cluster, began, was
            last heard of, and ended; None for what is still to come, or never was if the record was there already.
    """

    def __init__(self, config: RunConfig, fresh: bool = False) -> None:
        self.config = config
        self.fresh = fresh
        self.key = config.key
        self.estimated_seconds = config.estimated_seconds  # whoever waits asks again and again for all before it
        self.state: State = "queued"
        self.error: str | None = None
        self.step = -1
        self.submitted = monotonic()
        self.sent: float | None = None
        self.started: float | None = None
        self.heard: float | None = None
        self.ended: float | None = None
        self._lock = threading.Lock()
        self._collecting = threading.Lock()  # one of all who look collects the frames, and the others wait for it
        self._frames: list[Frame] = []
        self._record: Record | None = None  # of what is in _frames, or the final one

    @property
    def live(self) -> bool:
        """Whether it is queued or running."""
        return self.ended is None

    @property
    def nbytes(self) -> int:
        """Of the record, once it has ended."""
        return self._record.nbytes if self._record is not None else 0

    def record(self) -> Record:
        """What was measured so far, or in the end; the same object until there is more.

        Its outcome is `running` while the job is live, and `stopped` for a run that failed underway.
        """
        with self._collecting:
            return self._collected()

    def _collected(self) -> Record:
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

    @property
    def seconds(self) -> float | None:
        """How long it trained, seen from here; None if it did not, or has not ended."""
        return None if self.started is None or self.ended is None else self.ended - self.started

    @property
    def last_sign(self) -> float:
        """When it was last heard of, or else sent; time.monotonic()."""
        return self.heard or self.started or self.sent or self.submitted

    def receive(self, first: int, messages: Sequence[Mapping[str, Any]]) -> bool:
        """Take in frames, as messages, that belong in place `first` and after; an empty list says that it has begun.

        Returns:
            False if frames before these are missing; these are not taken in then.
        """
        with self._lock:
            self._note_start()
            if not self.live or first > len(self._frames):
                return not self.live
            # If a run was started over, its new frames replace the old ones, one by one, so nothing shown is lost.
            self._frames[first : first + len(messages)] = [Frame.from_message(message) for message in messages]
            self._note_news()
            return True

    def catch_up(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Take in all frames so far of a run that was going on already; no effect if there are as many here."""
        with self._lock:
            self._note_start()
            if self.live and len(messages) > len(self._frames):
                self._frames = [Frame.from_message(message) for message in messages]
                self._note_news()

    def start_over(self) -> None:
        """Wait again: what trained it was lost. What it measured stays until there is something new."""
        with self._lock:
            if self.live:
                self.state, self.sent, self.started, self.heard = "queued", None, None, None

    def _note_start(self) -> None:
        if self.live and self.started is None:
            self.started = monotonic()
            self.state = "running"

    def _note_news(self) -> None:
        self.step = self._frames[-1].step if self._frames else -1
        self.heard = monotonic()
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
