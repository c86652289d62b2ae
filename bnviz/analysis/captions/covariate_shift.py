"""What the measurements of covariate shift and of gradient flow say, in words computed from the runs."""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis import quantities
from bnviz.analysis.captions.shared import compared, untrained
from bnviz.analysis.quantities import of_layer
from bnviz.analysis.series import medians
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record


def shift(records: Mapping[str, Record], layer: int) -> str:
    """Shift of a layer's gradient, as it is and as a share of it, arm by arm, and its cosine: medians over updates."""
    own = compared(medians(records, lambda record: of_layer(record, "l2", layer)))
    share = compared(medians(records, lambda record: of_layer(record, "relative", layer)))
    cosines = medians(records, lambda record: of_layer(record, "cosine", layer))
    if not own:
        return ""
    text = (
        f"When the layers in front of layer {layer} make their step (weights, biases, and γ and β where they have "
        f"them), its gradient shifts by {own}."
    )
    if share:
        text += f" As a share of the gradient, by {share}."
    if cosines:
        told = ", ".join(f"{two_digits(value)} in {arm}" for arm, value in cosines.items())
        text += f" The cosine of the two gradients is {told}."
    still = " At learning rate 0 a step moves nothing, so there is no shift." if untrained(records) else ""
    return f"{text} These are medians over the updates.{still}"


def growth(records: Mapping[str, Record]) -> str:
    """By which factor gradients grow from a layer to the one in front of it, at the first and last measured update."""
    parts = []
    for arm, record in records.items():
        if "pre_activation_gradient_norm" not in record.data or record.data.sizes["layer"] < 4:
            continue  # the outermost layers are left out, and two are needed to grow from one to the other
        with np.errstate(all="ignore"):
            factors = quantities.growth_per_layer(record).values
        seen = np.flatnonzero(np.isfinite(factors))
        if seen.size:
            first, last = (two_digits(float(factor)) for factor in factors[seen[[0, -1]]])
            begin, end = record.values("probe_step")[seen[[0, -1]]]
            later = f" and by {last} at update {end}" if end > begin else ""
            parts.append(f"in {arm} by {first} at update {begin}{later}")
    if not parts:
        return ""
    return f"From each layer to the one in front of it the gradient's length is multiplied {'; '.join(parts)}."
