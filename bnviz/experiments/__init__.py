"""Experiments: one file for each measurement of a paper, with its claims and the rules of their verdicts.

A file has a docstring (its first line is the label) and EXPERIMENT. It declares, before any run, the statistic of each
claim and the rule that turns its intervals over paired seeds into a verdict. Verdicts are never written by hand.
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
from bnviz.experiments._judging import ClaimResult, Curve, Finding, Outcome, group_by_claim, judge, significant_verdicts
from bnviz.experiments._over_time import OverTime, Runs

__all__ = [
    "DEFAULT_SETTING",
    "DIVERGED",
    "FEWEST_SEEDS",
    "LEARNED",
    "Claim",
    "ClaimResult",
    "Condition",
    "Curve",
    "Experiment",
    "Finding",
    "Outcome",
    "OverTime",
    "Rule",
    "Runs",
    "Verdict",
    "group_by_claim",
    "judge",
    "load",
    "significant_verdicts",
]


def load(name: str) -> Experiment:
    """Return the experiment of a name.

    Raises:
        UnknownPluginError: there is none.
    """
    experiment: Experiment = registry.load("experiments", name).EXPERIMENT
    return experiment
