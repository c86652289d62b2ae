"""Gradients that grow with depth.

Forty layers at initialisation: with batch norm and ReLU the gradient grows by about 1.21 from each layer to the one in
front of it, without batch norm and He's initialisation it does not.
"""

from bnviz.analysis import quantities
from bnviz.core.presets import FORTY_LAYERS
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, Rule
from bnviz.experiments._statistics import single_arm

SOURCE = "Yang et al. 2019, Sec. 3"


def growth(record: Record) -> float:
    """Factor by which the gradient grows per layer, before the first update."""
    return float(quantities.growth_per_layer(record).isel(probe_step=0))


EXPERIMENT = Experiment(
    question="Is batch norm a favourable initialisation?",
    source=SOURCE,
    page="theory",
    base=FORTY_LAYERS.base,
    arms=FORTY_LAYERS.arms,
    claims=(
        Claim(
            "batch_norm_explodes",
            "With batch norm gradients grow by a factor with every layer of depth, at initialisation.",
            f"{SOURCE}: sqrt(π / (π − 1)) = 1.21 per layer for ReLU",
            (
                Condition(
                    "growth of the gradient per layer, batch norm",
                    single_arm(growth, "batch norm"),
                    Rule("above", 1.05),
                    diverged="until_then",
                ),
            ),
        ),
        Claim(
            "standard_keeps",
            "Without batch norm, initialised by He et al., gradients keep their size.",
            "He et al. 2015, Sec. 2.2",
            (
                Condition(
                    "growth of the gradient per layer minus 1, standard",
                    lambda runs: growth(runs["standard"]) - 1,
                    Rule("within", 0.05),
                    diverged="until_then",
                ),
            ),
        ),
    ),
    settings={
        "tanh, Xavier": {"activation": "tanh", "init": "xavier"},
        "no nonlinearity, Xavier": {"activation": "identity", "init": "xavier"},
    },
)
