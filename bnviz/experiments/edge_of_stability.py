"""Edge of stability.

Full-batch gradient descent drives the largest Hessian eigenvalue up to about 2 / learning rate and holds it there.
Does a network with batch norm live there, too?
"""

import numpy as np

from bnviz import quantities
from bnviz.config import RunConfig
from bnviz.experiments import Claim, Experiment, Rule
from bnviz.experiments._statistics import alone, log_ratio
from bnviz.record import Record

SOURCE = "Cohen et al. 2021, Fig. 1"
NEAR = 0.8
"""A share of 2 / learning rate from which on a network counts as being at the edge (a choice of bnviz)."""


def closeness(record: Record) -> float:
    """Largest eigenvalue as a share of 2 / learning rate, median over the second half of its measurements."""
    eigenvalues = quantities.largest_eigenvalue(record).values
    return float(np.median(eigenvalues[len(eigenvalues) // 2 :]) / quantities.stability_limit(record))


EXPERIMENT = Experiment(
    question="Is the loss landscape smoother with batch norm?",
    source=SOURCE,
    page="loss_landscape",
    base=RunConfig(
        widths=(100,) * 3,
        activation="tanh",
        init="xavier",
        learning_rate=0.2,
        batch_size=1500,
        steps=600,
        probe_points=24,
        sharpness_points=12,
        probes=("sharpness",),
        probe_samples=1500,
    ),
    arms={"standard": {"norm": "none"}, "batch norm": {"norm": "batch"}},
    claims=(
        Claim(
            "standard_at_the_edge",
            "Gradient descent brings the standard network to the edge of stability.",
            SOURCE,
            "largest Hessian eigenvalue × learning rate / 2, second half of training, standard",
            alone(closeness, "standard"),
            Rule("above", NEAR),
        ),
        Claim(
            "batch_norm_flatter",
            "With batch norm the largest curvature is smaller.",
            "Santurkar et al. 2018, Thm. 4.2",
            "the same: batch norm / standard",
            log_ratio(closeness, "batch norm", "standard"),
            Rule("below"),
            ratio=True,
        ),
    ),
    settings={"learning rate 1": {"learning_rate": 1.0}, "ReLU": {"activation": "relu"}},
    datasets=("digits",),
)
