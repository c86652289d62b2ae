"""Larger learning rates.

The same two networks at a small, the usual and a large learning rate: does batch norm bear the large one, and is it
still better where both learn well?
"""

from bnviz.core.config import RunConfig
from bnviz.experiments import Claim, Condition, Experiment, Rule, Runs
from bnviz.experiments._statistics import accuracy, difference, single_arm

SOURCE = "Ioffe & Szegedy 2015, Sec. 3.3"
HARM = 0.02
"""Accuracies that differ by less count as equal (a choice of bnviz)."""
STOPPED, TRAINED = 0.5, 0.9
"""Test accuracies: below STOPPED a network does not train, above TRAINED it does (a choice of bnviz)."""


def best(runs: Runs, arm: str) -> float:
    """The arm's best test accuracy over its learning rates."""
    return max(accuracy(record) for name, record in runs.items() if name.partition(",")[0] == arm)


EXPERIMENT = Experiment(
    question="How much faster may we go?",
    source=SOURCE,
    page="activations",
    base=RunConfig(activation="relu", init="xavier", probes=()),
    arms={
        "standard": {"norm": "none"},
        "batch norm": {"norm": "batch"},
        "standard, 20 × learning rate": {"norm": "none", "learning_rate": 2.0},
        "batch norm, 20 × learning rate": {"norm": "batch", "learning_rate": 2.0},
        "standard, learning rate / 10": {"norm": "none", "learning_rate": 0.01},
        "batch norm, learning rate / 10": {"norm": "batch", "learning_rate": 0.01},
    },
    claims=(
        Claim(
            "bears_large",
            "With batch norm a learning rate that stops the standard network can be used.",
            f"{SOURCE}; course notes 000, 001, 002, 003",
            (
                Condition(
                    "test accuracy at 20 times the learning rate, standard",
                    single_arm(accuracy, "standard, 20 × learning rate"),
                    Rule("below", STOPPED),
                    diverged="guesses",
                ),
                Condition(
                    "test accuracy at 20 times the learning rate, batch norm",
                    single_arm(accuracy, "batch norm, 20 × learning rate"),
                    Rule("above", TRAINED),
                    diverged="guesses",
                ),
            ),
        ),
        Claim(
            "large_harmless",
            "With batch norm the larger learning rate has no ill effects.",
            f"{SOURCE}; course notes 001",
            (
                Condition(
                    "test accuracy of batch norm, 20 times the learning rate minus the usual one",
                    difference(accuracy, "batch norm, 20 × learning rate", "batch norm"),
                    Rule("above", -HARM),
                    diverged="guesses",
                ),
            ),
        ),
        Claim(
            "alike_at_small",
            "At the same small learning rate networks with and without batch norm are alike.",
            "Bjorck et al. 2018, Sec. 3",
            (
                Condition(
                    "test accuracy at a tenth of the learning rate, batch norm minus standard",
                    difference(accuracy, "batch norm, learning rate / 10", "standard, learning rate / 10"),
                    Rule("within", HARM),
                    diverged="guesses",
                ),
            ),
        ),
        Claim(
            "higher_accuracy",
            "With batch norm the network achieves a higher accuracy.",
            "course notes 000, 1.4; 002, Pros and Cons; 003, question 2",
            (
                Condition(
                    "best test accuracy over the three learning rates, batch norm minus standard",
                    lambda runs: best(runs, "batch norm") - best(runs, "standard"),
                    Rule("above"),
                    diverged="guesses",
                ),
            ),
        ),
    ),
    settings={"10 × 100 ReLU": {"widths": (100,) * 10}, "tanh": {"activation": "tanh"}},
)
