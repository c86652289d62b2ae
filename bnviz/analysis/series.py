"""Series over updates: values, medians and intervals over seeds, for captions and figures."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from bnviz.analysis.phases import median_so_far
from bnviz.analysis.statistics import student
from bnviz.core.record import Record

Array = npt.NDArray[np.floating]


def finite(values: Array) -> Array:
    """What is neither infinite nor missing, in one row: a run that diverges ends in values that are.

    In double precision, in which a median of float32's largest numbers is not infinite.
    """
    return values[np.isfinite(values)].astype(float)


def spread(low: Array, high: Array) -> Array:
    """`high` - `low`, missing where one of them is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        width = high - low
    return np.where(np.isfinite(width), width, np.nan)


Steps = npt.NDArray[np.integer]


Quantity = Callable[[Record], xr.DataArray]
"""Of a record, an array over one step axis; KeyError where the record lacks it."""


Repeats = Mapping[str, Sequence[Record]]
"""Each arm's records, one a seed."""


def series(record: Record, of: Quantity) -> tuple[Steps, Array] | None:
    """Steps and values, (n,) each, NaN for what is not finite; None where nothing was measured."""
    try:
        with np.errstate(all="ignore"):  # a run that diverges has infinite values
            found = of(record)
    except KeyError:
        return None
    values = found.values
    return (found[str(found.dims[0])].values, np.where(np.isfinite(values), values, np.nan)) if values.size else None


def medians(records: Mapping[str, Record], of: Quantity) -> dict[str, float]:
    """The median over the updates so far of each arm that has a finite value: the largest would be chance.

    Every update weighs the same, however the measured steps are spaced.
    """
    found = {}
    for arm, record in records.items():
        steps, values = series(record, of) or (np.empty(0, int), np.empty(0))
        found[arm] = median_so_far(steps, values)
    return {arm: value for arm, value in found.items() if np.isfinite(value)}


def over_seeds(records: Sequence[Record], of: Quantity, log: bool = False) -> tuple[Steps, Array, Array, Array] | None:
    """Steps that all seeds share, mean, and the ends of its interval; None where a seed has nothing measured."""
    found = [series(record, of) for record in records]
    seen = [one for one in found if one is not None]
    if not records or len(seen) < len(records):
        return None
    shared = set.intersection(*(set(steps.tolist()) for steps, _ in seen))
    steps = np.array(sorted(shared), np.int32)
    rows = np.stack([values[np.isin(its, steps)] for its, values in seen]).astype(float)
    if log:
        mean, low, high = (np.exp(part) for part in student(np.log(np.where(rows > 0, rows, np.nan))))
    else:
        mean, low, high = student(rows)
    return steps, mean, low, high
