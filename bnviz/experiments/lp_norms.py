"""l_p norms in place of the variance.

Is batch norm special, or will any scale do? l_1, l_2 and l_inf, taken before the shift, against batch norm.
"""

from bnviz.core.presets import TEN_LAYERS
from bnviz.experiments import Claim, Condition, Experiment, Rule
from bnviz.experiments._statistics import accuracy, difference

SOURCE = "Santurkar et al. 2018, Sec. 3.3"
ALIKE = 0.02
"""A smaller loss of accuracy counts as equally good (a choice of bnviz)."""
ORDERS = {"l1": "1", "l2": "2", "linf": "inf"}

EXPERIMENT = Experiment(
    question="Is batch norm special?",
    source=SOURCE,
    page="noisy_bn",
    page_order=2,
    base=TEN_LAYERS.with_changes(probes=()),
    arms={"standard": {"norm": "none"}, "batch norm": {"norm": "batch"}}
    | {arm: {"norm": "lp_batch", "norm_p": order} for arm, order in ORDERS.items()},
    claims=tuple(
        Claim(
            f"{arm}_as_good",
            f"Normalising by the {arm} norm trains as well as batch norm.",
            f"{SOURCE}; course notes 003, question 5, and 004",
            (
                Condition(
                    f"test accuracy at the end, {arm} minus batch norm",
                    difference(accuracy, arm, "batch norm"),
                    Rule("above", -ALIKE),
                    diverged="guesses",
                ),
            ),
        )
        for arm in ORDERS
    ),
    settings={
        "5 × 100 sigmoid, learning rate 0.5": {
            "widths": (100,) * 5,
            "activation": "sigmoid",
            "learning_rate": 0.5,
            "steps": 600,
        }
    },
)
