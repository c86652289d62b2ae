"""What noise behind batch norm does, in words computed from the runs."""

from collections.abc import Mapping

import numpy as np

from bnviz.figures.noise import last_accuracy
from bnviz.figures.seeds import Repeats
from bnviz.figures.sentences import compared
from bnviz.figures.style import finite, percent
from bnviz.record import Record


def accuracies(records: Mapping[str, Record], repeats: Repeats | None = None) -> str:
    """Test accuracy at the end, arm by arm; of several seeds the mean, and the smallest and largest."""
    parts = []
    for arm, record in records.items():
        values = finite(np.array([last_accuracy(one) for one in (repeats or {}).get(arm) or (record,)]))
        if values.size > 1:
            low, high = percent(float(values.min())), percent(float(values.max()))
            parts.append(f"{arm} {percent(float(values.mean()))} ({low} to {high}, {values.size} seeds)")
        elif values.size:
            parts.append(f"{arm} {percent(float(values[0]))}")
    return f"Test accuracy at the end: {', '.join(parts)}." if parts else ""


def drift(records: Mapping[str, Record], layer: int) -> str:
    """How far a unit's mean and variance move in one step: median over steps and units of the layer."""
    sentences = []
    for quantity, word in (("mean_change", "mean"), ("variance_change", "variance")):
        values = {}
        for arm, record in records.items():
            if quantity in record.data:
                seen = finite(record.values(quantity, layer=layer))
                if seen.size:
                    values[arm] = float(np.median(seen))
        told = compared(values)
        if told:
            sentences.append(f"In one step the {word} of a unit of layer {layer} moves by {told}.")
    return " ".join(sentences)
