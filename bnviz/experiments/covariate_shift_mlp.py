"""Internal covariate shift in an MLP.

How much a layer's gradient changes because the layers in front of it make their step, with and without batch norm, in
networks that really learn. Raw and relative, as the two can disagree.
"""

from bnviz.core.presets import COVARIATE_SHIFT
from bnviz.experiments import Claim, Condition, Experiment, Rule
from bnviz.experiments._over_time import difference_over_time, log_ratio_over_time
from bnviz.experiments._shift import DEFINITION, cosine, l2, relative
from bnviz.experiments._statistics import accuracy, difference

EXPERIMENT = Experiment(
    question="Does batch norm reduce internal covariate shift?",
    source=DEFINITION,
    page="covariate_shift",
    page_order=0,
    base=COVARIATE_SHIFT.base,
    arms=COVARIATE_SHIFT.arms,
    claims=(
        Claim(
            "reduces_relative",
            "Batch norm reduces internal covariate shift.",
            "Ioffe & Szegedy 2015; course notes 000, 001, 002; measured by Santurkar et al. 2018, Def. 2.1",
            (
                Condition(
                    "|G − G′| / |G| of the middle layer, median over time: batch norm / standard",
                    log_ratio_over_time(relative, "batch norm", "standard"),
                    Rule("below"),
                    ratio=True,
                ),
            ),
            among_learners=True,
        ),
        Claim(
            "reduces_raw",
            "The same in raw units.",
            DEFINITION,
            (
                Condition(
                    "|G − G′| of the middle layer, median over time: batch norm / standard",
                    log_ratio_over_time(l2, "batch norm", "standard"),
                    Rule("below"),
                    ratio=True,
                ),
            ),
            among_learners=True,
        ),
        Claim(
            "reduces_cosine",
            "The same by direction: with batch norm the gradient turns less.",
            DEFINITION,
            (
                Condition(
                    "cos(G, G′) of the middle layer, median over time: batch norm minus standard",
                    difference_over_time(cosine, "batch norm", "standard"),
                    Rule("above"),
                ),
            ),
            among_learners=True,
        ),
        Claim(
            "more_shift_yet_better",
            "Batch norm has more internal covariate shift, and yet it trains better.",
            f"{DEFINITION}; course notes 003, question 4, and 004",
            (
                Condition(
                    "|G − G′| / |G| of the middle layer, median over time: batch norm / standard",
                    log_ratio_over_time(relative, "batch norm", "standard"),
                    Rule("above"),
                    ratio=True,
                ),
                Condition(
                    "test accuracy at the end, batch norm minus standard",
                    difference(accuracy, "batch norm", "standard"),
                    Rule("above"),
                    diverged="guesses",
                ),
            ),
            among_learners=True,
        ),
    ),
    settings={
        "3 × 100 ReLU": {"widths": (100,) * 3},
        "3 × 100 sigmoid, learning rate 0.5": {"widths": (100,) * 3, "activation": "sigmoid", "learning_rate": 0.5},
        "learning rate 0.01": {"learning_rate": 0.01},
    },
)
