"""Captions on noise after batch norm."""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis.captions.shared import chance_difference, compare_arms, has_noise
from bnviz.analysis.phases import median_so_far
from bnviz.core.number_format import percent
from bnviz.core.record import Record


def moment_drift(records: Mapping[str, Record], layer: int) -> str:
    """How far a unit's mean and variance move per update: median over updates and units of the layer."""
    sentences = []
    for quantity, moment in (("mean_change", "mean"), ("variance_change", "variance")):
        changes = {}
        for arm, record in records.items():
            if quantity in record.data:
                change = median_so_far(record.values("probe_step"), record.values(quantity, layer=layer))
                if np.isfinite(change):
                    changes[arm] = change
        if changes:
            sentences.append(f"Per update, the {moment} of a unit in layer {layer} moves by {compare_arms(changes)}.")
    return " ".join([*sentences, chance_difference(records)]).strip() if sentences else ""


def scoring_conditions(records: Mapping[str, Record]) -> str:
    """What the test accuracy of noisy arms depends on: whether the noise is on, and which statistics are used."""
    noisy = {arm: record for arm, record in records.items() if record.config.norm.startswith("noisy_")}
    if not noisy:
        return ""
    if not any(has_noise(record.config) for record in noisy.values()):
        return "These settings add no noise, so the noisy arms compute the same as the arms without noise."
    if any(record.config.option("noise_at_test") for record in noisy.values()):
        return "The noise stays on for test samples, so the accuracies of the noisy arms include its effect."
    text = "The noise is off for test samples"
    averaged = {arm: record for arm, record in noisy.items() if record.config.norm == "noisy_batch"}
    if any(record.config.norm_momentum for record in averaged.values()):
        text += ", but batch norm's running averages were taken with noise"
    scores = {arm: record.final("population_test_accuracy") for arm, record in averaged.items()}
    parts = [f"{arm} {percent(score)}" for arm, score in scores.items() if np.isfinite(score)]
    if parts:
        text += f". Accuracy with statistics taken without noise (Ioffe & Szegedy, Algorithm 2): {', '.join(parts)}"
    return f"{text}."
