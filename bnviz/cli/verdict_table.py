"""Verdicts of an experiment as a table of text, and the phrases that the HTML report shares with it."""

import math
from collections.abc import Sequence

from bnviz import experiments
from bnviz.analysis.statistics import CONFIDENCE
from bnviz.cli.report import table
from bnviz.experiments import DIVERGED, Claim, ClaimResult, Experiment, Finding

CHECKED = {"supported": "holds", "contradicted": "fails", "inconclusive": "inconclusive"}
"""Words for the verdicts of a check of an identity."""


def verdict_table(experiment: Experiment, results: Sequence[ClaimResult]) -> str:
    """Return a table with a row for each claim, condition and phase: verdict, rule, mean and both intervals."""
    first = results[0].first
    rows = [[f"{first.dataset}, {first.setting}", "phase", "verdict", "rule", "mean", "95 % (t)", "95 % (ranks)"]]
    evidence = [result for result in results if not experiment.claim(result.first.claim).check]
    significant = experiments.significant_verdicts(evidence)
    for result in results:
        check = experiment.claim(result.first.claim).check
        for finding in result.findings:
            phase = finding.phase or result.phases[0]
            decides = finding.verdict == result.verdict_in(phase) != "inconclusive"
            stands = decides and (finding.experiment, finding.claim, phase) in significant
            rows.append(
                [
                    finding.claim if finding is result.first else "",
                    finding.phase,
                    verdict_text(finding, check) + (" *" if stands else ""),
                    rule_text(finding),
                    f"{finding.mean:.3g}" if math.isfinite(finding.mean) else "undefined",
                    interval_text(finding.low, finding.high),
                    interval_text(finding.rank_low, finding.rank_high),
                ]
            )
    tests = sum(len(result.phases) for result in evidence)
    by_chance = (1 - CONFIDENCE) * tests
    notes = [
        *(f"  {claim.name}: {meaning_text(claim)}" for claim in experiment.claims),
        f"  *: stands after Holm's correction over these {tests} verdicts, of which {by_chance:.1f} would look decided "
        "by chance alone",
        *(f"  {result.first.claim}: {exclusion_text(result.first)}" for result in results if result.first.left_out),
    ]
    return "\n".join([table(rows), *notes])


def verdict_text(finding: Finding, check: bool) -> str:
    """Return the verdict in a word or two; the check of an identity holds or fails."""
    if not finding.seeds:
        return "not comparable"
    if finding.has_too_few_seeds:
        return "too few seeds"
    return CHECKED[finding.verdict] if check else finding.verdict


def meaning_text(claim: Claim) -> str:
    """Return the statistics of all conditions, and how a diverged network counts in them."""
    measured = "; and: ".join(condition.measured for condition in claim.conditions)
    diverged = "; ".join(dict.fromkeys(DIVERGED[condition.diverged] for condition in claim.conditions))
    return f"{measured} ({diverged})"


def exclusion_text(finding: Finding) -> str:
    """Return how many seeds are left out, and why."""
    total = len(finding.seeds) + len(finding.left_out)
    return f"{len(finding.left_out)} of {total} seeds are left out: {finding.why_left_out}"


def interval_text(low: float, high: float) -> str:
    """Return both ends of an interval, or "none" if one is not finite."""
    return f"{low:.3g} to {high:.3g}" if math.isfinite(low) and math.isfinite(high) else "none"


def rule_text(finding: Finding) -> str:
    """Return the rule for the intervals, such as "above 0" or "within a factor of 1.5"."""
    if finding.kind != "within":
        return f"{finding.kind} {finding.bound:g}"
    condition = experiments.load(finding.experiment).claim(finding.claim).conditions[finding.condition]
    return f"within a factor of {finding.bound:.3g}" if condition.ratio else f"within ±{finding.bound:g}"
