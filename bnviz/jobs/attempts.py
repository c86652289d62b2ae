"""Runs that were sent to the cluster: whose they are, how often each was sent, and when each was last heard of."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from time import monotonic

from bnviz.jobs.job import Job, State


@dataclass(eq=False)
class Attempt:
    """One training of a job, sent to the cluster.

    Attributes:
        name: the run key for a first attempt, so that several apps share one training; unique for any other.
        owner: the visitor who asked for the job first.
        stopping: its stop was requested.
        last_heard: time.monotonic() of its last message, or of the last time that it waited for a free worker.
    """

    name: str
    job: Job
    owner: str
    stopping: bool = False
    last_heard: float = field(default_factory=monotonic)


class Attempts:
    """All attempts at the cluster, in order of sending. Not thread-safe."""

    def __init__(self) -> None:
        self._by_name: dict[str, Attempt] = {}
        self._counts: Counter[str] = Counter()  # by run key, of live jobs

    def __iter__(self) -> Iterator[Attempt]:
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> Attempt | None:
        """The attempt of that name; None if it has ended or was given up."""
        return self._by_name.get(name)

    def of(self, job: Job) -> Attempt | None:
        """The job's attempt, if it was sent."""
        return next((attempt for attempt in self if attempt.job is job), None)

    def add(self, job: Job, owner: str) -> Attempt:
        """Make the job's next attempt."""
        self._counts[job.key] += 1
        shared = self._counts[job.key] == 1 and not job.fresh
        attempt = Attempt(job.key if shared else f"{job.key}-{uuid.uuid4().hex}", job, owner)
        self._by_name[attempt.name] = attempt
        return attempt

    def remove(self, attempt: Attempt) -> None:
        """Give an attempt up; its job may be sent again."""
        del self._by_name[attempt.name]

    def forget(self, job: Job) -> None:
        """Remove a job that has ended, with its attempt if it has one."""
        attempt = self.of(job)
        if attempt is not None:
            self.remove(attempt)
        del self._counts[job.key]

    def may_repeat(self, job: Job) -> bool:
        """Whether a lost job is sent again: once."""
        return self._counts[job.key] < 2

    def owners(self) -> Counter[str]:
        """How many attempts each owner has."""
        return Counter(attempt.owner for attempt in self)

    def jobs(self, state: State) -> list[Job]:
        """Jobs in this state."""
        return [attempt.job for attempt in self if attempt.job.state == state]

    def silent(self, seconds: float, waiting: Collection[str]) -> list[Attempt]:
        """Attempts that have sent nothing for so long, except those named in `waiting` for a free worker."""
        now = monotonic()
        for attempt in self:
            if attempt.name in waiting:
                attempt.last_heard = now
        return [attempt for attempt in self if now - attempt.last_heard > seconds]
