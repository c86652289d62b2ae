"""Saturation by large weights.

Ten layers of 100 tanh units whose weights are drawn so large that nearly every unit sits on a flat part of its
nonlinearity: does batch norm keep units off it, and do gradients get through?
"""

import math

import xarray as xr

from bnviz.analysis import quantities
from bnviz.core.presets import TEN_LAYERS
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, Rule, Runs
from bnviz.experiments._over_time import difference_over_time
from bnviz.experiments._statistics import accuracy, difference

NOTES = "course notes 000, 1.3.3, 001 and 002"


def saturated(record: Record) -> xr.DataArray:
    """Share of the samples that saturate a unit: mean over units and layers."""
    return record.data["saturated_share"].mean(["layer", "unit"])


def imbalance(record: Record) -> float:
    """|log| of the factor by which the gradient grows per layer before the first update; 0 if it keeps its size."""
    growth = float(quantities.growth_per_layer(record).isel(probe_step=0))
    return abs(math.log(growth)) if growth > 0 else math.nan


def imbalance_difference(runs: Runs) -> float:
    """Imbalance with batch norm minus imbalance without: negative if batch norm keeps gradients better."""
    return imbalance(runs["batch norm"]) - imbalance(runs["standard"])


EXPERIMENT = Experiment(
    question="Does batch norm keep units from saturating?",
    source=f"Ioffe & Szegedy 2015, Sec. 2; {NOTES}",
    page="activations",
    base=TEN_LAYERS.with_changes(
        activation="tanh", init="normal", init_std=1.0, probes=("activations", "gradient_flow")
    ),
    arms={"standard": {"norm": "none"}, "batch norm": {"norm": "batch"}},
    claims=(
        Claim(
            "prevents_saturation",
            "Batch norm keeps units from saturating.",
            NOTES,
            (
                Condition(
                    "share of samples that saturate a unit, median over time: batch norm minus standard",
                    difference_over_time(saturated, "batch norm", "standard"),
                    Rule("below"),
                ),
            ),
        ),
        Claim(
            "gradients_get_through",
            "With batch norm gradients vanish or explode less on their way through the layers.",
            f"{NOTES}; course notes 003, question 2, and 004",
            (
                Condition(
                    "|log growth of the gradient per layer| before the first update, batch norm minus standard",
                    imbalance_difference,
                    Rule("below"),
                    diverged="until_then",
                ),
            ),
        ),
        Claim(
            "trains",
            "With batch norm the network trains better.",
            NOTES,
            (
                Condition(
                    "test accuracy at the end, batch norm minus standard",
                    difference(accuracy, "batch norm", "standard"),
                    Rule("above"),
                    diverged="guesses",
                ),
            ),
        ),
    ),
    settings={"sigmoid": {"activation": "sigmoid"}, "Xavier": {"init": "xavier"}},
)
