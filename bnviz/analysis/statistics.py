"""Confidence intervals over seeds (Student's t for the mean, ranks for the median) and Holm's correction.

Student's interval assumes values that are about normal; heavy-tailed ratios are not. The interval by ranks assumes no
distribution, but cannot decide anything with fewer than six seeds. A verdict needs both.
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
"""With fewer, ranks cannot decide at 5 %: six values lie on one side by chance once in 32 times, five once in 16."""


def student(values: Array) -> tuple[Any, Any, Any]:
    """Mean over the first axis and both ends of its 95 % interval: (seeds, ...) -> three arrays (...).

    NaN where a seed is not finite. With a single seed both ends are NaN.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        mean = values.mean(axis=0)
        if len(values) < 2:
            return mean, mean * math.nan, mean * math.nan
        error = values.std(axis=0, ddof=1) / math.sqrt(len(values))
        from scipy.special import stdtrit  # imported late: most pages show one seed and need no scipy

        reach = stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * error
        return mean, mean - reach, mean + reach


def ranks(values: Array) -> tuple[float, float]:
    """Ends of the 95 % interval of the median of (seeds,), by order statistics (the inverted sign test).

    NaN with too few values, or if one is not finite.
    """
    if len(values) < FEWEST_SEEDS or not np.isfinite(values).all():
        return math.nan, math.nan
    from scipy.stats import quantile_test  # imported late: it takes half a second, and no page needs it

    interval = quantile_test(values).confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def p_value(values: Array, bound: float) -> float:
    """The larger p-value of two tests: Student's t that the mean is `bound`, and the sign test that the median is.

    It is below 0.05 where both intervals lie on one side of the bound. NaN where an interval is undefined.
    """
    if len(values) < FEWEST_SEEDS or not np.isfinite(values).all():
        return math.nan
    from scipy.special import stdtr
    from scipy.stats import quantile_test

    error = values.std(ddof=1) / math.sqrt(len(values))
    distance = abs(values.mean() - bound)
    by_mean = 2 * float(stdtr(len(values) - 1, -distance / error)) if error > 0 else float(distance == 0)
    return max(by_mean, float(quantile_test(values, q=bound).pvalue))


def holm_significant(p_values: Mapping[Name, float], level: float = 1 - CONFIDENCE) -> set[Name]:
    """Names of the tests that stay significant after Holm's correction (Holm 1979).

    `level` bounds the chance of any false decision among all tests. A p-value of NaN counts as 1.
    """
    numbers = {name: 1.0 if math.isnan(p) else p for name, p in p_values.items()}
    ordered = sorted(numbers, key=numbers.__getitem__)
    significant: set[Name] = set()
    for rank, name in enumerate(ordered):
        if numbers[name] > level / (len(ordered) - rank):
            break
        significant.add(name)
    return significant
