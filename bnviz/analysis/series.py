"""Series over updates: values, medians and intervals over seeds, for captions and figures."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from bnviz.analysis.phases import median_so_far
from bnviz.analysis.statistics import student
from bnviz.core.record import Record

Array = npt.NDArray[np.floating]
Steps = npt.NDArray[np.integer]
Quantity = Callable[[Record], xr.DataArray]
"""Function of a record: an array over one step axis; raises KeyError where the record lacks it."""
Repeats = Mapping[str, Sequence[Record]]
"""Each arm's records, one a seed."""


def finite(values: Array) -> Array:
    """Return the finite values as a flat float64 array; float32 would overflow in medians of its largest numbers."""
    return values[np.isfinite(values)].astype(float)


def spread(low: Array, high: Array) -> Array:
    """Return `high` - `low`, NaN where either is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        width = high - low
    return np.where(np.isfinite(width), width, np.nan)


def series(record: Record, quantity: Quantity) -> tuple[Steps, Array] | None:
    """Steps and values, (n,) each, NaN where a value is not finite; None where nothing was measured."""
    try:
        with np.errstate(all="ignore"):  # a run that diverges has infinite values
            measured = quantity(record)
    except KeyError:
        return None
    values = measured.values
    if not values.size:
        return None
    return measured[str(measured.dims[0])].values, np.where(np.isfinite(values), values, np.nan)


def medians(records: Mapping[str, Record], quantity: Quantity) -> dict[str, float]:
    """Median over the updates so far, by arm, without arms that have no finite value.

    Every update weighs the same, however the measured steps are spaced.
    """
    by_arm = {}
    for arm, record in records.items():
        steps, values = series(record, quantity) or (np.empty(0, int), np.empty(0))
        by_arm[arm] = median_so_far(steps, values)
    return {arm: value for arm, value in by_arm.items() if np.isfinite(value)}


def over_seeds(
    records: Sequence[Record], quantity: Quantity, log: bool = False
) -> tuple[Steps, Array, Array, Array] | None:
    """Mean over seeds and its 95 % interval at the steps that all seeds share.

    Args:
        records: one a seed.
        quantity: what to average.
        log: average logarithms, which gives the geometric mean.

    Returns:
        Steps, mean, lower and upper end, (n,) each; None if a seed has no measurement.
    """
    measured = [pair for pair in (series(record, quantity) for record in records) if pair is not None]
    if not records or len(measured) < len(records):
        return None
    shared = set.intersection(*(set(steps.tolist()) for steps, _ in measured))
    steps = np.array(sorted(shared), np.int32)
    rows = np.stack([values[np.isin(own_steps, steps)] for own_steps, values in measured]).astype(float)
    if log:
        mean, low, high = (np.exp(part) for part in student(np.log(np.where(rows > 0, rows, np.nan))))
    else:
        mean, low, high = student(rows)
    return steps, mean, low, high
