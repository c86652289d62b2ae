"""Statistics that claims are made of: numbers of one run, and how two arms compare. Medians, as tails are heavy."""

import math
from collections.abc import Callable

import numpy as np

from bnviz.experiments import Runs
from bnviz.record import Record

Number = Callable[[Record], float]


def accuracy(record: Record) -> float:
    """On all test samples at the end; the last one noted, if the run diverged."""
    final = record.final("final_test_accuracy")
    return final if math.isfinite(final) else record.final("test_accuracy")


def population_accuracy(record: Record) -> float:
    """The same with population statistics, where a network has statistics: undefined, if the run diverged."""
    return record.final("population_test_accuracy")


def middle_value(values: object) -> float:
    """The median of what is not missing; NaN if everything is."""
    numbers = np.asarray(values, float)
    seen = numbers[~np.isnan(numbers)]
    return float(np.median(seen)) if seen.size else math.nan


def median(of: Callable[[Record], object]) -> Number:
    """The median over everything that was measured of a quantity."""

    return lambda record: middle_value(of(record))


def difference(of: Number, arm: str, other: str) -> Callable[[Runs], float]:
    """`of` in one arm minus `of` in the other."""
    return lambda runs: of(runs[arm]) - of(runs[other])


def log_ratio(of: Number, arm: str, other: str) -> Callable[[Runs], float]:
    """Natural logarithm of `of` in one arm over `of` in the other; NaN unless both are positive."""

    def statistic(runs: Runs) -> float:
        over, under = of(runs[arm]), of(runs[other])
        return math.log(over / under) if over > 0 and under > 0 else math.nan

    return statistic


def alone(of: Number, arm: str) -> Callable[[Runs], float]:
    """`of` in one arm."""
    return lambda runs: of(runs[arm])
