"""What the landscape measurements say, in words computed from the runs: medians over updates, as tails are heavy."""

import math
from collections.abc import Mapping

import numpy as np

from bnviz import quantities
from bnviz.figures import plane
from bnviz.figures.seeds import medians, series
from bnviz.figures.sentences import compared
from bnviz.figures.style import finite, percent, two_digits
from bnviz.record import Record

MEDIANS = "These are medians over the measured updates."


def variation(records: Mapping[str, Record]) -> str:
    """By how much the loss varies along the gradient, and as a share of the loss."""
    own = compared(medians(records, quantities.loss_variation))
    share = compared(medians(records, quantities.relative_loss_variation))
    if not own or not share:
        return ""
    return f"Along the gradient the loss varies by {own}. As a share of the loss itself by {share}. {MEDIANS}"


def predictiveness(records: Mapping[str, Record]) -> str:
    """By how much the gradient changes, and whether it still points the same way."""
    change = compared(medians(records, quantities.relative_gradient_change), " of its own length")
    cosines = medians(records, quantities.least_cosine)
    if not change or not cosines:
        return ""
    told = ", ".join(f"{two_digits(value)} in {arm}" for arm, value in cosines.items())
    return (
        f"Along the step the gradient changes by up to {change}. Its smallest cosine with itself is {told}. {MEDIANS}"
    )


def smoothness(records: Mapping[str, Record]) -> str:
    """Effective beta, the largest eigenvalue of the Hessian, and how often that is beyond the stability limit."""
    beta = compared(medians(records, quantities.effective_smoothness))
    if not beta:
        return ""
    text = f"The effective β is {beta}."
    sharpness = compared(medians(records, quantities.largest_eigenvalue))
    if sharpness:
        text += f" The largest eigenvalue of the Hessian is {sharpness}."
    text += f" {MEDIANS}"
    for arm, record in records.items():
        limit, found = quantities.stability_limit(record), series(record, quantities.largest_eigenvalue)
        values = finite(found[1]) if found is not None else np.empty(0)
        if math.isfinite(limit) and values.size:
            beyond = percent(float((values > limit).mean()))
            text += (
                f" In {arm} it is above the stability limit of {two_digits(limit)} at {beyond} of the measured updates."
            )
    return text


def around(records: Mapping[str, Record]) -> str:
    """From where to where the loss goes on the plane, arm by arm."""
    parts = []
    for arm, record in records.items():
        seen = plane.measured(record)
        if seen is not None:
            values = 10 ** finite(seen.logarithm.astype(float))
            parts.append(f"from {two_digits(float(values.min()))} to {two_digits(float(values.max()))} in {arm}")
    return f"On the plane the loss goes {'; '.join(parts)}." if parts else ""
