"""Statistics over time: numbers that can be taken in each phase of the runs, and the curve that they sum up."""

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
"""What was measured of a run, over its one dimension, a step axis."""
Numbers = npt.NDArray[Any]
Curve = tuple[Numbers, Numbers]
"""Measured steps and the statistic at each, (n,) each; of a ratio, its logarithm."""


@dataclass(frozen=True)
class OverTime:
    """A statistic that is judged phase by phase.

    Attributes:
        in_phase: the number for the runs of one seed; NaN where it is undefined, as in a phase that a run that diverged
            did not get through.
        curve: its course over the updates, None where there is none.
    """

    in_phase: Callable[[Runs, Phase], float]
    curve: Callable[[Runs], Curve | None] = lambda _: None


def time_median(quantity: Quantity, record: Record, phase: Phase) -> float:
    """The median of a quantity over a phase of a run, every update weighing the same."""
    measured = quantity(record)
    return median_in(phase, measured[str(measured.dims[0])].values, measured.values, record.config.steps)


def alone_over_time(quantity: Quantity, arm: str) -> OverTime:
    """Its median in one arm."""
    return OverTime(
        lambda runs, phase: time_median(quantity, runs[arm], phase), lambda runs: _course(quantity(runs[arm]))
    )


def difference_over_time(quantity: Quantity, arm: str, other: str) -> OverTime:
    """The difference between the medians of two arms."""

    def in_phase(runs: Runs, phase: Phase) -> float:
        return time_median(quantity, runs[arm], phase) - time_median(quantity, runs[other], phase)

    return OverTime(in_phase, lambda runs: _course(quantity(runs[arm]) - quantity(runs[other])))


def log_ratio_over_time(quantity: Quantity, arm: str, other: str) -> OverTime:
    """Natural logarithm of the ratio of the medians of two arms; NaN unless both are positive and finite."""

    def in_phase(runs: Runs, phase: Phase) -> float:
        return log_of_ratio(time_median(quantity, runs[arm], phase), time_median(quantity, runs[other], phase))

    def curve(runs: Runs) -> Curve:
        over, under = quantity(runs[arm]), quantity(runs[other])
        logs = [xr.apply_ufunc(np.log, one.where(one > 0)) for one in (over, under)]
        return _course(logs[0] - logs[1])

    return OverTime(in_phase, curve)


def log_of_ratio(over: float, under: float) -> float:
    """Natural logarithm; NaN unless both are positive and finite."""
    if not (0 < over < math.inf and 0 < under < math.inf):
        return math.nan
    return math.log(over) - math.log(under)


def _course(values: xr.DataArray) -> Curve:
    """Where it is finite."""
    finite = values[np.isfinite(values.values)]
    return finite[str(values.dims[0])].values, finite.values
