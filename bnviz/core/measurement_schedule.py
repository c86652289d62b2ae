"""When to measure: as often in the start of a run as in its middle and in its last half, evenly in each.

Much happens in the first updates, so the start, a tenth of the run, gets a third of the points. What is summed up over
time must not weigh it by that third: `bnviz.phases` weighs each measured step by the updates that it stands for.
"""

import numpy as np

PHASES = {"start": (0.0, 0.1), "middle": (0.1, 0.5), "last half": (0.5, 1.0)}
"""The phases of a run, each from one share of its updates to another (a choice of bnviz, made before the verdicts)."""


def spread_steps(last: int, points: int) -> tuple[int, ...]:
    """At most `points` steps from 0 to `last`, both included: a third of them in each phase, evenly spaced.

    A step t means "after t updates". With 24 points or more, each phase of a run that has the updates gets at least 8.
    Where a phase has fewer updates than points, there are fewer of them.

    Raises:
        ValueError: `last` is negative or `points` is less than 2.
    """
    if last < 0 or points < 2:
        raise ValueError(f"needs last >= 0 and points >= 2, got last={last}, points={points}")
    if points > last:
        return tuple(range(last + 1))
    edges = [0.0, *(end for _, end in PHASES.values())]
    shares = np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(edges)), edges)
    return tuple(sorted({round(share * last) for share in shares}))
