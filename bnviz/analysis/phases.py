"""Medians of a quantity over phases of training, in which every update weighs the same.

Probes measure at unevenly spaced steps, densest at the start. A plain median over measured steps would overweight the
first updates, and verdicts would depend on the spacing. Here a measured step weighs as many updates as lie nearer to it
than to any other measured step.
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
    """Median of a quantity over a phase of a run, every update weighing the same.

    Args:
        phase: the part of the run.
        steps: measured steps, rising, (n,).
        values: the quantity at these steps, (n,); NaN is missing.
        updates: planned length of the whole run.

    Returns:
        NaN if the run did not get through the phase, or if too few steps of the phase were measured.
    """
    start, end = phase.start * updates, phase.end * updates
    inside = (steps >= math.floor(start)) & (steps <= math.ceil(end)) & ~np.isnan(values)
    measured = np.clip(steps[inside].astype(float), start, end)
    fewest = min(FEWEST_STEPS, max(math.floor(end) - math.ceil(start), 1))
    if len(measured) < fewest or not _reaches(measured, start, end):
        return math.nan
    return weighted_median(values[inside], updates_nearest(measured, start, end))


def _reaches(measured: Numbers, start: float, end: float) -> bool:
    """Whether the last measured step is at most a seventh of the phase from its end (the spacing of FEWEST_STEPS)."""
    return bool(end - measured[-1] <= (end - start) / (FEWEST_STEPS - 1) + 1)


def updates_nearest(steps: Numbers, start: float, end: float) -> Numbers:
    """Number of updates from `start` to `end` that lie nearest to each of the steps, (n,)."""
    edges = np.concatenate([[start], (steps[1:] + steps[:-1]) / 2, [end]])
    return np.diff(edges)


def updates_so_far(steps: Steps, values: Numbers) -> tuple[Numbers, Numbers]:
    """Finite values of an array (n, ...) over n steps, flattened, and the number of updates that each represents.

    A value represents the updates that lie nearer to its step than to any other step with a finite value.
    """
    finite = np.isfinite(values)
    measured_rows = finite.any(axis=tuple(range(1, finite.ndim)))
    measured = steps[measured_rows].astype(float)
    weights = np.ones(len(steps))
    if len(measured) > 1:
        weights[measured_rows] = updates_nearest(measured, measured[0], measured[-1])
    return values[finite], np.broadcast_to(weights.reshape(-1, *[1] * (values.ndim - 1)), values.shape)[finite]


def median_so_far(steps: Steps, values: Numbers) -> float:
    """Median of the finite values (n, ...) over all updates measured so far; NaN if there are none."""
    finite, weights = updates_so_far(steps, values)
    return weighted_median(finite, weights) if finite.size else math.nan


def weighted_median(values: Numbers, weights: Numbers) -> float:
    """Return the value with half of the weight on either side; the midpoint if two values qualify."""
    order = np.argsort(values, kind="stable")
    ordered, cumulative = values[order], np.cumsum(weights[order])
    half = cumulative[-1] / 2
    tolerance = 1e-9 * cumulative[-1]
    below = int(np.searchsorted(cumulative, half - tolerance))
    above = int(np.searchsorted(cumulative, half + tolerance))
    return float(ordered[below]) / 2 + float(ordered[min(above, len(ordered) - 1)]) / 2
