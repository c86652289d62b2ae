"""What the theorems amount to on these networks, in words computed from the runs."""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis.phases import median_so_far, updates_so_far
from bnviz.analysis.series import finite
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record


def exactness(records: Mapping[str, Record]) -> str:
    """The largest relative difference of the two sides of Theorems 4.1 and 4.2, and what matched batch norm changes."""
    parts = []
    for theorem in ("41", "42"):
        largest = [float(values.max()) for values in _seen(records, f"theorem_{theorem}_residual").values()]
        if largest:
            parts.append(f"those of Theorem {theorem[0]}.{theorem[1]} by at most {two_digits(max(largest))}")
    text = f"The two sides differ, relatively: {', '.join(parts)}." if parts else ""
    changes = [float(values.max()) for values in _seen(records, "theorem_matched_loss_change").values()]
    if changes:
        text += f" Putting in the batch norm of Observation 4.3 changes the loss by at most {two_digits(max(changes))}."
    return text.strip()


def condition(records: Mapping[str, Record]) -> str:
    """Share of units and updates in which Theorem 4.2 lowers the curvature."""
    parts = []
    for arm in _seen(records, "theorem_alignment"):
        alignment = records[arm].values("theorem_alignment")
        decided = np.where(alignment == 0, np.nan, alignment)  # a unit without a gradient
        values, updates = updates_so_far(records[arm].values("probe_step"), decided)
        if values.size:
            parts.append(f"{percent(float(np.average(values > 0, weights=updates)))} of units and updates in {arm}")
    return (
        f"The product ⟨g, ŷ⟩ is positive, as Theorem 4.2 needs it to lower the curvature, in {', '.join(parts)}."
        if parts
        else ""
    )


def let_through(records: Mapping[str, Record]) -> str:
    """Median of |Pg| / |g|: how much of a unit's gradient batch norm lets pass, but for the factor gamma / sigma."""
    parts = [
        f"{two_digits(_median(records[arm], 'theorem_ratio'))} in {arm} (smallest {two_digits(float(values.min()))})"
        for arm, values in _seen(records, "theorem_ratio").items()
    ]
    return f"Of a unit's gradient batch norm lets through, as a median: {', '.join(parts)}." if parts else ""


def lemma(records: Mapping[str, Record]) -> str:
    """In how many units and updates Lemma 4.5 says something, and where its bound is exceeded, if anywhere."""
    parts = []
    for arm, record in records.items():
        if "lemma_45_left" not in record.data:
            continue
        left, right = (record.data[f"lemma_45_{side}"].values.astype(float) for side in ("left", "right"))
        seen = np.isfinite(left) & np.isfinite(right)
        if seen.any():
            beyond = left[seen] > right[seen] + 1e-5 * abs(right[seen])  # float32 in the record
            parts.append(f"{percent(float(beyond.mean()))} of {int(seen.sum())} units and updates in {arm}")
    return f"The bound of Lemma 4.5 is exceeded in {', '.join(parts)}." if parts else ""


def _median(record: Record, quantity: str) -> float:
    return median_so_far(record.values("probe_step"), record.values(quantity))


def _seen(records: Mapping[str, Record], quantity: str) -> dict[str, np.ndarray]:
    """The finite values of each arm that has some."""
    values = {arm: finite(record.data[quantity].values) for arm, record in records.items() if quantity in record.data}
    return {arm: one for arm, one in values.items() if one.size}
