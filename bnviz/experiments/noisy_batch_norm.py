"""Noisy batch norm.

Four arms: standard, batch norm, batch norm with noise behind it, and the noise alone. If batch norm worked because it
keeps distributions still, noise that shifts them at every step should undo it.
"""

import xarray as xr

from bnviz.core.presets import NOISY_BN
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, Rule
from bnviz.experiments._over_time import log_ratio_over_time
from bnviz.experiments._statistics import accuracy, difference, population_accuracy, single_arm

FIGURE = "Santurkar et al. 2018, Sec. 2.1, Fig. 2"
NO_HARM = 0.02
"""A smaller loss of accuracy counts as no harm (a choice of bnviz: 6 of the 297 test digits)."""
STOPPED, TRAINED = 0.5, 0.9
"""Test accuracies: below STOPPED a network does not train, above TRAINED it does (a choice of bnviz)."""


def drift(record: Record) -> xr.DataArray:
    """How far a unit's mean moves in one step: median over the units of the last hidden layer."""
    return record.data["mean_change"].isel(layer=-1).median("unit")


EXPERIMENT = Experiment(
    question="What if we put the shift back?",
    source=FIGURE,
    page="noisy_bn",
    page_order=0,
    base=NOISY_BN.base,
    arms=NOISY_BN.arms,
    claims=(
        Claim(
            "noise_harmless",
            "Noise behind batch norm does not harm: distributions shift all the time, and training is as good.",
            f"{FIGURE}; course notes 003, question 4, and 004",
            (
                Condition(
                    "test accuracy at the end, noisy batch norm minus batch norm",
                    difference(accuracy, "noisy batch norm", "batch norm"),
                    Rule("above", -NO_HARM),
                    diverged="guesses",
                ),
            ),
        ),
        Claim(
            "noise_harmless_population",
            "The same, where inference does not use averages that were taken under the noise.",
            f"{FIGURE}; statistics as in Ioffe & Szegedy 2015, Alg. 2",
            (
                Condition(
                    "test accuracy with population statistics taken without noise, noisy batch norm minus batch norm",
                    difference(population_accuracy, "noisy batch norm", "batch norm"),
                    Rule("above", -NO_HARM),
                    diverged="guesses",
                ),
            ),
        ),
        Claim(
            "noisy_beats_standard",
            "Noisy batch norm still does better than the standard network.",
            f"{FIGURE}; course notes 003, question 4",
            (
                Condition(
                    "test accuracy at the end, noisy batch norm minus standard",
                    difference(accuracy, "noisy batch norm", "standard"),
                    Rule("above"),
                    diverged="guesses",
                ),
            ),
        ),
        Claim(
            "noise_stops_standard",
            "The noise that batch norm bears stops a standard network from training.",
            "Santurkar et al. 2018, Sec. 2.1",
            (
                Condition(
                    "test accuracy at the end, noisy standard",
                    single_arm(accuracy, "noisy standard"),
                    Rule("below", STOPPED),
                    diverged="guesses",
                ),
                Condition(
                    "test accuracy at the end, noisy batch norm",
                    single_arm(accuracy, "noisy batch norm"),
                    Rule("above", TRAINED),
                    diverged="guesses",
                ),
            ),
            not_in=("5 × 100 sigmoid, learning rate 0.5",),  # there the standard network does not train as it is
        ),
        Claim(
            "noise_shifts",
            "The noise does make distributions less stable than those of the standard network.",
            FIGURE,
            (
                Condition(
                    "change of a unit's mean in one step, last hidden layer, median over units and time: noisy batch "
                    "norm / standard",
                    log_ratio_over_time(drift, "noisy batch norm", "standard"),
                    Rule("above"),
                    ratio=True,
                ),
            ),
        ),
    ),
    settings={
        "5 × 100 sigmoid, learning rate 0.5": {
            "widths": (100,) * 5,
            "activation": "sigmoid",
            "learning_rate": 0.5,
            "steps": 600,
        },
        "10 × 100 tanh": {"activation": "tanh"},
        "3 × 100 ReLU": {"widths": (100,) * 3},
    },
)
