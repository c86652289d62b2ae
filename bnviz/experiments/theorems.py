"""The theorems, on a live network.

What Santurkar et al. prove of one layer with batch norm put in, on networks that just trained: whether it holds, to
which precision, how much it amounts to, and whether its conditions are met.
"""

import numpy as np

from bnviz.experiments import Claim, Experiment, Rule
from bnviz.experiments._statistics import alone, middle_value
from bnviz.presets import THEORY
from bnviz.record import Record

PAPER = "Santurkar et al. 2018"
EXACT = 1e-10
"""Relative residual below which two sides are equal in float64."""


def largest(name: str, record: Record) -> float:
    """The largest value of a quantity at any step in any unit; NaN if nothing was measured."""
    values = np.asarray(record.data[name], float)
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def ratio(record: Record) -> float:
    """|P g| / |g|, median over steps and units, minus 1: what matched batch norm takes off a unit's gradient."""
    return middle_value(record.data["theorem_ratio"]) - 1


def aligned_share(record: Record) -> float:
    """Share of units and steps with <g, yhat> > 0, without which the second theorem does not help."""
    values = np.asarray(record.data["theorem_alignment"])
    return float((values[np.isfinite(values) & (values != 0)] > 0).mean())


def lemma_violation(record: Record) -> float:
    """Largest excess of the left side of Lemma 4.5 over the right, relative to it."""
    left, right = (np.asarray(record.data[f"lemma_45_{side}"], float) for side in ("left", "right"))
    seen = np.isfinite(left) & np.isfinite(right) & (right > 0)
    return float(((left - right)[seen] / right[seen]).max()) if seen.any() else float("nan")


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
            "largest relative difference of the two sides, any unit and step, batch norm",
            alone(lambda record: largest("theorem_41_residual", record), "batch norm"),
            Rule("below", EXACT),
        ),
        Claim(
            "theorem_42",
            "The curvature along the gradient is reduced likewise.",
            f"{PAPER}, Thm. 4.2",
            "largest relative difference of the two sides, any unit and step, batch norm",
            alone(lambda record: largest("theorem_42_residual", record), "batch norm"),
            Rule("below", EXACT),
        ),
        Claim(
            "smaller_gradient",
            "Batch norm that changes no activation makes a unit's gradient smaller.",
            f"{PAPER}, Obs. 4.3 and Thm. 4.1",
            "|P g| / |g| − 1, median over units and updates, matched batch norm in the standard network",
            alone(ratio, "standard"),
            Rule("below"),
        ),
        Claim(
            "condition_met",
            "The condition under which curvature is reduced, ⟨g, ŷ⟩ > 0, is met in most units.",
            f"{PAPER}, Thm. 4.2",
            "share of units and updates with ⟨g, ŷ⟩ > 0, batch norm",
            alone(aligned_share, "batch norm"),
            Rule("above", 0.5),
        ),
        Claim(
            "favourable_initialisation",
            "An optimum lies nearer to the initial weights with batch norm.",
            f"{PAPER}, Lemma 4.5; course notes 003, question 6",
            "largest relative excess of the distance over its bound, any unit and update, standard",
            alone(lemma_violation, "standard"),
            Rule("below", 1e-6),
        ),
    ),
    settings={"sigmoid, learning rate 0.5": {"activation": "sigmoid", "learning_rate": 0.5}},
)
