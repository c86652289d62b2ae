"""Activation distributions.

Ioffe & Szegedy's first experiment: three hidden layers of 100 sigmoid units, with and without batch norm. Which network
learns, and whose units have stable input distributions.
"""

import math
from collections.abc import Callable

import numpy as np

from bnviz.analysis.phases import Phase, updates_nearest, weighted_median
from bnviz.core.config import MEDIAN
from bnviz.core.presets import ACTIVATIONS
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, OverTime, Rule
from bnviz.experiments._over_time import log_of_ratio
from bnviz.experiments._statistics import (
    GOAL,
    accuracy,
    difference,
    log_ratio_of_updates,
    median_value,
    single_arm,
)

FIGURE = "Ioffe & Szegedy 2015, Sec. 4.1"
ALIKE = 1.5
"""Two drifts within this factor count as alike (a choice of bnviz)."""


def drift(record: Record, phase: Phase) -> float:
    """Drift: distance between a unit's largest and smallest median in a phase; median over the last layer's units."""
    steps = _steps_in(record, phase)
    return median_value(_drift_of_units(record, steps)) if steps.any() else math.nan


def relative_drift(record: Record, phase: Phase) -> float:
    """Drift divided by the width of the unit's own distribution (outer percentiles, median over the phase)."""
    steps = _steps_in(record, phase)
    if not steps.any():
        return math.nan
    weights = updates_nearest(record.arrays["probe_step"][steps], *_phase_limits(record, phase))
    levels = record.config.recorded_percentiles
    low, high = (_percentile(record, level)[steps] for level in (levels[0], levels[-1]))
    widths = np.array([weighted_median(of_unit, weights) for of_unit in (high - low).T])
    has_width = widths > 0
    return median_value(_drift_of_units(record, steps)[has_width] / widths[has_width])


def _drift_of_units(record: Record, steps: np.ndarray) -> np.ndarray:
    """Largest minus smallest median of each unit over the given steps, (units,)."""
    medians = _percentile(record, MEDIAN)[steps]
    drifts: np.ndarray = np.fmax.reduce(medians, axis=0) - np.fmin.reduce(medians, axis=0)
    return drifts


def _phase_limits(record: Record, phase: Phase) -> tuple[float, float]:
    return phase.start * record.config.steps, phase.end * record.config.steps


def _steps_in(record: Record, phase: Phase) -> np.ndarray:
    """Mask of the measured steps in the phase; all False if the run did not get through it."""
    start, end = _phase_limits(record, phase)
    steps = record.arrays["probe_step"]
    inside: np.ndarray = (steps >= start) & (steps <= end) & (record.last_step >= end)
    return inside


def _percentile(record: Record, level: float) -> np.ndarray:
    """A percentile of every unit of the last layer, (probe_step, unit)."""
    return record.values("percentile", layer=record.data.sizes["layer"], quantile=level)


def _log_ratio(statistic: Callable[[Record, Phase], float]) -> OverTime:
    return OverTime(
        lambda runs, phase: log_of_ratio(statistic(runs["batch norm"], phase), statistic(runs["standard"], phase))
    )


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
            (
                Condition(
                    f"updates to {100 * GOAL:.0f} % test accuracy, at most those of the run: batch norm / standard",
                    log_ratio_of_updates("batch norm", "standard"),
                    Rule("below"),
                    ratio=True,
                    diverged="never",
                ),
            ),
        ),
        Claim(
            "better_at_the_end",
            "At the end of the run the network with batch norm is the better one.",
            f"{FIGURE}, Fig. 1a",
            (
                Condition(
                    "test accuracy at the end, batch norm minus standard",
                    difference(accuracy, "batch norm", "standard"),
                    Rule("above"),
                    diverged="guesses",
                ),
            ),
        ),
        Claim(
            "saturating",
            "Batch norm makes it possible to train with a saturating nonlinearity.",
            "Ioffe & Szegedy 2015, Sec. 3.4; course notes 000, 1.3.3",
            (
                Condition(
                    "test accuracy of batch norm at the end",
                    single_arm(accuracy, "batch norm"),
                    Rule("above", 0.9),
                    diverged="guesses",
                ),
            ),
            not_in=("ReLU",),
        ),
        Claim(
            "stable_distribution",
            "With batch norm a unit's input distribution is more stable.",
            f"{FIGURE}, Fig. 1b and 1c",
            (
                Condition(
                    "drift of a unit's median in multiples of its distribution's width: batch norm / standard",
                    _log_ratio(relative_drift),
                    Rule("below"),
                    ratio=True,
                ),
            ),
            among_learners=True,
        ),
        Claim(
            "stable_distribution_absolute",
            "The same, read off a shared axis.",
            f"{FIGURE}, Fig. 1b and 1c",
            (
                Condition(
                    "drift of a unit's median: batch norm / standard",
                    _log_ratio(drift),
                    Rule("below"),
                    ratio=True,
                ),
            ),
            among_learners=True,
        ),
        Claim(
            "evolve_alike",
            "Distributions evolve alike with and without batch norm.",
            "Santurkar et al. 2018, Fig. 1c; course notes 003, question 4",
            (
                Condition(
                    "drift of a unit's median in multiples of its distribution's width: batch norm / standard",
                    _log_ratio(relative_drift),
                    Rule("within", math.log(ALIKE)),
                    ratio=True,
                ),
            ),
            among_learners=True,
        ),
    ),
    settings={
        "learning rate 2": {"learning_rate": 2.0},
        "ReLU": {"activation": "relu"},
        "Xavier, black-and-white images": {"init": "xavier", "binarize": True},
    },
)
