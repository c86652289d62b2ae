"""When to measure: steps spread both evenly and logarithmically, so that the first updates are seen too."""

import numpy as np


def spread_steps(last: int, points: int) -> tuple[int, ...]:
    """At most `points` steps from 0 to `last`, both included: half of them log-spaced, half evenly spaced.

    A step t means "after t updates". Where the two halves coincide, or there are fewer steps than points, there are
    fewer of them.

    Raises:
        ValueError: `last` is negative or `points` is less than 2.
    """
    if last < 0 or points < 2:
        raise ValueError(f"needs last >= 0 and points >= 2, got last={last}, points={points}")
    if points > last:
        return tuple(range(last + 1))
    even = np.linspace(0, last, max(2, points - points // 2))  # 2: both ends, however few points there are
    logarithmic = np.geomspace(1, last, points - len(even))
    return tuple(sorted({round(step) for step in (*even, *logarithmic)}))
