"""Phases: the median of a quantity over a part of training, every update weighing the same.

Probes measure at unevenly spaced steps, densest at the start. A plain median over measured steps would therefore weigh
the first updates more than the others, and verdicts would turn with the spacing: here a measured step weighs as many
updates as lie nearer to it than to any other.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bnviz.core.measurement_schedule import PHASES

FEWEST_STEPS = 8
"""A phase with fewer measured steps is not judged, unless every one of its updates was measured."""

Numbers = npt.NDArray[np.floating]
Steps = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Phase:
    """A part of a run, from one share of its updates to another, both included."""

    name: str
    start: float
    end: float


WHOLE = Phase("whole run", 0.0, 1.0)
PARTS = tuple(Phase(name, start, end) for name, (start, end) in PHASES.items())
START, MIDDLE, LAST_HALF = PARTS


def median_in(phase: Phase, steps: Steps, values: Numbers, updates: int) -> float:
    """The median of a quantity over a phase of a run of so many updates, every update weighing the same.

    Args:
        phase: the part of the run.
        steps: where it was measured, rising, (n,).
        values: what was measured, (n,); NaN is missing.
        updates: of the whole run, whether or not it got there.

    Returns:
        NaN where the last measured step lies so early that the run did not get through the phase, or too few steps of
        the phase were measured.
    """
    start, end = phase.start * updates, phase.end * updates
    here = (steps >= math.floor(start)) & (steps <= math.ceil(end)) & ~np.isnan(values)
    measured = np.clip(steps[here].astype(float), start, end)
    fewest = min(FEWEST_STEPS, max(math.floor(end) - math.ceil(start), 1))
    if len(measured) < fewest or not _reaches(measured, start, end):
        return math.nan
    return weighted_median(values[here], updates_nearest(measured, start, end))


def _reaches(measured: Numbers, start: float, end: float) -> bool:
    """Whether the last measured step is as near to the phase's end as the spacing of an eighth allows."""
    return bool(end - measured[-1] <= (end - start) / (FEWEST_STEPS - 1) + 1)


def updates_nearest(steps: Numbers, start: float, end: float) -> Numbers:
    """How many of the updates from `start` to `end` lie nearer to each of the steps than to any other, (n,)."""
    edges = np.concatenate([[start], (steps[1:] + steps[:-1]) / 2, [end]])
    return np.diff(edges)


def updates_so_far(steps: Steps, values: Numbers) -> tuple[Numbers, Numbers]:
    """The finite ones of values (n, ...) at n steps, in one row, and the updates that each stands for.

    Those are as many as lie nearer to its step than to any other at which something is finite.
    """
    finite = np.isfinite(values)
    seen = finite.any(axis=tuple(range(1, finite.ndim)))
    measured = steps[seen].astype(float)
    weights = np.ones(len(steps))
    if len(measured) > 1:
        weights[seen] = updates_nearest(measured, measured[0], measured[-1])
    return values[finite], np.broadcast_to(weights.reshape(-1, *[1] * (values.ndim - 1)), values.shape)[finite]


def median_so_far(steps: Steps, values: Numbers) -> float:
    """Median of the finite values (n, ...) from the first measured step to the last; NaN if there are none."""
    finite, weights = updates_so_far(steps, values)
    return weighted_median(finite, weights) if finite.size else math.nan


def weighted_median(values: Numbers, weights: Numbers) -> float:
    """The value with half of the weight on either side; midway between two values if both will do."""
    order = np.argsort(values, kind="stable")
    ordered, reached = values[order], np.cumsum(weights[order])
    half = reached[-1] / 2
    tolerance = 1e-9 * reached[-1]
    below = int(np.searchsorted(reached, half - tolerance))
    above = int(np.searchsorted(reached, half + tolerance))
    return float(ordered[below]) / 2 + float(ordered[min(above, len(ordered) - 1)]) / 2  # in this order: no overflow
