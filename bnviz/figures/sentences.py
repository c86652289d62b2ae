"""What to look for, in words computed from the runs: pure functions from records to sentences."""

import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bnviz.figures.style import finite, percent, spread, two_digits
from bnviz.quantities import mean_over, median_over, once
from bnviz.record import Record

TINY = 1e-12  # a width up to this counts as none: all samples are alike, and nothing can be measured against it
Array = npt.NDArray[np.floating]


def learning(records: Mapping[str, Record]) -> str:
    """Who learned, from the last measured accuracy of each arm."""
    parts = []
    for name, record in records.items():
        if record.outcome == "diverged":
            parts.append(f"{name} diverged by update {record.last_step} (its loss is no longer finite)")
        elif record.data.sizes.get("step") and "test_accuracy" not in record.data:
            loss = record.final("test_loss")
            parts.append(
                f"{name} has a test loss " + (f"of {two_digits(loss)}" if np.isfinite(loss) else "beyond numbers")
            )
        elif record.data.sizes.get("step"):
            parts.append(f"{name} gets {percent(record.final('test_accuracy'))} of the test samples right")
    return _sentence(parts, "At the last update shown, ", "")


def one_unit(records: Mapping[str, Record], layer: int, unit: int) -> str:
    """How far the unit's median wanders in each arm, as a number and against the width of its own distribution."""
    parts = []
    for name, record in _measured(records).items():
        wanders, widths = _wander_and_width(record, layer)
        wander, width = float(wanders[unit - 1]), float(widths[unit - 1])
        if np.isfinite(wander):
            part = f"{two_digits(wander)} in {name}"
            if width > TINY:
                part += f", which is {two_digits(wander / width)} times the distribution's own width"
            parts.append(part)
    return _sentence(parts, f"The median of unit {unit} in layer {layer} wanders over ", "", "; over ")


def whole_layer(records: Mapping[str, Record], layer: int) -> str:
    """The same for all units of the layer: the unit in the middle of the ranking, and the largest."""
    parts = []
    for name, record in _measured(records).items():
        wanders, widths = _wander_and_width(record, layer)
        seen = np.isfinite(wanders) & (widths > TINY)
        if seen.any():
            wander, times = wanders[seen], wanders[seen] / widths[seen]
            parts.append(
                f"{two_digits(float(np.median(times)))} times its width in {name} "
                f"({two_digits(float(np.median(wander)))}, at most {two_digits(float(wander.max()))})"
            )
    return _sentence(parts, f"In layer {layer} a typical unit's median wanders over ", "", ", over ")


def _measured(records: Mapping[str, Record]) -> dict[str, Record]:
    return {name: record for name, record in records.items() if "percentile" in record.data}


@once
def _wander_and_width(record: Record, layer: int) -> tuple[Array, Array]:
    """For each unit of a layer: largest minus smallest median of the run, and the width of its distribution.

    The width is the median over steps of the distance between the outer percentiles; NaN is what is not finite.
    """
    values = record.values("percentile", layer=layer)  # (probe_step, quantile, unit)
    middle = values[:, len(record.config.percentiles) // 2]
    middle = np.where(np.isfinite(middle), middle, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a unit that a narrower layer lacks is NaN throughout
        wander = spread(np.nanmin(middle, axis=0), np.nanmax(middle, axis=0))
        width = median_over(spread(values[:, 0], values[:, -1]), axis=0)
    return wander, width


def saturation_and_drift(records: Mapping[str, Record], layer: int) -> str:
    """Share of saturated units at the end, and how far means move in one step."""
    parts = []
    for name, record in records.items():
        if not {"saturated_share", "mean_change"} <= record.data.keys():
            continue
        share, change = _share_and_change(record, layer)
        if share.size and change.size:
            parts.append(
                f"{name}: {percent(float(share[-1]))} saturated, a unit's mean moves by "
                f"{two_digits(float(np.median(change)))} in a step"
            )
    where = {record.config.probe_data for record in records.values()}
    noise = " This includes the chance difference between one mini-batch and the next." if where == {"batch"} else ""
    return "; ".join(parts)[:1].upper() + "; ".join(parts)[1:] + "." + noise if parts else ""


@once
def _share_and_change(record: Record, layer: int) -> tuple[Array, Array]:
    share = mean_over(record.values("saturated_share", layer=layer), -1)
    return finite(share), finite(record.values("mean_change", layer=layer))


def compared(values: Mapping[str, float], end: str = "") -> str:
    """Each arm's number, and how many times the largest is the smallest: "0.01 in standard and 0.03 in batch norm, ..."

    Empty without a number; the factor only where there are two positive ones that differ.
    """
    if not values:
        return ""
    told = [f"{two_digits(value)} in {arm}" for arm, value in values.items()]
    text = (", ".join(told[:-1]) + " and " if told[:-1] else "") + told[-1] + end
    largest, smallest = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    if values[smallest] > 0 and two_digits(values[largest]) != two_digits(values[smallest]):
        factor = two_digits(values[largest] / values[smallest])
        text += f": {factor} times as much in {largest} as in {smallest}" if factor != "1" else ", about the same"
    return text


def _sentence(parts: list[str], start: str, end: str, between: str = ", ") -> str:
    return f"{start}{between.join(parts)}{end}." if parts else ""
