"""Intervals over seeds: of the mean by Student's t, of the median by ranks, and how many tests pass Holm's correction.

Two intervals, because each errs in its own way: Student's needs values that are about normal, which ratios with heavy
tails are not; that by ranks assumes nothing of the kind and cannot decide anything with fewer than six seeds.
"""

import math
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Name = TypeVar("Name", bound=Hashable)

CONFIDENCE = 0.95
FEWEST_SEEDS = 6
"""The fewest with which ranks can decide at 5 %: six lie on one side by chance once in 32 times, five once in 16."""


def student(values: Array) -> tuple[Any, Any, Any]:
    """Mean over the first axis and both ends of its 95 % interval: (seeds, ...) -> three times (...).

    NaN where a seed is not finite; the ends are, too, with a single seed.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        mean = values.mean(axis=0)
        if len(values) < 2:
            return mean, mean * math.nan, mean * math.nan
        error = values.std(axis=0, ddof=1) / math.sqrt(len(values))
        from scipy.special import stdtrit  # only now: most pages show one seed and open without it

        reach = stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * error
        return mean, mean - reach, mean + reach


def ranks(values: Array) -> tuple[float, float]:
    """Ends of the 95 % interval of the median of (seeds,), by order statistics; NaN with too few or infinite values.

    As many values lie below its lower end as the sign test needs to be sure that the median does not.
    """
    if len(values) < FEWEST_SEEDS or not np.isfinite(values).all():
        return math.nan, math.nan
    from scipy.stats import quantile_test  # only now: it takes half a second, and pages do not come here

    interval = quantile_test(values).confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def p_value(values: Array, bound: float) -> float:
    """The larger of two: Student's t-test that the mean is `bound`, and the sign test that the median is.

    It is below 0.05 where both intervals lie on one side of the bound. NaN where one of them is undefined.
    """
    if len(values) < FEWEST_SEEDS or not np.isfinite(values).all():
        return math.nan
    from scipy.special import stdtr
    from scipy.stats import quantile_test

    error = values.std(ddof=1) / math.sqrt(len(values))
    distance = abs(values.mean() - bound)
    by_mean = 2 * float(stdtr(len(values) - 1, -distance / error)) if error > 0 else float(distance == 0)
    return max(by_mean, float(quantile_test(values, q=bound).pvalue))


def standing(p_values: Mapping[Name, float], level: float = 1 - CONFIDENCE) -> set[Name]:
    """Those that stand after Holm's correction (Holm 1979): with `level` as the chance of one false decision among all.

    NaN counts as 1.
    """
    ordered = sorted(p_values, key=lambda name: _or_one(p_values[name]))
    stand: set[Name] = set()
    for place, name in enumerate(ordered):
        if _or_one(p_values[name]) > level / (len(ordered) - place):
            break
        stand.add(name)
    return stand


def _or_one(p: float) -> float:
    return 1.0 if math.isnan(p) else p
