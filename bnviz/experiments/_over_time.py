"""Statistics over time: one number for each phase of the runs, and the curve behind it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from bnviz.analysis.phases import Phase, median_in
from bnviz.core.record import Record

Runs = Mapping[str, Record]
"""The records of one seed, by arm: paired, because they share seed, data order and initial weights."""
Quantity = Callable[[Record], xr.DataArray]
"""Function of a record: an array over one step axis."""
Numbers = npt.NDArray[Any]
Curve = tuple[Numbers, Numbers]
"""Measured steps and the statistic at each, (n,) each; of a ratio, its logarithm."""


@dataclass(frozen=True)
class OverTime:
    """A statistic that is judged phase by phase.

    Attributes:
        in_phase: the number for the runs of one seed in a phase; NaN if undefined, for example because a run diverged.
        curve: the statistic over the updates; None if there is none.
    """

    in_phase: Callable[[Runs, Phase], float]
    curve: Callable[[Runs], Curve | None] = lambda _: None


def time_median(quantity: Quantity, record: Record, phase: Phase) -> float:
    """The median of a quantity over a phase of a run, every update weighing the same."""
    measured = quantity(record)
    return median_in(phase, measured[str(measured.dims[0])].values, measured.values, record.config.steps)


def single_arm_over_time(quantity: Quantity, arm: str) -> OverTime:
    """Return the statistic: the median of a quantity in one arm."""
    return OverTime(
        lambda runs, phase: time_median(quantity, runs[arm], phase), lambda runs: _finite_curve(quantity(runs[arm]))
    )


def difference_over_time(quantity: Quantity, arm: str, other: str) -> OverTime:
    """Return the statistic: the difference between the medians of two arms."""

    def in_phase(runs: Runs, phase: Phase) -> float:
        return time_median(quantity, runs[arm], phase) - time_median(quantity, runs[other], phase)

    return OverTime(in_phase, lambda runs: _finite_curve(quantity(runs[arm]) - quantity(runs[other])))


def log_ratio_over_time(quantity: Quantity, arm: str, other: str) -> OverTime:
    """Return the statistic: log ratio of the medians of two arms; NaN unless both are positive and finite."""

    def in_phase(runs: Runs, phase: Phase) -> float:
        return log_of_ratio(time_median(quantity, runs[arm], phase), time_median(quantity, runs[other], phase))

    def curve(runs: Runs) -> Curve:
        over, under = quantity(runs[arm]), quantity(runs[other])
        logs = [xr.apply_ufunc(np.log, values.where(values > 0)) for values in (over, under)]
        return _finite_curve(logs[0] - logs[1])

    return OverTime(in_phase, curve)


def log_of_ratio(over: float, under: float) -> float:
    """Return the natural logarithm of over / under; NaN unless both are positive and finite."""
    if not (0 < over < math.inf and 0 < under < math.inf):
        return math.nan
    return math.log(over) - math.log(under)


def _finite_curve(values: xr.DataArray) -> Curve:
    """Steps and values where the values are finite."""
    finite = values[np.isfinite(values.values)]
    return finite[str(values.dims[0])].values, finite.values
