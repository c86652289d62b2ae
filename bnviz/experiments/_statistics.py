"""Statistics for claims: numbers at the end of a run, and comparisons of two arms."""

import math
from collections.abc import Callable

import numpy as np

from bnviz.analysis.quantities import final_score
from bnviz.core import registry
from bnviz.core.record import Record
from bnviz.experiments._over_time import Runs, log_of_ratio

Number = Callable[[Record], float]

GOAL = 0.9
"""Test accuracy up to which updates are counted (a choice of bnviz)."""


def accuracy(record: Record) -> float:
    """Test accuracy at the end; that of guessing, 1 / classes, if the run diverged."""
    return _guessing(record) if record.outcome == "diverged" else final_score(record, "test_accuracy")


def population_accuracy(record: Record) -> float:
    """Test accuracy at the end with population statistics; that of guessing if the run diverged."""
    return _guessing(record) if record.outcome == "diverged" else record.final("population_test_accuracy")


def _guessing(record: Record) -> float:
    return 1 / float(registry.describe("datasets", record.config.dataset).constants["CLASSES"])


def updates_to_goal(record: Record) -> float:
    """Updates until the test accuracy first reached GOAL, interpolated linearly; infinite if never."""
    steps, scores = record.data["step"].values, record.data["test_accuracy"].values
    reached = np.flatnonzero(scores >= GOAL)
    if not reached.size:
        return math.inf
    index = int(reached[0])
    if index == 0:
        return float(steps[0])
    share = (GOAL - scores[index - 1]) / (scores[index] - scores[index - 1])
    return float(steps[index - 1] + share * (steps[index] - steps[index - 1]))


def log_ratio_of_updates(arm: str, other: str) -> Callable[[Runs], float]:
    """Log ratio of the updates that two arms need to reach GOAL.

    An arm that never reaches it counts with the length of the run, which brings the ratio nearer to 1. NaN if neither
    arm reaches it.
    """

    def statistic(runs: Runs) -> float:
        times = [updates_to_goal(runs[name]) for name in (arm, other)]
        if all(map(math.isinf, times)):
            return math.nan
        over, under = (max(min(time, runs[arm].config.steps), 1.0) for time in times)
        return log_of_ratio(over, under)

    return statistic


def median_value(values: object) -> float:
    """Return the median without NaN; NaN if all values are."""
    numbers = np.asarray(values, float)
    present = numbers[~np.isnan(numbers)]
    return float(np.median(present)) if present.size else math.nan


def difference(number: Number, arm: str, other: str) -> Callable[[Runs], float]:
    """Return the statistic: a number of one arm minus that of the other."""
    return lambda runs: number(runs[arm]) - number(runs[other])


def single_arm(number: Number, arm: str) -> Callable[[Runs], float]:
    """Return the statistic: a number of one arm."""
    return lambda runs: number(runs[arm])
