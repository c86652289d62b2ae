"""Statistics that claims are made of: numbers at a run's end, and how two arms compare."""

import math
from collections.abc import Callable

import numpy as np

from bnviz.core import registry
from bnviz.core.record import Record
from bnviz.experiments._over_time import Runs, log_of_ratio

Number = Callable[[Record], float]

GOAL = 0.9
"""Test accuracy that a network is timed to (a choice of bnviz)."""


def accuracy(record: Record) -> float:
    """On all test samples at the end; that of guessing, 1 / classes, if the run diverged."""
    return _guessing(record) if record.outcome == "diverged" else record.final("final_test_accuracy")


def population_accuracy(record: Record) -> float:
    """The same with population statistics, where a network has statistics."""
    return _guessing(record) if record.outcome == "diverged" else record.final("population_test_accuracy")


def _guessing(record: Record) -> float:
    return 1 / float(registry.describe("datasets", record.config.dataset).constants["CLASSES"])


def updates_to_goal(record: Record) -> float:
    """Updates until the test accuracy first reached GOAL, on straight lines between its notes; infinite if never."""
    steps, scores = record.data["step"].values, record.data["test_accuracy"].values
    reached = np.flatnonzero(scores >= GOAL)
    if not reached.size:
        return math.inf
    place = int(reached[0])
    if place == 0:
        return float(steps[0])
    share = (GOAL - scores[place - 1]) / (scores[place] - scores[place - 1])
    return float(steps[place - 1] + share * (steps[place] - steps[place - 1]))


def log_ratio_of_updates(arm: str, other: str) -> Callable[[Runs], float]:
    """Log ratio of the updates that two arms take to GOAL; one that never gets there counts as if it did at the end.

    So the ratio is nearer to 1 than the truth where one arm does not get there, and undefined where neither does.
    """

    def statistic(runs: Runs) -> float:
        times = [updates_to_goal(runs[name]) for name in (arm, other)]
        if all(map(math.isinf, times)):
            return math.nan
        over, under = (max(min(time, runs[arm].config.steps), 1.0) for time in times)
        return log_of_ratio(over, under)

    return statistic


def middle_value(values: object) -> float:
    """The median of what is not missing; NaN if everything is."""
    numbers = np.asarray(values, float)
    seen = numbers[~np.isnan(numbers)]
    return float(np.median(seen)) if seen.size else math.nan


def difference(of: Number, arm: str, other: str) -> Callable[[Runs], float]:
    """`of` in one arm minus `of` in the other."""
    return lambda runs: of(runs[arm]) - of(runs[other])


def alone(of: Number, arm: str) -> Callable[[Runs], float]:
    """`of` in one arm."""
    return lambda runs: of(runs[arm])
