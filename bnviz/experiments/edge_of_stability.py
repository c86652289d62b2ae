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


def closest(record: Record) -> float:
    """Largest eigenvalue as a share of 2 / learning rate, at its peak."""
    return float(quantities.largest_eigenvalue(record).max()) / quantities.stability_limit(record)


def late(record: Record) -> float:
    """Largest eigenvalue, median over the second half of its measurements."""
    eigenvalues = quantities.largest_eigenvalue(record).values
    return float(np.median(eigenvalues[len(eigenvalues) // 2 :]))


EXPERIMENT = Experiment(
    question="Is the loss landscape smoother with batch norm?",
    source=SOURCE,
    page="loss_landscape",
    base=RunConfig(
        widths=(100,) * 3,
        activation="relu",
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
            "largest Hessian eigenvalue × learning rate / 2, at its peak, standard",
            alone(closest, "standard"),
            Rule("above", NEAR),
        ),
        Claim(
            "batch_norm_flatter",
            "With batch norm the largest curvature is smaller.",
            "Santurkar et al. 2018, Thm. 4.2",
            "largest Hessian eigenvalue, second half of training: batch norm / standard",
            log_ratio(late, "batch norm", "standard"),
            Rule("below"),
            ratio=True,
        ),
    ),
    settings={"learning rate 1": {"learning_rate": 1.0}, "tanh": {"activation": "tanh"}},
    datasets=("digits",),
)
