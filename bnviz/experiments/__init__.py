"""Experiments: one file for each thing that a paper measured, with its claims and how each is judged.

A file has a docstring (its first line is the label) and EXPERIMENT. The statistics of a claim and the rules that turn
intervals over paired seeds into a verdict are declared there, before anything is run. Verdicts are computed, never
written. How a run is trained, shown or stored is not this package's business.
"""

from bnviz.analysis.statistics import FEWEST_SEEDS
from bnviz.core import registry
from bnviz.experiments._claims import (
    DEFAULT_SETTING,
    DIVERGED,
    LEARNED,
    Claim,
    Condition,
    Experiment,
    Rule,
    Verdict,
)
from bnviz.experiments._judging import Curve, Finding, Judged, Outcome, grouped, judge, standing_after_holm
from bnviz.experiments._over_time import OverTime, Runs

__all__ = [
    "DEFAULT_SETTING",
    "DIVERGED",
    "FEWEST_SEEDS",
    "LEARNED",
    "Claim",
    "Condition",
    "Curve",
    "Experiment",
    "Finding",
    "Judged",
    "Outcome",
    "OverTime",
    "Rule",
    "Runs",
    "Verdict",
    "grouped",
    "judge",
    "load",
    "standing_after_holm",
]


def load(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        UnknownPluginError: there is none.
    """
    experiment: Experiment = registry.load("experiments", name).EXPERIMENT
    return experiment
