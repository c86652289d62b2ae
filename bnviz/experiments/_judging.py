"""Judging: from the runs of several seeds to findings, and from findings to what became of a claim."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bnviz.analysis.phases import WHOLE, Phase
from bnviz.analysis.statistics import FEWEST_SEEDS, holm_significant, p_value, ranks, student
from bnviz.core.record import Record
from bnviz.experiments._claims import DEFAULT_SETTING, LEARNED, Claim, Condition, Rule, Verdict
from bnviz.experiments._over_time import OverTime, Runs
from bnviz.experiments._statistics import accuracy

CURVE_POINTS = 60
"""A finding keeps at most so many points of its curve."""
Outcome = Literal["supported", "contradicted", "changes", "inconclusive"]
"""`changes`: supported in one phase of training, contradicted in another."""


@dataclass(frozen=True)
class Curve:
    """The mean over seeds of a statistic at each measured step, with both ends of its 95 % interval."""

    steps: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What some seeds say of one condition of a claim, in one setting and one phase of training.

    `low` and `high` bound the 95 % interval of the mean (Student's t), `rank_low` and `rank_high` that of the median
    (order statistics); `p` is the larger p-value of the two tests against the rule's bound. For a ratio all but `p` are
    ratios: the mean is the geometric one. `left_out` are the seeds whose runs are not comparable.
    """

    experiment: str
    claim: str
    condition: int
    setting: str
    dataset: str
    phase: str
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    why_left_out: str
    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    rank_low: float
    rank_high: float
    p: float
    kind: str
    bound: float
    verdict: Verdict
    curve: Curve = Curve()

    @property
    def has_too_few_seeds(self) -> bool:
        """Whether no verdict is possible, whatever the values."""
        return len(self.seeds) < FEWEST_SEEDS


@dataclass(frozen=True)
class Judged:
    """All findings of one claim in one setting on one data set: each condition's, in each phase."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The number that represents the claim: its first condition's, over the whole run where there are phases."""
        return self.findings[0]

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases, the whole run first; one empty name if the claim is not about time."""
        return tuple(dict.fromkeys(one.phase for one in self.findings if one.phase)) or ("",)

    def of_phase(self, phase: str) -> list[Finding]:
        """Each condition's finding in a phase; a condition that is not about time has the same one in all."""
        placed = {one.condition: one for one in self.findings if one.phase in (phase, "")}
        return [placed[place] for place in sorted(placed)]

    def in_phase(self, phase: str) -> Verdict:
        """Supported if every condition is, contradicted if one is."""
        verdicts = {one.verdict for one in self.of_phase(phase)}
        if "contradicted" in verdicts:
            return "contradicted"
        return "supported" if verdicts == {"supported"} else "inconclusive"

    def p(self, phase: str) -> float:
        """That of the verdict: the largest of all conditions if all must hold; if any may fail, by Bonferroni."""
        found = self.of_phase(phase)
        if self.in_phase(phase) == "contradicted":
            return min(1.0, len(found) * min(one.p for one in found if one.verdict == "contradicted"))
        return max((one.p for one in found), key=lambda p: math.inf if math.isnan(p) else p)

    @property
    def outcome(self) -> Outcome:
        """The verdict over the whole run, unless one phase supports the claim and another contradicts it."""
        if {"supported", "contradicted"} <= {self.in_phase(phase) for phase in self.phases}:
            return "changes"
        return self.in_phase(self.phases[0])


def judge(
    name: str, claim: Claim, by_seed: Mapping[int, Runs], setting: str = DEFAULT_SETTING, dataset: str = ""
) -> Judged:
    """What the runs of these seeds say of a claim of experiment `name`.

    One undefined value makes both intervals undefined and the verdict inconclusive: a seed is left out only where its
    runs are not comparable (`why_not_comparable`).

    Raises:
        KeyError: an arm or a measurement that the claim is about is not there.
    """
    reasons = {seed: why_not_comparable(claim, runs) for seed, runs in by_seed.items()}
    used = {seed: runs for seed, runs in by_seed.items() if not reasons[seed]}
    about = {
        "experiment": name,
        "claim": claim.name,
        "setting": setting,
        "dataset": dataset or next(iter(next(iter(by_seed.values())).values())).config.dataset,
        "left_out": tuple(seed for seed in by_seed if seed not in used),
        "why_left_out": "; ".join(dict.fromkeys(filter(None, reasons.values()))),
    }
    findings = []
    for place, condition in enumerate(claim.conditions):
        phases: Sequence[Phase | None] = condition.phases if isinstance(condition.statistic, OverTime) else [None]
        findings += [_finding(condition, phase, by_seed, used, condition=place, **about) for phase in phases]
    return Judged(tuple(findings))


def grouped(findings: Iterable[Finding]) -> list[Judged]:
    """Findings by claim, setting and data set, in the order in which each comes first."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.experiment, one.claim, one.setting, one.dataset), []).append(one)
    return [Judged(tuple(group)) for group in groups.values()]


def why_not_comparable(claim: Claim, runs: Runs) -> str:
    """Why a claim cannot be judged by the runs of a seed, in words that follow a colon; empty if it can."""
    if claim.check:
        return ""
    if all(record.config.learning_rate == 0 for record in runs.values()):
        return "the learning rate is 0, so nothing was trained"
    unfinished = [arm for arm, record in runs.items() if record.outcome in ("running", "stopped")]
    if unfinished:
        return f"{unfinished[0]} was stopped at update {runs[unfinished[0]].last_step}"
    idle = [arm for arm, record in runs.items() if not accuracy(record) >= LEARNED]
    by_accuracy = any(condition.diverged in ("guesses", "never") for condition in claim.conditions)
    if idle and (claim.among_learners or (by_accuracy and len(idle) == len(runs))):
        return " and ".join(_how_it_failed(arm, runs[arm]) for arm in idle)
    return ""


def _how_it_failed(arm: str, record: Record) -> str:
    if record.outcome == "diverged":
        return f"{arm} diverged at update {record.last_step}"
    return f"{arm} does not learn (test accuracy below {100 * LEARNED:.0f} %)"


def _finding(
    tested: Condition, phase: Phase | None, by_seed: Mapping[int, Runs], used: Mapping[int, Runs], **about: object
) -> Finding:
    statistic, rule = tested.statistic, tested.rule
    of_each = {  # also of a seed that is left out, so that an arm that is missing is noticed there, too
        seed: statistic.in_phase(runs, phase or WHOLE) if isinstance(statistic, OverTime) else statistic(runs)
        for seed, runs in by_seed.items()
    }
    values = np.array([of_each[seed] for seed in used])
    shown = np.exp if tested.ratio else np.asarray
    mean, low, high = student(values) if len(values) else (math.nan,) * 3
    rank_low, rank_high = ranks(values)
    first_phase = isinstance(statistic, OverTime) and phase is tested.phases[0]
    return Finding(
        phase=phase.name if phase else "",
        seeds=tuple(used),
        values=tuple(float(value) for value in shown(values)),
        mean=float(shown(mean)),
        low=float(shown(low)),
        high=float(shown(high)),
        rank_low=float(shown(rank_low)),
        rank_high=float(shown(rank_high)),
        p=max((p_value(values, bound) for bound in rule.bounds), key=_nan_last),
        kind=rule.kind,
        bound=float(shown(rule.bound)),
        verdict=both_say(rule, (low, high), (rank_low, rank_high)),
        curve=_mean_curve(tested, used) if first_phase else Curve(),
        **about,  # type: ignore[arg-type]
    )


def both_say(rule: Rule, *intervals: tuple[float, float]) -> Verdict:
    """What all intervals agree on; inconclusive where they do not."""
    verdicts = {rule.judge(low, high) for low, high in intervals}
    return verdicts.pop() if len(verdicts) == 1 else "inconclusive"


def _mean_curve(tested: Condition, by_seed: Mapping[int, Runs]) -> Curve:
    """Over the steps at which every seed has a value."""
    assert isinstance(tested.statistic, OverTime)
    courses = [course for runs in by_seed.values() if (course := tested.statistic.curve(runs)) is not None]
    if not courses:
        return Curve()
    steps = np.array(sorted(set.intersection(*(set(own.tolist()) for own, _ in courses))), int)
    steps = steps[np.unique(np.linspace(0, len(steps) - 1, min(CURVE_POINTS, len(steps))).round().astype(int))]
    rows = np.stack([values[np.isin(own, steps)] for own, values in courses])
    shown = np.exp if tested.ratio else np.asarray
    return Curve(tuple(steps.tolist()), *(tuple(map(float, shown(part))) for part in student(rows.astype(float))))


def _nan_last(p: float) -> float:
    return math.inf if math.isnan(p) else p


def standing_after_holm(judged: Iterable[Judged]) -> set[tuple[str, str, str]]:
    """Experiment, claim and phase of each verdict that stands after Holm's correction over all verdicts given."""
    p_values = {(one.first.experiment, one.first.claim, phase): one.p(phase) for one in judged for phase in one.phases}
    return holm_significant(p_values)
