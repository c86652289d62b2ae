"""Loss landscape along the gradient.

How much the loss and its gradient change within reach of a step, with and without batch norm: the measurements on which
Santurkar et al. rest their answer. Raw numbers, and relative ones that do not shrink merely because weights grow.
"""

from bnviz import quantities
from bnviz.experiments import Claim, Experiment, Rule
from bnviz.experiments._statistics import difference, log_ratio, median
from bnviz.presets import LANDSCAPE

FIGURE = "Santurkar et al. 2018, Fig. 4"
NOTES = "course notes 004"


def _smaller(name: str, statement: str, source: str, measured: str, quantity: str) -> Claim:
    """Batch norm's median is smaller than the standard network's."""
    statistic = log_ratio(median(getattr(quantities, quantity)), "batch norm", "standard")
    return Claim(
        name,
        statement,
        source,
        f"{measured}, median over updates: batch norm / standard",
        statistic,
        Rule("below"),
        ratio=True,
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
            "loss_variation",
        ),
        _smaller(
            "predictive_gradients",
            "With batch norm the gradient is more predictive.",
            f"{FIGURE}b; course notes 003, question 5, and 004",
            "max |g(α) − g|",
            "gradient_change",
        ),
        _smaller(
            "predictive_gradients_relative",
            "The same relative to the gradient's length.",
            f"{FIGURE}b",
            "max |g(α) − g| / |g|",
            "relative_gradient_change",
        ),
        Claim(
            "predictive_gradients_cosine",
            "The same by direction: with batch norm the gradient turns less.",
            f"{FIGURE}b",
            "min cos(g(α), g), median over updates: batch norm minus standard",
            difference(median(quantities.least_cosine), "batch norm", "standard"),
            Rule("above"),
        ),
        _smaller(
            "effective_smoothness",
            "With batch norm the effective β is smaller: the gradient is smoother.",
            f"{FIGURE}c; {NOTES}",
            "effective β",
            "effective_smoothness",
        ),
        _smaller(
            "lipschitz",
            "With batch norm the loss has a smaller Lipschitz constant.",
            f"Santurkar et al. 2018, Thm. 4.1; {NOTES}",
            "max |L(α) − L| / |α g|",
            "lipschitz_estimate",
        ),
        _smaller(
            "sharpness",
            "With batch norm the largest curvature is smaller.",
            "Santurkar et al. 2018, Thm. 4.2; disputed for shallow networks by Yao et al. 2019",
            "largest eigenvalue of the Hessian",
            "largest_eigenvalue",
        ),
    ),
    settings={
        "10 × 100 tanh": {"activation": "tanh"},
        "3 × 100 ReLU": {"widths": (100,) * 3},
        "3 × 100 sigmoid": {"widths": (100,) * 3, "activation": "sigmoid"},
        "10 × 100 softplus": {"activation": "softplus"},
    },
)
