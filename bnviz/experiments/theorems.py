"""The theorems, on a live network.

The theorems of Santurkar et al. on one layer with batch norm inserted, tested on networks in training: whether they
hold, to which precision, how large the effect is, and whether the conditions are met.
"""

import numpy as np
import xarray as xr

from bnviz.core.presets import THEORY
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, Rule
from bnviz.experiments._over_time import single_arm_over_time
from bnviz.experiments._statistics import single_arm

PAPER = "Santurkar et al. 2018"
EXACT = 1e-10
"""Relative residual below which two sides are equal in float64."""


def largest_value(name: str, record: Record) -> float:
    """Largest value of a quantity over steps and units; NaN if nothing was measured."""
    values = np.asarray(record.data[name], float)
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def ratio(record: Record) -> xr.DataArray:
    """|P g| / |g| minus 1, median over units: the reduction of a unit's gradient by matched batch norm."""
    return record.data["theorem_ratio"].median(["layer", "unit"]) - 1


def aligned_share(record: Record) -> xr.DataArray:
    """Share of units with <g, yhat> > 0, the condition under which Theorem 4.2 lowers the curvature."""
    alignment = record.data["theorem_alignment"]
    decided = alignment.notnull() & (alignment != 0)
    return ((alignment > 0) & decided).sum(["layer", "unit"]) / decided.sum(["layer", "unit"])


def curvature_change(record: Record) -> xr.DataArray:
    """Relative change of the curvature along the gradient by the theorem's term; sums over units."""
    sides = (record.data[f"theorem_42_{side}"] for side in ("left", "unreduced"))
    with_term, without = (side.where(abs(side) < np.inf) for side in sides)
    total = abs(without).sum(["layer", "unit"])
    return (with_term - without).sum(["layer", "unit"]) / total.where(total > 0)


def lemma_violation(record: Record) -> float:
    """Largest excess of the left side of Lemma 4.5 over the right, relative to it."""
    left, right = (np.asarray(record.data[f"lemma_45_{side}"], float) for side in ("left", "right"))
    valid = np.isfinite(left) & np.isfinite(right) & (right > 0)
    return float(((left - right)[valid] / right[valid]).max()) if valid.any() else float("nan")


EXPERIMENT = Experiment(
    question="Do the theorems hold on this network?",
    source=f"{PAPER}, Sec. 4",
    page="theory",
    page_order=0,
    base=THEORY.base,
    arms=THEORY.arms,
    claims=(
        Claim(
            "theorem_41",
            "The gradient at a unit is that of the network without batch norm less its mean and its part along the "
            "unit's own output, times γ/σ.",
            f"{PAPER}, Thm. 4.1",
            (
                Condition(
                    "largest relative difference of the two sides, any unit and step, batch norm",
                    single_arm(lambda record: largest_value("theorem_41_residual", record), "batch norm"),
                    Rule("below", EXACT),
                    diverged="until_then",
                ),
            ),
            check=True,
        ),
        Claim(
            "theorem_42",
            "The curvature along the gradient changes as the theorem says.",
            f"{PAPER}, Thm. 4.2",
            (
                Condition(
                    "largest relative difference of the two sides, any unit and step, batch norm",
                    single_arm(lambda record: largest_value("theorem_42_residual", record), "batch norm"),
                    Rule("below", EXACT),
                    diverged="until_then",
                ),
            ),
            check=True,
        ),
        Claim(
            "smaller_gradient",
            "Batch norm that changes no activation makes a unit's gradient smaller.",
            f"{PAPER}, Obs. 4.3 and Thm. 4.1",
            (
                Condition(
                    "|P g| / |g| − 1, median over units and time, matched batch norm in the standard network",
                    single_arm_over_time(ratio, "standard"),
                    Rule("below"),
                ),
            ),
            check=True,
        ),
        Claim(
            "condition_met",
            "The condition under which curvature is reduced, ⟨g, ŷ⟩ > 0, is met in most units.",
            f"{PAPER}, Thm. 4.2",
            (
                Condition(
                    "share of units with ⟨g, ŷ⟩ > 0, median over time, batch norm",
                    single_arm_over_time(aligned_share, "batch norm"),
                    Rule("above", 0.5),
                ),
            ),
        ),
        Claim(
            "curvature_reduced",
            "Batch norm that changes no activation makes the curvature along the gradient smaller.",
            f"{PAPER}, Thm. 4.2; course notes 003, question 6",
            (
                Condition(
                    "change of the curvature by the theorem's term, as a share of it, median over time, matched batch "
                    "norm in the standard network",
                    single_arm_over_time(curvature_change, "standard"),
                    Rule("below"),
                ),
            ),
        ),
        Claim(
            "favourable_initialisation",
            "An optimum lies nearer to the initial weights with batch norm.",
            f"{PAPER}, Lemma 4.5; course notes 003, question 6",
            (
                Condition(
                    "largest relative excess of the distance over its bound, any unit and update, standard",
                    single_arm(lemma_violation, "standard"),
                    Rule("below", 1e-6),
                    diverged="until_then",
                ),
            ),
            check=True,
        ),
    ),
    settings={"sigmoid, learning rate 0.5": {"activation": "sigmoid", "learning_rate": 0.5}},
)
