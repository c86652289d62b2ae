"""FairQueue: a bounded queue of jobs, first in first out for each visitor and fair between visitors.

The next turn goes to the visitor with the fewest turns that train or wait. A turn is as many runs as a comparison has
arms, because one arm alone shows nothing. Not thread-safe; the dispatcher's lock guards it.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping

from bnviz.core import environment
from bnviz.jobs.errors import JobsError
from bnviz.jobs.job import Job

TURN_RUNS = 3
"""Runs of one visitor in one turn: a comparison has two or three arms."""


class FairQueue:
    """Jobs with their owners; the limits are BNVIZ_QUEUE and BNVIZ_SESSION_RUNS."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Job]] = []
        self._served: deque[str] = deque(maxlen=1000)  # owners, in order of their last turn
        self._open_turns: Counter[str] = Counter()  # runs taken in an unfinished turn, by owner

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, job: Job) -> bool:
        return any(job is other for _, other in self._waiting)

    def add(self, job: Job, owner: str, live_count: int) -> None:
        """Append a job of `owner`, who has `live_count` others waiting or training.

        Raises:
            JobsError: a limit is reached.
            EnvironmentVariableError: a limit is not a number.
        """
        session_limit, limit = environment.whole("BNVIZ_SESSION_RUNS"), environment.whole("BNVIZ_QUEUE")
        if live_count >= session_limit:
            raise JobsError(
                f"You have reached the limit for one visitor (runs that wait or train: {live_count}). "
                "Wait until one has ended, or stop one."
            )
        if len(self._waiting) >= limit:
            raise JobsError(
                f"The queue of this server is full (runs that wait: {len(self._waiting)}). Try again in a few minutes."
            )
        self._waiting.append((owner, job))

    def put_back(self, job: Job, owner: str) -> None:
        """Insert a lost job before all others."""
        self._waiting.insert(0, (owner, job))

    def remove(self, job: Job) -> None:
        """Remove a queued job."""
        self._waiting = [(owner, other) for owner, other in self._waiting if other is not job]

    def take(self, count: int, training: Mapping[str, int]) -> list[tuple[str, Job]]:
        """Remove and return the next `count` jobs with their owners; `training` counts the owners' sent jobs."""
        chosen = self._in_turn(training)[: max(count, 0)]
        for owner, job in chosen:
            self.remove(job)
            self._served.append(owner)
            self._open_turns[owner] = (self._open_turns[owner] + 1) % TURN_RUNS
        # A turn ends early if its owner has no more jobs: later ones belong to another turn.
        self._open_turns &= Counter(dict.fromkeys((owner for owner, _ in self._waiting), TURN_RUNS))
        return chosen

    def in_turn(self, training: Mapping[str, int]) -> list[Job]:
        """All jobs, in the order in which they will be taken if no others come."""
        return [job for _, job in self._in_turn(training)]

    def clear(self) -> list[Job]:
        """Remove and return all jobs."""
        jobs = [job for _, job in self._waiting]
        self._waiting = []
        return jobs

    def _in_turn(self, training: Mapping[str, int]) -> list[tuple[str, Job]]:
        """Sort by unfinished turns, earlier turns of the same owner, time since the owner's last turn, and arrival."""
        last_turn = {owner: place for place, owner in enumerate(self._served)}
        earlier: Counter[str] = Counter()
        first: dict[str, int] = {}
        ranks = []
        for place, (owner, _) in enumerate(self._waiting):
            taken = self._open_turns[owner]
            unfinished = taken and earlier[owner] < TURN_RUNS - taken
            turn = -1 if unfinished else (training.get(owner, 0) + earlier[owner]) // TURN_RUNS
            ranks.append((turn, last_turn.get(owner, -1), first.setdefault(owner, place), place))
            earlier[owner] += 1
        return [self._waiting[place] for *_, place in sorted(ranks)]


def expected_seconds(before: Iterable[Job], training: Iterable[Job], threads: int, pace: float) -> float:
    """Estimated wait of a job: the work that is left before it, divided by the workers.

    Args:
        before: queued jobs that start earlier.
        training: running jobs.
        threads: number of jobs that train at once.
        pace: training seconds for each estimated second.
    """
    remaining = sum(job.estimated_seconds * (1 - max(job.step, 0) / job.config.steps) for job in training)
    return pace * (remaining + sum(job.estimated_seconds for job in before)) / max(threads, 1)
