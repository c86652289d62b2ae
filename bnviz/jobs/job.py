"""Job: state, frames and record of one submitted run, from submission to its end.

Frames are received in one thread while pages read from others.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import Literal

from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Record
from bnviz.jobs.frame_messages import Message, frame_from_message

State = Literal["queued", "running", "finished", "stopped", "failed"]
"""`finished` includes runs that diverged: the record's outcome tells the two apart."""


class Job:
    """One submitted run. All attributes are read-only for callers, and change while the run goes on.

    Attributes:
        config: the run.
        key: the run key; equal for all jobs of one configuration.
        estimated_seconds: the configuration's estimate of its training time.
        fresh: train even if a result is known.
        state: see `State`.
        error: a sentence, once the state is `failed`.
        step: the step of the last frame, -1 before the first.
        submitted, started, heard, ended: time.monotonic() of these events, `heard` of the last frame; None before the
            event, and for a job whose record was known already.
    """

    def __init__(self, config: RunConfig, fresh: bool = False) -> None:
        self.config = config
        self.fresh = fresh
        self.key = config.key
        self.estimated_seconds = config.estimated_seconds  # computed once: every waiting page asks for it
        self.state: State = "queued"
        self.error: str | None = None
        self.step = -1
        self.submitted = monotonic()
        self.started: float | None = None
        self.heard: float | None = None
        self.ended: float | None = None
        self._lock = threading.Lock()
        self._collecting = threading.Lock()  # one reader collects the frames while the others wait
        self._frames: list[Frame] = []
        self._record: Record | None = None  # of _frames, or the final record

    @property
    def live(self) -> bool:
        """Whether it is queued or running."""
        return self.ended is None

    @property
    def nbytes(self) -> int:
        """Size of the record, once the job has ended."""
        return self._record.nbytes if self._record is not None else 0

    def record(self) -> Record:
        """The measurements so far; the same object until there are more.

        Its outcome is `running` while the job is live, and `stopped` for a run that failed while training.
        """
        with self._collecting:
            return self._collect()

    def _collect(self) -> Record:
        with self._lock:
            if self._record is not None:
                return self._record
            frames, live = list(self._frames), self.live
        record = Record.from_frames(self.config, frames)  # takes some ms, so not under the lock that `receive` needs
        if not live:
            record = replace(record, outcome="stopped")
        with self._lock:
            if self._record is None and len(self._frames) == len(frames) and self.live == live:
                self._record = record
            return record if live or self._record is None else self._record

    @property
    def seconds(self) -> float | None:
        """Seconds from start to end; None if it never started or has not ended."""
        return None if self.started is None or self.ended is None else self.ended - self.started

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds to the end at the present pace; negative when overdue; None before the first steps."""
        started, heard, step = self.started, self.heard, self.step
        if started is None or heard is None or step < 1:
            return None
        return heard + (self.config.steps - step) * (heard - started) / step - monotonic()

    def receive(self, first: int, messages: Sequence[Message]) -> bool:
        """Add frames with indices from `first` on; an empty list says that the run is training.

        Returns:
            False if earlier frames are missing; nothing is added then.
        """
        with self._lock:
            self._note_start()
            if not self.live or first > len(self._frames):
                return not self.live
            if messages:
                # After a restart, new frames replace the old ones one by one, so that charts keep their curves.
                self._frames[first : first + len(messages)] = [frame_from_message(message) for message in messages]
                self._note_frames()
            return True

    def receive_all(self, messages: Sequence[Message]) -> None:
        """Replace the frames by all frames of the run so far, if these are more."""
        with self._lock:
            self._note_start()
            if self.live and len(messages) > len(self._frames):
                self._frames = [frame_from_message(message) for message in messages]
                self._note_frames()

    def start_over(self) -> None:
        """Return to the queue after its worker was lost; frames stay until new ones replace them."""
        with self._lock:
            if self.live:
                self.state, self.started, self.heard = "queued", None, None

    def _note_start(self) -> None:
        if self.live and self.started is None:
            self.started = monotonic()
            self.state = "running"

    def _note_frames(self) -> None:
        self.step = self._frames[-1].step
        self.heard = monotonic()
        self._record = None

    def end(self, state: State, record: Record | None = None, error: str | None = None) -> None:
        """Set the final state, and the record where there is one; only the first call has an effect."""
        with self._lock:
            if not self.live:
                return
            self._record = record
            if record is not None:
                self._frames = []
                self.step = record.last_step
            self.error = error
            self.ended = monotonic()
            self.state = state  # last, so that readers of an ended state find the rest
