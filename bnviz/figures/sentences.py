"""What to look for, in words computed from the runs: pure functions from records to sentences."""

import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bnviz.figures.style import percent, two_digits
from bnviz.record import Record

TINY = 1e-12  # keeps a width of zero (all samples alike) from dividing
Array = npt.NDArray[np.floating]


def learning(records: Mapping[str, Record]) -> str:
    """Who learned, from the last measured accuracy of each arm."""
    parts = []
    for name, record in records.items():
        if record.outcome == "diverged":
            parts.append(f"{name} diverged by update {record.last_step} (its loss is no longer finite)")
        elif record.data.sizes.get("step"):
            parts.append(f"{name} reaches {percent(float(record.data['test_accuracy'][-1]))}")
    return _sentence(parts, "After the last update shown, ", " of the test images right" if parts else "")


def one_unit(records: Mapping[str, Record], layer: int, unit: int) -> str:
    """How far the unit's median wanders in each arm, as a number and against the width of its own distribution."""
    parts = []
    for name, record in records.items():
        wander, width = (float(values[unit - 1]) for values in _wander_and_width(record, layer))
        if np.isfinite(wander):
            parts.append(
                f"{two_digits(wander)} in {name}, which is {_times(wander, width)} the distribution's own width"
            )
    return _sentence(parts, f"The median of unit {unit} in layer {layer} wanders over ", "", "; over ")


def whole_layer(records: Mapping[str, Record], layer: int) -> str:
    """The same for all units of the layer: the unit in the middle of the ranking, and the largest."""
    parts = []
    for name, record in records.items():
        wander, width = _wander_and_width(record, layer)
        seen = np.isfinite(wander)
        if seen.any():
            typical = _times(float(np.median(wander[seen] / np.maximum(width[seen], TINY))), 1.0)
            parts.append(
                f"{typical} its width in {name} ({two_digits(float(np.median(wander[seen])))}, at most "
                f"{two_digits(float(wander[seen].max()))})"
            )
    return _sentence(parts, f"In layer {layer} a typical unit's median wanders over ", "", ", over ")


def _wander_and_width(record: Record, layer: int) -> tuple[Array, Array]:
    """For each unit: largest minus smallest median of the run; median over steps of the outer percentiles' distance."""
    values = record.data["percentile"].sel(layer=layer).values  # (probe_step, quantile, unit)
    middle = values[:, len(record.config.percentiles) // 2]
    middle = np.where(np.isfinite(middle), middle, np.nan)
    spread = values[:, -1] - values[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a unit that a narrower layer lacks is NaN throughout
        return np.nanmax(middle, axis=0) - np.nanmin(middle, axis=0), np.nanmedian(spread, axis=0)


def _times(wander: float, width: float) -> str:
    return f"{two_digits(wander / max(width, TINY))} times"


def saturation_and_drift(records: Mapping[str, Record], layer: int) -> str:
    """Share of saturated units at the end, and how far means move in one step."""
    parts = []
    for name, record in records.items():
        share = record.data["saturated_share"].sel(layer=layer).mean("unit").values
        change = record.data["mean_change"].sel(layer=layer).values
        if np.isfinite(share).any() and np.isfinite(change).any():
            parts.append(
                f"{name}: {percent(float(share[np.isfinite(share)][-1]))} saturated, a unit's mean moves by "
                f"{two_digits(float(np.nanmedian(change)))} in a step"
            )
    where = {record.config.probe_data for record in records.values()}
    noise = " This includes the chance difference between one mini-batch and the next." if where == {"batch"} else ""
    return "; ".join(parts)[:1].upper() + "; ".join(parts)[1:] + "." + noise if parts else ""


def _sentence(parts: list[str], start: str, end: str, between: str = ", ") -> str:
    return f"{start}{between.join(parts)}{end}." if parts else ""
