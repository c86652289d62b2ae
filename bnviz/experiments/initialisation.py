"""Careless initialisation.

The same two networks from weights drawn ten times too small, as is usual, and ten times too large: does batch norm
learn from all of them, and does it depend less on them than the standard network?
"""

from bnviz.core.config import RunConfig
from bnviz.experiments import Claim, Condition, Experiment, Rule, Runs
from bnviz.experiments._statistics import accuracy

SOURCE = "Ioffe & Szegedy 2015, Sec. 1; course notes 000 and 001"
STANDARD_DEVIATIONS = (0.01, 0.1, 1.0)
NORMS = {"standard": "none", "batch norm": "batch"}
TRAINED = 0.9
"""A network with a higher test accuracy counts as trained (a choice of bnviz)."""


def run_name(arm: str, deviation: float) -> str:
    """Return the name of the arm's run with a standard deviation of the initial weights."""
    return f"{arm}, weights N(0, {deviation:g}²)"


def accuracies(runs: Runs, arm: str) -> list[float]:
    """The arm's test accuracy for each standard deviation."""
    return [accuracy(runs[run_name(arm, deviation)]) for deviation in STANDARD_DEVIATIONS]


def spread(runs: Runs, arm: str) -> float:
    """Best minus worst test accuracy of the arm."""
    return max(accuracies(runs, arm)) - min(accuracies(runs, arm))


EXPERIMENT = Experiment(
    question="How careful about initialisation?",
    source=SOURCE,
    page="activations",
    base=RunConfig(activation="relu", init="normal", probes=()),
    arms={
        run_name(arm, deviation): {"norm": norm, "init_std": deviation}
        for arm, norm in NORMS.items()
        for deviation in STANDARD_DEVIATIONS
    },
    claims=(
        Claim(
            "less_careful",
            "With batch norm initialisation matters less.",
            SOURCE,
            (
                Condition(
                    "best less worst test accuracy over the three initialisations, batch norm minus standard",
                    lambda runs: spread(runs, "batch norm") - spread(runs, "standard"),
                    Rule("below"),
                    diverged="guesses",
                ),
            ),
        ),
        Claim(
            "learns_from_all",
            "With batch norm the network learns from weights ten times too small and ten times too large.",
            SOURCE,
            (
                Condition(
                    "worst test accuracy of batch norm over the three initialisations",
                    lambda runs: min(accuracies(runs, "batch norm")),
                    Rule("above", TRAINED),
                    diverged="guesses",
                ),
            ),
        ),
    ),
    settings={
        "10 × 100 ReLU": {"widths": (100,) * 10},
        "sigmoid": {"activation": "sigmoid"},
        "Adam, learning rate 0.001": {"optimizer": "adam", "learning_rate": 0.001},
    },
)
