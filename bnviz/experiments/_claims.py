"""What an experiment declares before anything is run: its comparison, its claims, and the rules of their verdicts."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bnviz.analysis.phases import PARTS, WHOLE, Phase
from bnviz.core.config import RunConfig
from bnviz.experiments._over_time import OverTime, Runs

Verdict = Literal["supported", "contradicted", "inconclusive"]
Diverged = Literal["guesses", "never", "until_then", "undefined"]

DIVERGED: Mapping[Diverged, str] = {
    "guesses": "where accuracies are compared, a network that diverged counts as one that guesses",
    "never": "where updates are counted, it counts as one that never gets there",
    "until_then": "of single measurements, those made until it diverged count",
    "undefined": "of what is measured over time, a phase that it did not finish has no value: the claim stays open",
}
"""What a diverged arm counts as."""
LEARNED = 0.5
"""Test accuracy from which on a network counts as one that learns (a choice of bnviz)."""
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

    @property
    def bounds(self) -> tuple[float, ...]:
        """The numbers that the interval has to stay clear of."""
        return (-self.bound, self.bound) if self.kind == "within" else (self.bound,)


@dataclass(frozen=True)
class Condition:
    """A statistic of the runs of one seed, and the rule that its interval over seeds has to keep to.

    Attributes:
        measured: what the statistic is, in words.
        statistic: NaN where it is undefined; an `OverTime` is judged in each of `phases`.
        rule: where the interval has to lie.
        ratio: the statistic is the natural logarithm of a ratio, and shown as the ratio.
        diverged: what a diverged arm counts as, a key of DIVERGED.
        phases: in which an `OverTime` is judged.
    """

    measured: str
    statistic: Callable[[Runs], float] | OverTime = field(repr=False)
    rule: Rule
    ratio: bool = False
    diverged: Diverged = "undefined"
    phases: tuple[Phase, ...] = (WHOLE, *PARTS)


@dataclass(frozen=True)
class Claim:
    """One testable statement.

    Attributes:
        name: names it in files and links.
        statement: what is claimed, in a sentence.
        source: who says so, and where.
        conditions: supported if all of them are, contradicted if one of them is.
        check: an identity or a theorem, or what can only be contradicted: it shows that the instruments work, and does
            not count as evidence.
        among_learners: only seeds count in which every arm learns, since a network that does not keeps still.
        not_in: settings of the experiment in which the statement says nothing.
    """

    name: str
    statement: str
    source: str
    conditions: tuple[Condition, ...]
    check: bool = False
    among_learners: bool = False
    not_in: tuple[str, ...] = ()


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
        changes |= {"seed": seed, "dataset": dataset or self.datasets[0]}
        return {
            arm: self.base.with_changes(**(changes | dict(own))).with_active_options() for arm, own in self.arms.items()
        }

    def claim(self, name: str) -> Claim:
        """The claim of that name.

        Raises:
            KeyError: there is none.
        """
        found = {claim.name: claim for claim in self.claims}
        return found[name]
