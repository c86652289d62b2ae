"""Activation distributions.

Ioffe & Szegedy's first experiment: three hidden layers of 100 sigmoid units, with and without batch norm. Who learns,
and whose units have inputs that stay where they are.
"""

import warnings

import numpy as np

from bnviz.experiments import Claim, Experiment, Rule
from bnviz.experiments._statistics import accuracy, alone, difference, log_ratio, middle_value
from bnviz.presets import ACTIVATIONS
from bnviz.quantities import median_over
from bnviz.record import Record

FIGURE = "Ioffe & Szegedy 2015, Sec. 4.1"


def wander(record: Record) -> float:
    """Distance between a unit's largest and smallest median of the run: median over the units of the last layer."""
    return middle_value(_wanders(record))


def wander_over_width(record: Record) -> float:
    """The same in multiples of the width of the unit's own distribution (outer percentiles, median over steps)."""
    values = record.data["percentile"].isel(layer=-1).transpose("probe_step", "quantile", ...).values
    width = median_over(values[:, -1] - values[:, 0], axis=0)
    return middle_value(_wanders(record)[width > 0] / width[width > 0])


def _wanders(record: Record) -> np.ndarray:
    middle = record.data["percentile"].isel(layer=-1, quantile=len(record.config.percentiles) // 2)
    values = middle.transpose("probe_step", "unit").values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a unit that this layer lacks is NaN throughout
        reach: np.ndarray = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
    return reach


EXPERIMENT = Experiment(
    question="Does batch norm keep a unit's input distribution still?",
    source=f"{FIGURE}, Fig. 1",
    page="activations",
    page_order=0,
    base=ACTIVATIONS.base,
    arms=ACTIVATIONS.arms,
    claims=(
        Claim(
            "trains_faster",
            "With batch norm the network trains faster.",
            f"{FIGURE}, Fig. 1a",
            "test accuracy at the end, batch norm minus standard",
            difference(accuracy, "batch norm", "standard"),
            Rule("above"),
        ),
        Claim(
            "saturating",
            "Batch norm makes it possible to train with a saturating nonlinearity.",
            "Ioffe & Szegedy 2015, Sec. 3.4; course notes 000, 1.3.3",
            "test accuracy of batch norm at the end",
            alone(accuracy, "batch norm"),
            Rule("above", 0.9),
            not_in=("ReLU",),
        ),
        Claim(
            "stable_distribution",
            "With batch norm a unit's input distribution is more stable.",
            f"{FIGURE}, Fig. 1b and 1c",
            "how far a unit's median wanders, in multiples of its distribution's width: batch norm / standard",
            log_ratio(wander_over_width, "batch norm", "standard"),
            Rule("below"),
            ratio=True,
        ),
        Claim(
            "stable_distribution_absolute",
            "The same, read off a shared axis.",
            f"{FIGURE}, Fig. 1b and 1c",
            "how far a unit's median wanders: batch norm / standard",
            log_ratio(wander, "batch norm", "standard"),
            Rule("below"),
            ratio=True,
        ),
    ),
    settings={
        "learning rate 2": {"learning_rate": 2.0},
        "ReLU": {"activation": "relu"},
        "Xavier, black-and-white images": {"init": "xavier", "binarize": True},
    },
)
