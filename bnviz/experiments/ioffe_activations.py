"""Activation distributions.

Ioffe & Szegedy's first experiment: three hidden layers of 100 sigmoid units, with and without batch norm. Who learns,
and whose units have inputs that stay where they are.
"""

import numpy as np

from bnviz.experiments import Claim, Experiment, Rule
from bnviz.experiments._statistics import accuracy, alone, difference, log_ratio, middle_value
from bnviz.presets import ACTIVATIONS
from bnviz.quantities import median_over, once
from bnviz.record import Record

FIGURE = "Ioffe & Szegedy 2015, Sec. 4.1"


def wander(record: Record) -> float:
    """Distance between a unit's largest and smallest median of the run: median over the units of the last layer."""
    return middle_value(_wanders(record))


def wander_over_width(record: Record) -> float:
    """The same in multiples of the width of the unit's own distribution (outer percentiles, median over steps)."""
    low, *_, high = (_percentile(record, level) for level in record.config.percentiles)
    width = median_over(high - low, axis=0)
    return middle_value(_wanders(record)[width > 0] / width[width > 0])


@once
def _wanders(record: Record) -> np.ndarray:
    """Of each unit; NaN for a unit that this layer lacks."""
    middle = _percentile(record, record.config.percentiles[len(record.config.percentiles) // 2])
    reach: np.ndarray = np.fmax.reduce(middle, axis=0) - np.fmin.reduce(middle, axis=0)
    return reach


def _percentile(record: Record, level: float) -> np.ndarray:
    """Of every unit of the last layer at every measured step."""
    return record.values("percentile", layer=record.data.sizes["layer"], quantile=level)


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
