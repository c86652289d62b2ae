"""Captions on internal covariate shift and gradient flow."""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis import quantities
from bnviz.analysis.captions.shared import MEDIANS, compare_arms, list_values, untrained
from bnviz.analysis.quantities import layer_shift
from bnviz.analysis.series import medians
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record


def gradient_shift(records: Mapping[str, Record], layer: int) -> str:
    """Shift of a layer's gradient in each arm: its norm, its norm relative to the gradient, and the cosine."""
    distance = compare_arms(medians(records, lambda record: layer_shift(record, "l2", layer)))
    relative = compare_arms(medians(records, lambda record: layer_shift(record, "relative", layer)))
    cosines = medians(records, lambda record: layer_shift(record, "cosine", layer))
    if not distance:
        return ""
    text = f"The step of the layers in front of layer {layer} shifts its gradient by {distance}."
    if relative:
        text += f" Relative to the gradient's norm, the shift is {relative}."
    if cosines:
        text += f" The cosine between the two gradients is {list_values(cosines)}."
    reason = " At learning rate 0 a step moves nothing, so there is no shift." if untrained(records) else ""
    return f"{text} {MEDIANS}{reason}"


def gradient_growth(records: Mapping[str, Record]) -> str:
    """Factor by which the gradient grows per layer towards the input, at the first and last measured update."""
    parts = []
    for arm, record in records.items():
        if "pre_activation_gradient_norm" not in record.data or record.data.sizes["layer"] < 4:
            continue  # the outermost layers are left out, and a factor needs two others
        with np.errstate(all="ignore"):
            factors = quantities.growth_per_layer(record).values
        valid = np.flatnonzero(np.isfinite(factors))
        if valid.size:
            first, last = (two_digits(float(factor)) for factor in factors[valid[[0, -1]]])
            start, end = record.values("probe_step")[valid[[0, -1]]]
            later = f" and by {last} at update {end}" if end > start else ""
            parts.append(f"in {arm} by {first} at update {start}{later}")
    return f"Towards the input, each layer multiplies the gradient's norm {'; '.join(parts)}." if parts else ""
