"""What settings and their values are called on screen, and which values their controls offer."""

from collections.abc import Mapping

from bnviz.core.options import declared_options

LABELS: Mapping[str, str] = {
    "dataset": "Data",
    "network": "Network",
    "norm": "Compared with",
    "widths": "Units in each hidden layer",
    "activation": "Nonlinearity",
    "init": "Initial weights",
    "learning_rate": "Learning rate",
    "batch_size": "Batch size",
    "steps": "Updates",
    "optimizer": "Optimiser",
    "seed": "Seed",
    "precision": "Precision",
    "probe_points": "Measured steps",
    "probe_data": "Measure on",
}
"""By field."""

CHOICES: Mapping[str, Mapping[str, str]] = {
    "optimizer": {"sgd": "SGD", "adam": "Adam"},
    "probe_data": {"batch": "the training mini-batch (as the paper)", "fixed": "one fixed batch"},
    "precision": {
        "float32": "single (float32)",
        "float64": "double (float64)",
        "bfloat16": "bfloat16 products (for GPUs)",
    },
}
"""By field, the label of each value."""

LEARNING_RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SMALL_LEARNING_RATES = (1e-7, 1e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4)
"""For data whose targets are values: squared errors have gradients of any size."""
RUNGS: Mapping[str, tuple[float, ...]] = {
    "steps": (50, 100, 200, 400, 600, 1000, 2000, 5000, 10_000, 20_000, 50_000),
    "batch_size": (2, 4, 8, 16, 32, 60, 128, 256, 512, 1000),
    "probe_points": (8, 12, 24, 40, 60, 100, 200),
}
"""By field, the values that its slider offers."""


def labels() -> dict[str, str]:
    """What the control of every setting is called, fields and options; messages use the same words."""
    return {**LABELS, **{name: option.label for name, option in declared_options().items()}}


def choices_of(name: str) -> Mapping[str, str]:
    """The label of each value of a setting; empty for a setting that is no choice."""
    option = declared_options().get(name)
    return option.choices if option is not None else CHOICES.get(name, {})


def rungs_of(name: str) -> tuple[float, ...]:
    """The values that a setting's slider offers; empty for a setting without one."""
    option = declared_options().get(name)
    return option.rungs if option is not None else RUNGS.get(name, ())
