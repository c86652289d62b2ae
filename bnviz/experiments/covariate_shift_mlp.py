"""Internal covariate shift in an MLP.

How much a layer's gradient changes because the layers in front of it make their step, with and without batch norm, in
networks that really learn. Raw and relative, as the two can disagree.
"""

from bnviz.experiments import Claim, Experiment, Rule
from bnviz.experiments._shift import DEFINITION, cosine, l2, more_shift_and_better, relative
from bnviz.experiments._statistics import difference, log_ratio
from bnviz.presets import COVARIATE_SHIFT

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
            "|G − G'| / |G| of the middle layer, median over updates: batch norm / standard",
            log_ratio(relative, "batch norm", "standard"),
            Rule("below"),
            ratio=True,
        ),
        Claim(
            "reduces_raw",
            "The same in raw units.",
            DEFINITION,
            "|G − G'| of the middle layer, median over updates: batch norm / standard",
            log_ratio(l2, "batch norm", "standard"),
            Rule("below"),
            ratio=True,
        ),
        Claim(
            "reduces_cosine",
            "The same by direction: with batch norm the gradient turns less.",
            DEFINITION,
            "cos(G, G') of the middle layer, median over updates: batch norm minus standard",
            difference(cosine, "batch norm", "standard"),
            Rule("above"),
        ),
        Claim(
            "more_shift_yet_better",
            "Batch norm has more internal covariate shift, and yet it trains better.",
            f"{DEFINITION}; course notes 003, question 4, and 004",
            "the smaller of: log ratio of |G − G'| / |G|, and difference in test accuracy; batch norm against standard",
            more_shift_and_better,
            Rule("above"),
        ),
    ),
    settings={
        "3 × 100 ReLU": {"widths": (100,) * 3},
        "3 × 100 sigmoid, learning rate 0.5": {"widths": (100,) * 3, "activation": "sigmoid", "learning_rate": 0.5},
        "learning rate 0.01": {"learning_rate": 0.01},
    },
)
