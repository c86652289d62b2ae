"""Noisy batch norm.

Four arms: standard, batch norm, batch norm with noise behind it, and the noise alone. If batch norm worked because it
keeps distributions still, noise that shifts them at every step should undo it.
"""

from bnviz.experiments import Claim, Experiment, Rule
from bnviz.experiments._statistics import accuracy, difference, log_ratio, middle_value, population_accuracy
from bnviz.presets import NOISY_BN
from bnviz.record import Record

FIGURE = "Santurkar et al. 2018, Sec. 2.1, Fig. 2"
NO_HARM = 0.02
"""Accuracies that differ by less are called alike (a choice of bnviz: 6 of the 297 test digits)."""


def drift(record: Record) -> float:
    """How far a unit's mean moves in one step: median over steps and units of the last hidden layer."""
    return middle_value(record.data["mean_change"].isel(layer=-1))


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
            "test accuracy at the end, noisy batch norm minus batch norm",
            difference(accuracy, "noisy batch norm", "batch norm"),
            Rule("within", NO_HARM),
        ),
        Claim(
            "noise_harmless_population",
            "The same, where inference does not use averages that were taken under the noise.",
            f"{FIGURE}; statistics as in Ioffe & Szegedy 2015, Alg. 2",
            "test accuracy with population statistics taken without noise, noisy batch norm minus batch norm",
            difference(population_accuracy, "noisy batch norm", "batch norm"),
            Rule("within", NO_HARM),
        ),
        Claim(
            "noisy_beats_standard",
            "Noisy batch norm still does better than the standard network.",
            f"{FIGURE}; course notes 003, question 4",
            "test accuracy at the end, noisy batch norm minus standard",
            difference(accuracy, "noisy batch norm", "standard"),
            Rule("above"),
        ),
        Claim(
            "noise_stops_standard",
            "The same noise stops a standard network from training.",
            "Santurkar et al. 2018, Sec. 2.1",
            "test accuracy at the end, noisy standard minus standard",
            difference(accuracy, "noisy standard", "standard"),
            Rule("below", -NO_HARM),
            not_in=("5 × 100 sigmoid, learning rate 0.5",),  # there the standard network does not train as it is
        ),
        Claim(
            "noise_shifts",
            "The noise does make distributions less stable than those of the standard network.",
            FIGURE,
            "change of a unit's mean in one step, last hidden layer: noisy batch norm / standard",
            log_ratio(drift, "noisy batch norm", "standard"),
            Rule("above"),
            ratio=True,
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
