"""Small mini-batches.

Batch norm on mini-batches of 2, whose mean and variance are hardly statistics.
"""

from bnviz.core.config import RunConfig
from bnviz.experiments import Claim, Condition, Experiment, Rule
from bnviz.experiments._statistics import accuracy, difference

NOTES = "course notes 002"
ALIKE = 0.02
"""Accuracies that differ by less count as equal (a choice of bnviz)."""

accuracy_gain = difference(accuracy, "batch norm", "standard")

EXPERIMENT = Experiment(
    question="When does batch norm stop working?",
    source=NOTES,
    page="activations",
    page_order=2,
    base=RunConfig(activation="relu", init="xavier", batch_size=2, probes=()),
    arms={"standard": {"norm": "none"}, "batch norm": {"norm": "batch"}},
    claims=(
        Claim(
            "no_effect",
            "On mini-batches of 1, 2 or 3 batch norm has no effect.",
            NOTES,
            (
                Condition(
                    "test accuracy at the end, batch norm minus standard (one sample has no variance, so 1 is refused)",
                    accuracy_gain,
                    Rule("within", ALIKE),
                    diverged="guesses",
                ),
            ),
            not_in=("mini-batches of 4", "mini-batches of 16"),
        ),
        Claim(
            "harmful",
            "On mini-batches that small batch norm does harm.",
            "our own question",
            (
                Condition(
                    "test accuracy at the end, batch norm minus standard",
                    accuracy_gain,
                    Rule("below", -ALIKE),
                    diverged="guesses",
                ),
            ),
        ),
    ),
    settings={f"mini-batches of {size}": {"batch_size": size} for size in (3, 4, 16)},
)
