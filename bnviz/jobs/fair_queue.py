"""FairQueue: jobs that wait, first in first out for each visitor and fair between visitors, within limits.

Whose turn it is follows from how much each visitor has training and waiting already, not from who came first with how
much. A turn is as many runs as a comparison has arms, as nobody can do anything with one arm. Not safe for threads by
itself: the service's lock guards it. It does not know what trains the jobs.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping

from bnviz.core import environment
from bnviz.jobs.errors import JobsError
from bnviz.jobs.job import Job

TOGETHER = 3
"""Runs of one visitor that are taken in one turn: the arms of a comparison, of which there are two or three."""


class FairQueue:
    """Jobs with their owner, who asked for them first; limits are read from BNVIZ_QUEUE and BNVIZ_SESSION_RUNS."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Job]] = []
        self._served: deque[str] = deque(maxlen=1000)  # owners, the one served last at the end
        self._begun: Counter[str] = Counter()  # runs taken in a turn that goes on, by owner

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, job: Job) -> bool:
        return any(job is other for _, other in self._waiting)

    def add(self, job: Job, owner: str, going: int) -> None:
        """Let a job of `owner`, who has `going` others waiting or training, wait.

        Raises:
            JobsError: that would be more than the limits allow.
            EnvironmentVariableError: a limit is not a number.
        """
        of_one, of_all = environment.whole("BNVIZ_SESSION_RUNS"), environment.whole("BNVIZ_QUEUE")
        if going >= of_one:
            raise JobsError(
                f"As many runs of yours ({going}) wait or train as one visitor may have; let some end, or stop them."
            )
        if len(self._waiting) >= of_all:
            raise JobsError(
                f"As many runs ({len(self._waiting)}) wait here as this server lets wait; try again in a few minutes."
            )
        self._waiting.append((owner, job))

    def put_back(self, job: Job, owner: str) -> None:
        """Let a job wait that was sent and lost; before the owner's others."""
        self._waiting.insert(0, (owner, job))

    def remove(self, job: Job) -> None:
        """Take a job out that is there."""
        self._waiting = [(owner, other) for owner, other in self._waiting if other is not job]

    def take(self, count: int, training: Mapping[str, int]) -> list[tuple[str, Job]]:
        """The next `count` jobs with their owners, taken out; `training` is how many each owner has sent already."""
        chosen = self._in_turn(training)[: max(count, 0)]
        for owner, job in chosen:
            self.remove(job)
            self._served.append(owner)
            self._begun[owner] = (self._begun[owner] + 1) % TOGETHER
        # A turn ends early if there is no more: what is asked for later waits for another one.
        self._begun &= Counter(dict.fromkeys((owner for owner, _ in self._waiting), TOGETHER))
        return chosen

    def in_turn(self, training: Mapping[str, int]) -> list[Job]:
        """All that wait, in the order in which they will be taken if nothing else happens."""
        return [job for _, job in self._in_turn(training)]

    def clear(self) -> list[Job]:
        """Take all out."""
        jobs = [job for _, job in self._waiting]
        self._waiting = []
        return jobs

    def _in_turn(self, training: Mapping[str, int]) -> list[tuple[str, Job]]:
        """Turns that go on; then by how many turns of the same owner come before; then who was served longest ago; then
        who asked first."""
        last = {owner: place for place, owner in enumerate(self._served)}
        mine: Counter[str] = Counter()
        first: dict[str, int] = {}
        ranks = []
        for place, (owner, _) in enumerate(self._waiting):
            begun = self._begun[owner]
            goes_on = begun and mine[owner] < TOGETHER - begun
            turn = -1 if goes_on else (training.get(owner, 0) + mine[owner]) // TOGETHER
            ranks.append((turn, last.get(owner, -1), first.setdefault(owner, place), place))
            mine[owner] += 1
        return [self._waiting[place] for *_, place in sorted(ranks)]


def expected_seconds(before: Iterable[Job], training: Iterable[Job], threads: int, pace: float) -> float:
    """Rough wait of a job: what is left of those that train, and all of those before it, shared by the workers.

    Args:
        before: those that wait and come first.
        training: those that were sent.
        threads: how many train at once.
        pace: seconds that runs take here for each second that their configuration estimates.
    """
    left = sum(job.estimated_seconds * (1 - max(job.step, 0) / job.config.steps) for job in training)
    return pace * (left + sum(job.estimated_seconds for job in before)) / max(threads, 1)
