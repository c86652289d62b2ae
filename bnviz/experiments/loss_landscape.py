"""Loss landscape along the gradient.

How much the loss and its gradient change within reach of a step, with and without batch norm: the measurements on which
Santurkar et al. rest their answer. Raw numbers, and relative ones that do not shrink merely because weights grow.
"""

import xarray as xr

from bnviz.analysis import quantities
from bnviz.core.presets import LANDSCAPE
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, Rule
from bnviz.experiments._over_time import Quantity, difference_over_time, log_ratio_over_time

FIGURE = "Santurkar et al. 2018, Fig. 4"
NOTES = "course notes 004"


def gradient_norm(record: Record) -> xr.DataArray:
    """|g| of the mini-batch loss, over all parameters."""
    return record.data["line_gradient_norm"]


def _smaller(name: str, statement: str, source: str, measured: str, quantity: Quantity) -> Claim:
    """Batch norm's median is smaller than the standard network's."""
    return Claim(
        name,
        statement,
        source,
        (
            Condition(
                f"{measured}, median over time: batch norm / standard",
                log_ratio_over_time(quantity, "batch norm", "standard"),
                Rule("below"),
                ratio=True,
            ),
        ),
    )


EXPERIMENT = Experiment(
    question="Is the loss landscape smoother with batch norm?",
    source=FIGURE,
    page="loss_landscape",
    page_order=0,
    base=LANDSCAPE.base,
    arms=LANDSCAPE.arms,
    claims=(
        _smaller(
            "loss_variation",
            "With batch norm the loss changes less along the gradient.",
            f"{FIGURE}a; course notes 003, question 5, and 004",
            "range of the loss along the gradient",
            quantities.loss_variation,
        ),
        _smaller(
            "predictive_gradients",
            "With batch norm the gradient is more predictive.",
            f"{FIGURE}b; course notes 003, question 5, and 004",
            "max |g(α) − g|",
            quantities.gradient_change,
        ),
        _smaller(
            "predictive_gradients_relative",
            "The same relative to the gradient's length.",
            f"{FIGURE}b",
            "max |g(α) − g| / |g|",
            quantities.relative_gradient_change,
        ),
        Claim(
            "predictive_gradients_cosine",
            "The same by direction: with batch norm the gradient turns less.",
            f"{FIGURE}b",
            (
                Condition(
                    "min cos(g(α), g), median over time: batch norm minus standard",
                    difference_over_time(quantities.least_cosine, "batch norm", "standard"),
                    Rule("above"),
                ),
            ),
        ),
        _smaller(
            "effective_smoothness",
            "With batch norm the effective β is smaller: the gradient is smoother.",
            f"{FIGURE}c; {NOTES}",
            "effective β",
            quantities.effective_smoothness,
        ),
        _smaller(
            "lipschitz",
            "With batch norm the loss has a smaller Lipschitz constant.",
            f"Santurkar et al. 2018, Thm. 4.1; {NOTES}",
            "max |L(α) − L| / |α g|",
            quantities.lipschitz_estimate,
        ),
        _smaller(
            "smaller_gradients",
            "With batch norm gradients are smaller.",
            f"{NOTES}, Lipschitzness",
            "|g| over all parameters",
            gradient_norm,
        ),
        _smaller(
            "sharpness",
            "With batch norm the largest curvature is smaller.",
            "Santurkar et al. 2018, Thm. 4.2; disputed for shallow networks by Yao et al. 2019",
            "largest eigenvalue of the Hessian",
            quantities.largest_eigenvalue,
        ),
    ),
    settings={
        "10 × 100 tanh": {"activation": "tanh"},
        "3 × 100 ReLU": {"widths": (100,) * 3},
        "3 × 100 sigmoid": {"widths": (100,) * 3, "activation": "sigmoid"},
        "10 × 100 softplus": {"activation": "softplus"},
    },
)
