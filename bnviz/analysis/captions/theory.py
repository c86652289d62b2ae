"""Captions on the theorems of Santurkar et al. 2018, Sec. 4."""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis.phases import median_so_far, updates_so_far
from bnviz.analysis.series import finite
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record

ROUNDING = 1e-5
"""Relative excess up to which a value counts as equal to its bound: the record holds float32."""


def exactness(records: Mapping[str, Record]) -> str:
    """Largest relative difference of the sides of Theorems 4.1 and 4.2, and the effect of matched batch norm."""
    parts = []
    for theorem in ("41", "42"):
        largest = [float(values.max()) for values in _finite_values(records, f"theorem_{theorem}_residual").values()]
        if largest:
            parts.append(f"at most {two_digits(max(largest))} for Theorem {theorem[0]}.{theorem[1]}")
    text = f"Relative difference of the two sides: {', '.join(parts)}." if parts else ""
    changes = [float(values.max()) for values in _finite_values(records, "theorem_matched_loss_change").values()]
    if changes:
        text += f" Inserting the batch norm of Observation 4.3 changes the loss by at most {two_digits(max(changes))}."
    return text.strip()


def condition(records: Mapping[str, Record]) -> str:
    """Share of units and updates in which Theorem 4.2 lowers the curvature."""
    parts = []
    for arm in _finite_values(records, "theorem_alignment"):
        alignment = records[arm].values("theorem_alignment")
        alignment = np.where(alignment == 0, np.nan, alignment)  # a unit without a gradient
        values, updates = updates_so_far(records[arm].values("probe_step"), alignment)
        if values.size:
            parts.append(f"{percent(float(np.average(values > 0, weights=updates)))} of units and updates in {arm}")
    return f"Theorem 4.2 lowers the curvature where ⟨g, ŷ⟩ > 0: {', '.join(parts)}." if parts else ""


def gradient_reduction(records: Mapping[str, Record]) -> str:
    """Median of |Pg| / |g|: the share of a unit's gradient that batch norm keeps, without the factor gamma / sigma."""
    parts = [
        f"{two_digits(_median(records[arm], 'theorem_ratio'))} in {arm} (smallest {two_digits(float(values.min()))})"
        for arm, values in _finite_values(records, "theorem_ratio").items()
    ]
    return f"Share of a unit's gradient that batch norm keeps (median): {', '.join(parts)}." if parts else ""


def lemma(records: Mapping[str, Record]) -> str:
    """Share of units and updates in which the bound of Lemma 4.5 is exceeded, of those where it is defined."""
    parts = []
    for arm, record in records.items():
        if "lemma_45_left" not in record.data:
            continue
        left, right = (record.data[f"lemma_45_{side}"].values.astype(float) for side in ("left", "right"))
        valid = np.isfinite(left) & np.isfinite(right)
        if valid.any():
            beyond = left[valid] > right[valid] + ROUNDING * abs(right[valid])
            parts.append(f"{percent(float(beyond.mean()))} of {int(valid.sum())} units and updates in {arm}")
    return f"The bound of Lemma 4.5 is exceeded in {', '.join(parts)}." if parts else ""


def _median(record: Record, quantity: str) -> float:
    return median_so_far(record.values("probe_step"), record.values(quantity))


def _finite_values(records: Mapping[str, Record], quantity: str) -> dict[str, np.ndarray]:
    """The finite values of each arm that has some."""
    by_arm = {arm: finite(record.data[quantity].values) for arm, record in records.items() if quantity in record.data}
    return {arm: values for arm, values in by_arm.items() if values.size}
