"""Captions on the loss landscape; medians over updates, because the distributions have heavy tails."""

import math
from collections.abc import Mapping

import numpy as np
import xarray as xr

from bnviz.analysis import quantities
from bnviz.analysis.captions.shared import MEDIANS, batches_differ, compare_arms, join_words, list_values
from bnviz.analysis.loss_plane import last_plane
from bnviz.analysis.series import finite, medians, series
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record

SMALLEST_ROUNDING = 0.02
"""Share of rounding from which a caption mentions it."""


def loss_variation(records: Mapping[str, Record]) -> str:
    """How far the loss varies along the line, also relative to the loss."""
    variation = compare_arms(medians(records, quantities.loss_variation))
    relative = compare_arms(medians(records, quantities.relative_loss_variation))
    if not variation:
        return ""
    text = f"Along {quantities.direction(records)} the loss varies by {variation}."
    if relative:
        text += f" Relative to the loss itself, it varies by {relative}."
    return f"{text} {MEDIANS} {zero_steps(records)}".strip()


def zero_steps(records: Mapping[str, Record]) -> str:
    """Return a sentence if every step length is 0 because the learning rate is, otherwise an empty text."""
    if any(record.config.option("line_in") == "absolute" or record.config.learning_rate for record in records.values()):
        return ""
    return "All step lengths are multiples of the learning rate, which is 0. Choose absolute step lengths."


def predictiveness(records: Mapping[str, Record]) -> str:
    """How far the gradient changes along the line, and how far it turns."""
    change = compare_arms(medians(records, quantities.relative_gradient_change))
    cosines = medians(records, quantities.least_cosine)
    if not change or not cosines:
        return ""
    return (
        f"Relative to its norm, the gradient changes along the line by up to {change}. Its smallest cosine with the "
        f"gradient at the weights is {list_values(cosines)}. {MEDIANS} {zero_steps(records)}"
    ).strip()


def rounding(records: Mapping[str, Record]) -> str:
    """Share of rounding in the change of the gradient at the shortest step length, if it is worth a mention."""
    shares = {
        arm: share for arm, share in medians(records, _rounding_at_shortest_step).items() if share >= SMALLEST_ROUNDING
    }
    if not shares:
        return ""
    config = next(records[arm].config for arm in shares)
    parts = join_words([f"{'all' if share >= 1 else percent(share)} of it in {arm}" for arm, share in shares.items()])
    advice = "longer steps" if config.precision == "float64" else "longer steps or double precision"
    return (
        f"At the shortest step length the gradient changes so little that rounding ({config.precision}) can cause "
        f"{parts}. This affects effective β most. Choose {advice}."
    )


def _rounding_at_shortest_step(record: Record) -> xr.DataArray:
    return quantities.rounding_of_gradient_change(record).isel(alpha=0)


def beta_artefact(records: Mapping[str, Record]) -> str:
    """Warn that an effective beta within a factor of 2 of 1 / (shortest step length) says little."""
    betas = medians(records, quantities.effective_smoothness).values()
    if not betas:
        return ""
    config = next(iter(records.values())).config
    shortest = config.option("line_from") * (
        config.learning_rate if config.option("line_in") == "learning_rate" else 1.0
    )
    if (
        config.option("line_along") != "gradient"
        or shortest <= 0
        or not any(0.5 < beta * shortest < 2 for beta in betas)
    ):
        return ""
    return (
        f"An effective β near {two_digits(1 / shortest)} is largely an artefact: a gradient that changes by its own "
        f"length within the shortest step, α = {two_digits(shortest)}, gives 1 / α."
    )


def smoothness(records: Mapping[str, Record]) -> str:
    """Effective beta, the largest eigenvalue of the Hessian, and how often that exceeds the stability limit."""
    beta = compare_arms(medians(records, quantities.effective_smoothness))
    text = f"The effective β is {beta}." if beta else zero_steps(records)
    sharpness = compare_arms(medians(records, quantities.largest_eigenvalue))
    if sharpness:
        text += f" The largest eigenvalue of the Hessian is {sharpness}."
    if beta or sharpness:
        text += f" {MEDIANS}"
    for arm, record in records.items():
        limit, measured = quantities.stability_limit(record), series(record, quantities.largest_eigenvalue)
        values = finite(measured[1]) if measured is not None else np.empty(0)
        if math.isfinite(limit) and values.size:
            share = percent(float((values > limit).mean()))
            text += (
                f" In {arm} it exceeds the stability limit of {two_digits(limit)} at {share} of the measured updates."
            )
    return text.strip()


def plane(records: Mapping[str, Record]) -> str:
    """Range of the loss on each arm's plane, and the reason for an arm without a plane."""
    if not records:
        return "Move the cursor to an update and map the plane there; each arm is trained to it once more."
    parts, reasons = [], []
    for arm, record in records.items():
        mapped = last_plane(record)
        if mapped is not None:
            values = 10 ** finite(mapped.logarithm.astype(float))
            parts.append(f"from {two_digits(float(values.min()))} to {two_digits(float(values.max()))} in {arm}")
        elif record.outcome != "running":
            reasons.append(f"There is no plane for {arm}: {_reason(record)}.")
    updates = {record.last_step for record in records.values() if record.outcome == "finished"}
    when = f" at update {updates.pop()}" if len(updates) == 1 else ""
    text = f"On the plane{when} the loss ranges {', '.join(parts)}." if parts else ""
    return " ".join([text, *reasons]).strip()


def _reason(record: Record) -> str:
    if record.outcome == "diverged":
        return (
            f"its run diverged by update {record.last_step}, before update {record.config.steps}. "
            "Choose an earlier update"
        )
    if record.outcome == "stopped":
        return f"its run was stopped before update {record.config.steps}. Map the plane again"
    return "its loss is nowhere a finite number above 0"


def variation_title(records: Mapping[str, Record]) -> str:
    """The question that the loss along the line answers."""
    return f"How far does the loss range along {quantities.direction(records)}?"


def ray(records: Mapping[str, Record]) -> str:
    """Where the ray starts, and how the arms are compared along it."""
    direction = quantities.direction(records)
    return f"From the weights at this update, against {direction}: at the same α, and at the same distance."


def pitfalls(records: Mapping[str, Record]) -> str:
    """Why the charts on the left mislead."""
    text = (
        "Left: what is often shown. Right: the same axis, measured in one run along "
        f"{quantities.direction(records)}. A band over separate runs shows how differently they train"
    )
    if any(batches_differ(record.config) for record in records.values()):
        return f"{text}; the gradients of consecutive steps differ mostly because their mini-batches do."
    return f"{text}."
