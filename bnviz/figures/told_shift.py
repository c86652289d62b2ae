"""What the measurements of covariate shift and of gradient flow say, in words computed from the runs."""

from collections.abc import Mapping

import numpy as np

from bnviz import quantities
from bnviz.figures.seeds import medians
from bnviz.figures.sentences import compared
from bnviz.figures.shift import of_layer
from bnviz.figures.style import finite, two_digits
from bnviz.record import Record


def shift(records: Mapping[str, Record], layer: int) -> str:
    """Shift of a layer's gradient, as it is and as a share of it, arm by arm, and its cosine: medians over updates."""
    own = compared(medians(records, lambda record: of_layer(record, "l2", layer)))
    share = compared(medians(records, lambda record: of_layer(record, "relative", layer)))
    cosines = medians(records, lambda record: of_layer(record, "cosine", layer))
    if not own or not share or not cosines:
        return ""
    told = ", ".join(f"{two_digits(value)} in {arm}" for arm, value in cosines.items())
    return (
        f"When the layers in front of layer {layer} make their step, its gradient shifts by {own}. As a share of the "
        f"gradient, by {share}. The cosine of the two gradients is {told}. These are medians over the measured updates."
    )


def growth(records: Mapping[str, Record]) -> str:
    """By which factor gradients grow from one layer to the one in front of it, as training starts and as it ends."""
    parts = []
    for arm, record in records.items():
        if "pre_activation_gradient_norm" not in record.data or record.data.sizes["layer"] < 4:
            continue  # the outermost layers are left out, and two are needed to grow from one to the other
        with np.errstate(all="ignore"):
            factors = finite(quantities.growth_per_layer(record).values)
        if factors.size:
            first, last = (two_digits(float(factor)) for factor in factors[[0, -1]])
            parts.append(f"{first} in {arm} ({last} at the end)")
    if not parts:
        return ""
    return f"From each layer to the one in front of it gradients grow, at the start, by a factor of {', '.join(parts)}."
