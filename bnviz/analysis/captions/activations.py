"""Captions on the distributions of pre-activations: drift of a unit, of a layer, and saturation."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bnviz.analysis.captions.shared import capitalised, chance_difference, join_words, list_values
from bnviz.analysis.phases import median_so_far
from bnviz.analysis.quantities import mean_over, memoized_per_record
from bnviz.analysis.series import spread
from bnviz.core.config import MEDIAN
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record

SMALLEST_WIDTH = 1e-12
"""A distribution at most this wide has no width to compare with: all samples are equal."""
LARGEST_RATIO = 1e6
"""Of drift to width; beyond it the width is float32's rounding of equal samples."""
USUAL_LEVELS = (15.0, 85.0)
"""Percentiles between which a width is measured by default; others are named in the caption."""
Array = npt.NDArray[np.floating]


def unit_drift(records: Mapping[str, Record], layer: int, unit: int) -> str:
    """Range of the unit's median in each arm, and its ratio to the width of the unit's distribution."""
    parts = []
    for arm, record in _measured(records).items():
        drifts, widths = _drift_and_width(record, layer)
        drift, width = float(drifts[unit - 1]), float(widths[unit - 1])
        if np.isfinite(drift):
            ratio = f" ({two_digits(drift / width)} times {_width_name(record)})" if _has_width(drift, width) else ""
            parts.append(f"by {two_digits(drift)}{ratio} in {arm}")
    return _drift_sentence(f"The median of unit {unit} in layer {layer} drifts", parts, records)


def layer_drift(records: Mapping[str, Record], layer: int) -> str:
    """The same for a layer: the median over its units, and the largest drift of a unit."""
    parts = []
    for arm, record in _measured(records).items():
        drifts, widths = _drift_and_width(record, layer)
        valid = np.isfinite(drifts)
        if not valid.any():
            continue
        drift, width = drifts[valid].astype(float), widths[valid].astype(float)
        comparable = _has_width(drift, width)
        ratio = ""
        if comparable.any():
            ratio = f"{two_digits(float(np.median(drift[comparable] / width[comparable])))} times its own spread, "
        typical, largest = two_digits(float(np.median(drift))), two_digits(float(drift.max()))
        parts.append(f"by {typical} in {arm} ({ratio}at most {largest})")
    return _drift_sentence(f"The median of a typical unit in layer {layer} drifts", parts, records)


def saturation_and_drift(records: Mapping[str, Record], layer: int) -> str:
    """Share of saturated units at the last measured update, and how far a unit's mean moves per update."""
    shares: dict[str, tuple[float, int]] = {}
    changes: dict[str, float] = {}
    for arm, record in records.items():
        if not {"saturated_share", "mean_change"} <= record.data.keys():
            continue
        share, step, change = _share_and_change(record, layer)
        if share is not None and np.isfinite(change):
            shares[arm], changes[arm] = (share, step), change
    if not shares:
        return ""
    steps = {step for _, step in shares.values()}
    same = f" at update {min(steps)}" if len(steps) == 1 else ""
    parts = [
        f"{arm} {percent(share)}" + ("" if same else f" at update {step}") for arm, (share, step) in shares.items()
    ]
    text = f"Saturated{same}: {', '.join(parts)}. Per update, the mean of a unit moves by {list_values(changes)}."
    return f"{text} {chance_difference(records)}".strip()


def _has_width(drift: Any, width: Any) -> Any:
    """Whether the ratio of drift to width means something, for one unit or for an array."""
    return (width > SMALLEST_WIDTH) & (width * LARGEST_RATIO > drift)


def _drift_sentence(start: str, parts: list[str], records: Mapping[str, Record]) -> str:
    """Join the arms' drifts; name arms that diverged, and causes of drift in runs that were not trained."""
    text = f"{start} {', '.join(parts)}." if parts else ""
    diverged = [arm for arm, record in records.items() if record.outcome == "diverged" and "percentile" in record.data]
    if diverged:
        text += f" {capitalised(join_words(diverged))} diverged, so the drift of units has no meaning there."
    elif text:
        text += f" {chance_difference(records, only_untrained=True)}"
    return text.strip()


def _measured(records: Mapping[str, Record]) -> dict[str, Record]:
    """Records that have percentiles and did not diverge."""
    return {
        arm: record for arm, record in records.items() if "percentile" in record.data and record.outcome != "diverged"
    }


def _width_name(record: Record) -> str:
    low, high = (record.config.recorded_percentiles[index] for index in (0, -1))
    levels = "" if (low, high) == USUAL_LEVELS else f" from percentile {low:g} to {high:g}"
    return f"the unit's own spread{levels}"


@memoized_per_record
def _drift_and_width(record: Record, layer: int) -> tuple[Array, Array]:
    """Drift and width of each unit of a layer, (units,) each; NaN where they are not finite.

    The drift is the largest minus the smallest median of the run. The width is the median over updates of the distance
    between the outer percentiles.
    """
    values = record.values("percentile", layer=layer)  # (probe_step, quantile, unit)
    medians = record.values("percentile", layer=layer, quantile=MEDIAN)
    medians = np.where(np.isfinite(medians), medians, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a unit that a narrower layer lacks is NaN throughout
        drift = spread(np.nanmin(medians, axis=0), np.nanmax(medians, axis=0))
    widths, steps = spread(values[:, 0], values[:, -1]), record.values("probe_step")
    return drift, np.array([median_so_far(steps, unit_widths) for unit_widths in widths.T])


@memoized_per_record
def _share_and_change(record: Record, layer: int) -> tuple[float | None, int, float]:
    """The last finite saturated share and its update, and the median change over units and updates."""
    share = mean_over(record.values("saturated_share", layer=layer), -1)
    valid = np.flatnonzero(np.isfinite(share))
    change = median_so_far(record.values("probe_step"), record.values("mean_change", layer=layer))
    if not valid.size:
        return None, 0, change
    return float(share[valid[-1]]), int(record.values("probe_step")[valid[-1]]), change
