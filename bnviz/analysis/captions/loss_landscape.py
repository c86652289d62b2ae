"""What the landscape measurements say, in words computed from the runs: medians over updates, as tails are heavy."""

import math
from collections.abc import Mapping

import numpy as np
import xarray as xr

from bnviz.analysis import quantities
from bnviz.analysis.captions.shared import compared, differ_in_batch, listed
from bnviz.analysis.loss_plane import last_plane
from bnviz.analysis.quantities import direction
from bnviz.analysis.series import finite, medians, series
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record

MEDIANS = "These are medians over the updates."
TELLING = 0.02
"""From which share on rounding is said to be in what is drawn."""


def variation(records: Mapping[str, Record]) -> str:
    """By how much the loss varies along the line, and as a share of the loss."""
    own = compared(medians(records, quantities.loss_variation))
    share = compared(medians(records, quantities.relative_loss_variation))
    if not own:
        return ""
    text = f"Along {direction(records)} the loss varies by {own}."
    if share:
        text += f" As a share of the loss itself by {share}."
    return f"{text} {MEDIANS} {no_steps(records)}".strip()


def no_steps(records: Mapping[str, Record]) -> str:
    """That nothing was looked at but the weights themselves, where all step lengths are 0."""
    if any(record.config.option("line_in") == "absolute" or record.config.learning_rate for record in records.values()):
        return ""
    return "All step lengths are multiples of the learning rate, which is 0; choose a range that does not depend on it."


def predictiveness(records: Mapping[str, Record]) -> str:
    """By how much the gradient changes, and whether it still points the same way."""
    change = compared(medians(records, quantities.relative_gradient_change), " of its own length")
    cosines = medians(records, quantities.least_cosine)
    if not change or not cosines:
        return ""
    told = ", ".join(f"{two_digits(value)} in {arm}" for arm, value in cosines.items())
    return (
        f"Along the line the gradient changes by up to {change}. Its smallest cosine with the gradient at "
        f"the weights is {told}. {MEDIANS} {no_steps(records)}"
    ).strip()


def rounding(records: Mapping[str, Record]) -> str:
    """How much of the change of the gradient is rounding at the shortest step length, where that is worth saying."""
    shares = {
        arm: value
        for arm, value in medians(records, _rounding_at_shortest).items()
        if value >= TELLING  # of a median over updates
    }
    if not shares:
        return ""
    config = next(records[arm].config for arm in shares)
    told = listed([f"{'all' if value >= 1 else percent(value)} in {arm}" for arm, value in shares.items()])
    advice = "longer steps" if config.precision == "float64" else "longer steps or double precision"
    return (
        f"At the shortest step length the gradient hardly changes, and rounding ({config.precision}) can make up "
        f"{told} of the change that is shown; effective β is affected most. Choose {advice}."
    )


def _rounding_at_shortest(record: Record) -> xr.DataArray:
    return quantities.rounding_of_gradient_change(record).isel(alpha=0)


def beta_by_arithmetic(records: Mapping[str, Record]) -> str:
    """That an effective beta near 1 / the shortest step length says little, where an arm's is within a factor of 2."""
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
        f"An effective β near {two_digits(1 / shortest)} is largely arithmetic: a gradient that changes by its own "
        f"length within the shortest step, α = {two_digits(shortest)}, gives 1 / α."
    )


def smoothness(records: Mapping[str, Record]) -> str:
    """Effective beta, the largest eigenvalue of the Hessian, and how often that is beyond the stability limit."""
    beta = compared(medians(records, quantities.effective_smoothness))
    text = f"The effective β is {beta}." if beta else no_steps(records)
    sharpness = compared(medians(records, quantities.largest_eigenvalue))
    if sharpness:
        text += f" The largest eigenvalue of the Hessian is {sharpness}."
    if beta or sharpness:
        text += f" {MEDIANS}"
    for arm, record in records.items():
        limit, found = quantities.stability_limit(record), series(record, quantities.largest_eigenvalue)
        values = finite(found[1]) if found is not None else np.empty(0)
        if math.isfinite(limit) and values.size:
            beyond = percent(float((values > limit).mean()))
            text += (
                f" In {arm} it is above the stability limit of {two_digits(limit)} at {beyond} of the measured updates."
            )
    return text.strip()


def around(records: Mapping[str, Record]) -> str:
    """From where to where the loss goes on each arm's plane, and why an arm's plane is not drawn."""
    if not records:
        return "Move the cursor to an update and map the plane there; each arm is trained to it once more."
    parts, reasons = [], []
    for arm, record in records.items():
        found = last_plane(record)
        if found is not None:
            values = 10 ** finite(found.logarithm.astype(float))
            parts.append(f"from {two_digits(float(values.min()))} to {two_digits(float(values.max()))} in {arm}")
        elif record.outcome != "running":
            reasons.append(f"No plane is drawn for {arm}: {_why_none(record)}.")
    where = {record.last_step for record in records.values() if record.outcome == "finished"}
    at = f" at update {where.pop()}" if len(where) == 1 else ""
    text = f"On the plane{at} the loss goes {'; '.join(parts)}." if parts else ""
    return " ".join([text, *reasons]).strip()


def _why_none(record: Record) -> str:
    if record.outcome == "diverged":
        return (
            f"its run diverged by update {record.last_step}, so there are no weights at update {record.config.steps} "
            "to look around. Choose an earlier update"
        )
    if record.outcome == "stopped":
        return f"its run was stopped before update {record.config.steps}. Map the plane again"
    return "no loss on it is a finite number above 0"


def variation_title(records: Mapping[str, Record]) -> str:
    """The question that the loss along the line answers."""
    return f"How far does the loss range along {direction(records)}?"


def ray(records: Mapping[str, Record]) -> str:
    """Where the ray starts, and how the arms are compared along it."""
    return f"From the weights at this update, against {direction(records)}: at the same α, and at the same distance."


def pitfalls(records: Mapping[str, Record]) -> str:
    """Why the charts on the left mislead."""
    text = (
        "Left: what is often shown. Right: the same axis, measured in one run along "
        f"{direction(records)}. A band over separate runs shows how differently they train"
    )
    if any(differ_in_batch(record.config) for record in records.values()):
        return f"{text}; the gradients of consecutive steps differ mostly because their mini-batches do."
    return f"{text}."
