"""Edge of stability.

Full-batch gradient descent drives the largest Hessian eigenvalue up to about 2 / learning rate and holds it there.
Does a network with batch norm live there, too?
"""

import math

import numpy as np
import xarray as xr

from bnviz.analysis import quantities
from bnviz.analysis.phases import LAST_HALF
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, Rule, Runs
from bnviz.experiments._over_time import Curve, OverTime, log_of_ratio, log_ratio_over_time, time_median

SOURCE = "Cohen et al. 2021, Fig. 1"
NEAR = 1.25
"""Within this factor of 2 / learning rate a network counts as being at the edge (a choice of bnviz)."""


def share_of_limit(record: Record) -> xr.DataArray:
    """Largest Hessian eigenvalue as a share of 2 / learning rate."""
    return quantities.largest_eigenvalue(record) / quantities.stability_limit(record)


def _log_share(arm: str) -> OverTime:
    def curve(runs: Runs) -> Curve:
        share = share_of_limit(runs[arm])
        positive = share[share.values > 0]
        return positive["probe_step"].values, np.log(positive.values)

    return OverTime(lambda runs, phase: log_of_ratio(time_median(share_of_limit, runs[arm], phase), 1.0), curve)


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
        probes=("sharpness",),
        probe_samples=1500,
    ).with_changes(sharpness_points=24),
    arms={"standard": {"norm": "none"}, "batch norm": {"norm": "batch"}},
    claims=(
        Claim(
            "standard_at_the_edge",
            "Gradient descent brings the standard network to the edge of stability and holds it there.",
            SOURCE,
            (
                Condition(
                    "largest Hessian eigenvalue × learning rate / 2, median over the last half, standard",
                    _log_share("standard"),
                    Rule("within", math.log(NEAR)),
                    ratio=True,
                    phases=(LAST_HALF,),
                ),
            ),
        ),
        Claim(
            "batch_norm_flatter",
            "With batch norm the largest curvature is smaller.",
            "Santurkar et al. 2018, Thm. 4.2",
            (
                Condition(
                    "largest Hessian eigenvalue, median over time: batch norm / standard",
                    log_ratio_over_time(quantities.largest_eigenvalue, "batch norm", "standard"),
                    Rule("below"),
                    ratio=True,
                ),
            ),
        ),
    ),
    settings={"learning rate 1": {"learning_rate": 1.0}, "tanh": {"activation": "tanh"}},
    datasets=("digits",),
)
