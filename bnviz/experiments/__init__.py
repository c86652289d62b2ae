"""Experiments: one file for each thing that a paper measured, with its claims and how each is judged.

A file has a docstring (its first line is the label) and EXPERIMENT. The statistic of a claim and the rule that turns
its 95 % interval over paired seeds into a verdict are written down here, before anything is run. Verdicts are computed,
never written. This package knows records and numbers; how a run is trained, shown or stored is not known here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bnviz import registry
from bnviz.config import RunConfig
from bnviz.record import Record

Verdict = Literal["supported", "contradicted", "inconclusive"]
Runs = Mapping[str, Record]
"""The records of one seed, by arm: paired, because they share seed, data order and initial weights."""

FEWEST_SEEDS = 5
"""A verdict needs as many; with fewer, an interval is shown as provisional."""
CONFIDENCE = 0.95
DEFAULT_SETTING = "as by default"


@dataclass(frozen=True)
class Rule:
    """Where the interval has to lie: `above` or `below` the bound, or `within` plus and minus the bound."""

    kind: Literal["above", "below", "within"]
    bound: float = 0.0

    def judge(self, low: float, high: float) -> Verdict:
        """Supported if the whole interval is where it has to be, contradicted if all of it is elsewhere."""
        if not (math.isfinite(low) and math.isfinite(high)):
            return "inconclusive"
        inside, outside = {
            "above": (low > self.bound, high < self.bound),
            "below": (high < self.bound, low > self.bound),
            "within": (-self.bound < low and high < self.bound, high < -self.bound or low > self.bound),
        }[self.kind]
        return "supported" if inside else "contradicted" if outside else "inconclusive"


@dataclass(frozen=True)
class Claim:
    """One testable statement.

    Attributes:
        name: names it in files and links.
        statement: what is claimed, in a sentence.
        source: who says so, and where.
        measured: what the statistic is, in words.
        statistic: of the runs of one seed; NaN where it is undefined.
        rule: what the interval of the statistic has to keep to.
        ratio: the statistic is the natural logarithm of a ratio, and shown as the ratio.
        not_in: settings of the experiment in which the statement says nothing.
    """

    name: str
    statement: str
    source: str
    measured: str
    statistic: Callable[[Runs], float] = field(repr=False)
    rule: Rule
    ratio: bool = False
    not_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What some seeds say of one claim in one setting; `low` and `high` bound the 95 % interval of the mean.

    For a ratio, `values`, `mean`, `low`, `high` and `bound` are ratios: the mean is the geometric one.
    """

    experiment: str
    claim: str
    setting: str
    dataset: str
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    kind: str
    bound: float
    verdict: Verdict

    @property
    def provisional(self) -> bool:
        """Whether there are too few seeds for a verdict."""
        return len(self.seeds) < FEWEST_SEEDS


@dataclass(frozen=True)
class Experiment:
    """A comparison, the claims it tests, and other settings in which the same claims are tested again.

    Attributes:
        question: what is asked.
        source: the paper's section and figure.
        page: the page that shows it.
        base: what all arms share.
        arms: what each arm changes, by the arm's name.
        claims: what is tested.
        settings: what each setting changes in the base, by its name: where verdicts may flip.
        datasets: what the experiment makes sense on, first the one it is shown with.
        page_order: where it stands among those of its page.
    """

    question: str
    source: str
    page: str
    base: RunConfig
    arms: Mapping[str, Mapping[str, Any]]
    claims: Sequence[Claim]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    datasets: Sequence[str] = ("digits", "mnist")
    page_order: int = 1

    def configs(
        self, seed: int = 0, setting: str = DEFAULT_SETTING, dataset: str | None = None
    ) -> dict[str, RunConfig]:
        """Each arm's configuration, validated; a setting's changes go over the base, an arm's over both."""
        changes = {} if setting == DEFAULT_SETTING else dict(self.settings[setting])
        base = self.base.model_dump() | changes | {"seed": seed, "dataset": dataset or self.datasets[0]}
        return {arm: RunConfig.model_validate(base | dict(own)) for arm, own in self.arms.items()}


def load(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        UnknownPluginError: there is none.
    """
    experiment: Experiment = registry.load("experiments", name).EXPERIMENT
    return experiment


def judge(
    name: str, claim: Claim, by_seed: Mapping[int, Runs], setting: str = DEFAULT_SETTING, dataset: str = ""
) -> Finding:
    """What the runs of these seeds say of a claim of experiment `name`.

    One undefined value makes the interval undefined and the verdict inconclusive: what diverged is not left out.
    """
    values = np.array([claim.statistic(runs) for runs in by_seed.values()])
    mean, low, high = interval(values)
    shown = np.exp if claim.ratio else np.asarray
    return Finding(
        experiment=name,
        claim=claim.name,
        setting=setting,
        dataset=dataset or next(iter(next(iter(by_seed.values())).values())).config.dataset,
        seeds=tuple(by_seed),
        values=tuple(float(value) for value in shown(values)),
        mean=float(shown(mean)),
        low=float(shown(low)),
        high=float(shown(high)),
        kind=claim.rule.kind,
        bound=float(shown(claim.rule.bound)),
        verdict=claim.rule.judge(low, high),
    )


def interval(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Mean and 95 % interval of it by Student's t; with one value, or one that is not finite, the interval is NaN."""
    mean = float(values.mean())
    if len(values) < 2 or not np.isfinite(values).all():
        return mean, math.nan, math.nan
    from scipy.special import stdtrit  # only now: most pages show one seed and open without it

    reach = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / math.sqrt(len(values)))
    return mean, mean - reach, mean + reach
