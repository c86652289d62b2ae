"""Captions about noise behind batch norm, computed from the runs."""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis.captions.shared import chance, compared, has_noise, listed
from bnviz.analysis.phases import median_so_far
from bnviz.core.number_format import percent
from bnviz.core.record import Record


def drift(records: Mapping[str, Record], layer: int) -> str:
    """How far a unit's mean and variance move in one step: median over updates and units of the layer."""
    sentences = []
    for quantity, word in (("mean_change", "mean"), ("variance_change", "variance")):
        values = {}
        for arm, record in records.items():
            if quantity in record.data:
                change = median_so_far(record.values("probe_step"), record.values(quantity, layer=layer))
                if np.isfinite(change):
                    values[arm] = change
        told = compared(values)
        if told:
            sentences.append(f"In one step the {word} of a unit of layer {layer} moves by {told}.")
    return " ".join([*sentences, chance(records)]).strip() if sentences else ""


def scoring(records: Mapping[str, Record]) -> str:
    """What the test accuracy of the noisy arms depends on: whether the noise is on, and which statistics are used."""
    noisy = {arm: record for arm, record in records.items() if record.config.norm.startswith("noisy_")}
    if not noisy:
        return ""
    if not any(has_noise(record.config) for record in noisy.values()):
        return "The settings leave no noise: the noisy arms compute the same as the arms without it."
    if any(record.config.option("noise_at_test") for record in noisy.values()):
        return (
            "The noise stays on when test samples are scored, so the accuracies of the noisy arms include its effect."
        )
    text = "When test samples are scored the noise is off"
    averaged = {arm: record for arm, record in noisy.items() if record.config.norm == "noisy_batch"}
    if any(record.config.norm_momentum for record in averaged.values()):
        text += ", but the running averages of batch norm were gathered under it"
    scores = {arm: record.final("population_test_accuracy") for arm, record in averaged.items()}
    parts = [f"{arm} gets {percent(score)}" for arm, score in scores.items() if np.isfinite(score)]
    if parts:
        text += (
            f". With statistics taken afterwards without noise, as in Ioffe & Szegedy's Algorithm 2, {listed(parts)}"
        )
    return f"{text}."
