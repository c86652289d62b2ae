"""Verdicts: from the runs of several seeds to findings, and from findings to the result of a claim."""

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
"""Most points of a finding's curve."""
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
    """The result of one condition of a claim over some seeds, in one setting and one phase of training.

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
        """Whether there are too few seeds for a verdict."""
        return len(self.seeds) < FEWEST_SEEDS


@dataclass(frozen=True)
class ClaimResult:
    """The findings of one claim in one setting on one data set, for every condition and phase."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """The finding that represents the claim: of its first condition and, if there are phases, of the whole run."""
        return self.findings[0]

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases, the whole run first; one empty name if the claim is not about time."""
        return tuple(dict.fromkeys(finding.phase for finding in self.findings if finding.phase)) or ("",)

    def findings_in(self, phase: str) -> list[Finding]:
        """Return each condition's finding in a phase; a condition without phases has the same one in all."""
        by_condition = {finding.condition: finding for finding in self.findings if finding.phase in (phase, "")}
        return [by_condition[index] for index in sorted(by_condition)]

    def verdict_in(self, phase: str) -> Verdict:
        """Return the verdict in a phase: supported if every condition is, contradicted if one is."""
        verdicts = {finding.verdict for finding in self.findings_in(phase)}
        if "contradicted" in verdicts:
            return "contradicted"
        return "supported" if verdicts == {"supported"} else "inconclusive"

    def p(self, phase: str) -> float:
        """Return the p-value of the verdict: the largest of all conditions; if contradicted, Bonferroni's."""
        findings = self.findings_in(phase)
        if self.verdict_in(phase) == "contradicted":
            return min(1.0, len(findings) * min(finding.p for finding in findings if finding.verdict == "contradicted"))
        return max((finding.p for finding in findings), key=lambda p: math.inf if math.isnan(p) else p)

    @property
    def outcome(self) -> Outcome:
        """The verdict over the whole run, unless one phase supports the claim and another contradicts it."""
        if {"supported", "contradicted"} <= {self.verdict_in(phase) for phase in self.phases}:
            return "changes"
        return self.verdict_in(self.phases[0])


def judge(
    name: str, claim: Claim, by_seed: Mapping[int, Runs], setting: str = DEFAULT_SETTING, dataset: str = ""
) -> ClaimResult:
    """Judge a claim of experiment `name` by the runs of several seeds.

    One undefined value makes both intervals undefined and the verdict inconclusive. A seed is only left out if its runs
    are not comparable (`why_not_comparable`).

    Raises:
        KeyError: an arm or a measurement is missing.
    """
    reasons = {seed: why_not_comparable(claim, runs) for seed, runs in by_seed.items()}
    comparable = {seed: runs for seed, runs in by_seed.items() if not reasons[seed]}
    about = {
        "experiment": name,
        "claim": claim.name,
        "setting": setting,
        "dataset": dataset or next(iter(next(iter(by_seed.values())).values())).config.dataset,
        "left_out": tuple(seed for seed in by_seed if seed not in comparable),
        "why_left_out": "; ".join(dict.fromkeys(filter(None, reasons.values()))),
    }
    findings = []
    for index, condition in enumerate(claim.conditions):
        phases: Sequence[Phase | None] = condition.phases if isinstance(condition.statistic, OverTime) else [None]
        findings += [_finding(condition, phase, by_seed, comparable, condition=index, **about) for phase in phases]
    return ClaimResult(tuple(findings))


def group_by_claim(findings: Iterable[Finding]) -> list[ClaimResult]:
    """Group findings by claim, setting and data set, in the order of their first occurrence."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.experiment, finding.claim, finding.setting, finding.dataset), []).append(finding)
    return [ClaimResult(tuple(group)) for group in groups.values()]


def why_not_comparable(claim: Claim, runs: Runs) -> str:
    """Return the reason why a seed's runs cannot judge a claim, as words after a colon; empty if they can."""
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
    by_seed_values = {  # including seeds that are left out, so that a missing arm raises an error there, too
        seed: statistic.in_phase(runs, phase or WHOLE) if isinstance(statistic, OverTime) else statistic(runs)
        for seed, runs in by_seed.items()
    }
    values = np.array([by_seed_values[seed] for seed in used])
    transform = np.exp if tested.ratio else np.asarray
    mean, low, high = student(values) if len(values) else (math.nan,) * 3
    rank_low, rank_high = ranks(values)
    first_phase = isinstance(statistic, OverTime) and phase is tested.phases[0]
    return Finding(
        phase=phase.name if phase else "",
        seeds=tuple(used),
        values=tuple(float(value) for value in transform(values)),
        mean=float(transform(mean)),
        low=float(transform(low)),
        high=float(transform(high)),
        rank_low=float(transform(rank_low)),
        rank_high=float(transform(rank_high)),
        p=max((p_value(values, bound) for bound in rule.bounds), key=_nan_last),
        kind=rule.kind,
        bound=float(transform(rule.bound)),
        verdict=common_verdict(rule, (low, high), (rank_low, rank_high)),
        curve=_mean_curve(tested, used) if first_phase else Curve(),
        **about,  # type: ignore[arg-type]
    )


def common_verdict(rule: Rule, *intervals: tuple[float, float]) -> Verdict:
    """Return the verdict on which all intervals agree, otherwise inconclusive."""
    verdicts = {rule.judge(low, high) for low, high in intervals}
    return verdicts.pop() if len(verdicts) == 1 else "inconclusive"


def _mean_curve(condition: Condition, by_seed: Mapping[int, Runs]) -> Curve:
    """Mean over seeds at the steps at which every seed has a value."""
    assert isinstance(condition.statistic, OverTime)
    courses = [course for runs in by_seed.values() if (course := condition.statistic.curve(runs)) is not None]
    if not courses:
        return Curve()
    steps = np.array(sorted(set.intersection(*(set(own_steps.tolist()) for own_steps, _ in courses))), int)
    steps = steps[np.unique(np.linspace(0, len(steps) - 1, min(CURVE_POINTS, len(steps))).round().astype(int))]
    rows = np.stack([values[np.isin(own_steps, steps)] for own_steps, values in courses])
    transform = np.exp if condition.ratio else np.asarray
    return Curve(tuple(steps.tolist()), *(tuple(map(float, transform(part))) for part in student(rows.astype(float))))


def _nan_last(p: float) -> float:
    return math.inf if math.isnan(p) else p


def significant_verdicts(results: Iterable[ClaimResult]) -> set[tuple[str, str, str]]:
    """Return experiment, claim and phase of the verdicts that stay significant after Holm's correction."""
    p_values = {
        (result.first.experiment, result.first.claim, phase): result.p(phase)
        for result in results
        for phase in result.phases
    }
    return holm_significant(p_values)
