"""Verdicts in words: badges and numbers of findings, for a page's verdict box and for the scoreboard."""

import math
from collections.abc import Iterable, Mapping

from bnviz import experiments
from bnviz.analysis.captions.shared import capitalised
from bnviz.core import registry
from bnviz.core.number_format import digits, two_digits
from bnviz.experiments import DEFAULT_SETTING, DIVERGED, Claim, ClaimResult, Condition, Finding, Outcome

ROUNDING = 1e-5
"""A mean below this share of its interval's width is float32 rounding of 0."""
SMALL = 1e-4
"""Bounds below this are written as powers of ten."""
BADGES: Mapping[Outcome, str] = {
    "supported": ":green-badge[:material/check: supported]",
    "contradicted": ":orange-badge[:material/close: contradicted]",
    "changes": ":blue-badge[:material/swap_vert: changes over training]",
    "inconclusive": ":gray-badge[:material/question_mark: inconclusive]",
}
NOT_COMPARABLE = ":gray-badge[:material/block: not comparable]"
CHECKS: Mapping[Outcome, str] = {
    "supported": ":green-badge[:material/check: holds]",
    "contradicted": ":orange-badge[:material/close: fails]",
    "changes": BADGES["changes"],
    "inconclusive": BADGES["inconclusive"],
}


def badge(judged: ClaimResult) -> str:
    """Return the verdict as a coloured badge; with too few seeds, whether the means agree with the rule."""
    first = judged.first
    if not first.seeds:
        return NOT_COMPARABLE
    if not first.has_too_few_seeds:
        return (CHECKS if claim_of(first).check else BADGES)[judged.outcome]
    findings = judged.findings_in(judged.phases[0])
    if any(not math.isfinite(finding.mean) for finding in findings):
        return f":gray-badge[:material/question_mark: undefined, {seed_count(first)}]"
    colour, sign, word = (
        ("green", "check", "agrees") if all(map(agrees, findings)) else ("orange", "close", "disagrees")
    )
    return f":{colour}-badge[:material/{sign}: {word}, {seed_count(first)}]"


def agrees(finding: Finding) -> bool:
    """Return whether the mean lies where the rule requires."""
    if finding.kind == "within":
        least = 1 / finding.bound if condition_of(finding).ratio else -finding.bound
        return least < finding.mean < finding.bound
    return finding.mean > finding.bound if finding.kind == "above" else finding.mean < finding.bound


def claim_of(finding: Finding) -> Claim:
    """Return the claim of a finding."""
    return experiments.load(finding.experiment).claim(finding.claim)


def condition_of(finding: Finding) -> Condition:
    """Return the condition of a finding."""
    return claim_of(finding).conditions[finding.condition]


def seed_count(finding: Finding) -> str:
    """Return the number of seeds in words: one seed, 20 seeds."""
    return f"{len(finding.seeds)} seeds" if len(finding.seeds) != 1 else "one seed"


def numbers(finding: Finding) -> str:
    """Return the mean and its intervals, if any: 0.13 (0.10 to 0.15; by ranks 0.11 to 0.16; 20 seeds)."""
    if not math.isfinite(finding.mean):
        return f"undefined ({seed_count(finding)})"
    parts = [seed_count(finding)]
    if math.isfinite(finding.rank_low) and math.isfinite(finding.rank_high):
        parts.insert(0, f"by ranks {digits(finding.rank_low, 3)} to {digits(finding.rank_high, 3)}")
    if math.isfinite(finding.low) and math.isfinite(finding.high):
        parts.insert(0, f"{digits(finding.low, 3)} to {digits(finding.high, 3)}")
    return f"{_mean(finding)} ({'; '.join(parts)})"


def phases(judged: ClaimResult) -> str:
    """Return each phase's means and its verdict or, with too few seeds, its agreement; empty without phases."""
    parts = []
    for phase in judged.phases[1:]:
        findings = judged.findings_in(phase)
        over_time = [finding for finding in findings if finding.phase == phase]
        means = " and ".join(_mean(finding) if math.isfinite(finding.mean) else "undefined" for finding in over_time)
        if judged.first.has_too_few_seeds:
            word = "agrees" if all(map(agrees, findings)) else "disagrees"
            word = word if all(math.isfinite(finding.mean) for finding in findings) else "undefined"
        else:
            word = judged.verdict_in(phase)
        parts.append(f"{phase}: {means}, {word}")
    return "; ".join(parts)


def _mean(finding: Finding) -> str:
    width = finding.high - finding.low
    is_rounding = math.isfinite(width) and abs(finding.mean) < ROUNDING * width
    return digits(0.0 if is_rounding else finding.mean, 3)


def rule(finding: Finding) -> str:
    """Return the rule that the intervals have to satisfy."""
    if finding.kind != "within":
        small = 0 < abs(finding.bound) < SMALL
        return f"{finding.kind} {two_digits(finding.bound) if small else f'{finding.bound:.3g}'}"
    return f"within a factor of {finding.bound:.3g}" if condition_of(finding).ratio else f"within ±{finding.bound:g}"


def exclusions(finding: Finding) -> str:
    """Return how many seeds are excluded and why; empty if none is."""
    if not finding.left_out:
        return ""
    total = len(finding.seeds) + len(finding.left_out)
    if total == 1:
        return f"Not comparable: {finding.why_left_out}."
    return f"{len(finding.left_out)} of {total} seeds are not comparable: {finding.why_left_out}."


def divergence_rules(name: str) -> str:
    """Return what a diverged network counts as in the claims of an experiment."""
    conditions = (condition for claim in experiments.load(name).claims for condition in claim.conditions)
    return " ".join(f"{capitalised(DIVERGED[kind])}." for kind in dict.fromkeys(entry.diverged for entry in conditions))


def statistics(judged: ClaimResult, source: str) -> str:
    """Return each condition's statistic, numbers and rule, then its phases; `source` names the runs."""
    lines = []
    for finding in judged.findings_in(judged.phases[0]):
        if finding.seeds:
            statistic = f"{capitalised(condition_of(finding).measured)}."
            lines.append(f"{statistic} {source}: **{numbers(finding)}**, required: {rule(finding)}.")
    by_phase = phases(judged) if judged.first.seeds else ""
    lines += [f"{capitalised(by_phase)}." if by_phase else "", exclusions(judged.first)]
    return "  \n".join(filter(None, lines))


def evidence(judged: Iterable[ClaimResult]) -> list[ClaimResult]:
    """Select claims in the settings that pages open with, without checks of an identity."""
    return [entry for entry in judged if entry.first.setting == DEFAULT_SETTING and not claim_of(entry.first).check]


def current(findings: Iterable[Finding]) -> list[ClaimResult]:
    """Select findings whose claim and setting still exist, on the data set that their experiment is shown with."""
    known = {
        (name, claim.name, setting, experiment.datasets[0])
        for name, experiment in ((name, experiments.load(name)) for name in registry.names("experiments"))
        for claim in experiment.claims
        for setting in (DEFAULT_SETTING, *experiment.settings)
    }
    kept = (entry for entry in findings if (entry.experiment, entry.claim, entry.setting, entry.dataset) in known)
    return experiments.group_by_claim(kept)


def outcome_text(judged: ClaimResult) -> str:
    """Return the outcome and its numbers, without a badge."""
    if not judged.first.seeds:
        return f"not comparable ({judged.first.why_left_out})"
    words = "changes over training" if judged.outcome == "changes" else judged.outcome
    return f"{words}, {numbers(judged.first)}"


def label(name: str) -> str:
    """Return the experiment's label."""
    return registry.describe("experiments", name).label
