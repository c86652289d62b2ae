"""What runs at hand say of each claim of an experiment, beside what the stored runs say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bnviz import experiments
from bnviz.analysis.captions.shared import capitalised
from bnviz.core.record import Record
from bnviz.experiments import DEFAULT_SETTING, Claim, ClaimResult, Finding
from bnviz.experiments.verdicts import links, texts

Repeats = Mapping[str, Sequence[Record]]
"""By arm, one record a seed."""


@dataclass(frozen=True)
class ClaimVerdict:
    """One claim's verdict on the runs at hand, and markdown that describes it."""

    claim: Claim
    result: ClaimResult
    markdown: str


def judge_runs(name: str, repeats: Repeats, stored: Sequence[Finding]) -> list[ClaimVerdict]:
    """Judge every claim of experiment `name` that these runs have the arms and measurements for.

    Args:
        name: of the experiment.
        repeats: the runs.
        stored: findings of all stored experiments.
    """
    experiment = experiments.load(name)
    kept = [
        result
        for result in experiments.group_by_claim(finding for finding in stored if finding.experiment == name)
        if result.first.dataset == experiment.datasets[0]
    ]
    by_claim = {result.first.claim: result for result in kept if result.first.setting == DEFAULT_SETTING}
    standing = experiments.significant_verdicts(texts.evidence(texts.current(stored)))
    verdicts = []
    for claim in experiment.claims:
        result = _result(name, claim, repeats)
        if result is None:
            continue
        reason = _why_not_comparable(result, repeats)
        badge = texts.NOT_COMPARABLE if reason else texts.badge(result)
        lines = [f"{badge} {claim.statement} *({claim.source})*", texts.statistics(result, "On screen"), reason]
        if claim.name in by_claim:
            lines.append(_stored_line(by_claim[claim.name], standing))
        if flips := links.flips(name, claim.name, kept):
            lines.append(f"Otherwise in {'; '.join(flips)}.")
        verdicts.append(ClaimVerdict(claim, result, "  \n".join(filter(None, lines))))
    return verdicts


def _why_not_comparable(judged: ClaimResult, repeats: Repeats) -> str:
    """Which runs diverged, where that leaves the claim without a number over the whole run; empty otherwise."""
    if not judged.first.seeds or all(math.isfinite(one.mean) for one in judged.findings_in(judged.phases[0])):
        return ""
    ends = [
        f"{arm}{f', seed {record.config.seed},' if len(several) > 1 else ''} diverged at update {record.last_step}"
        for arm, several in repeats.items()
        for record in several
        if record.outcome == "diverged"
    ]
    return f"Not comparable: {' and '.join(ends)}." if ends else ""


def _stored_line(judged: ClaimResult, standing: set[tuple[str, str, str]]) -> str:
    """What the stored runs say, phase by phase, and whether it stands after Holm's correction."""
    first = judged.first
    if not first.seeds:
        return f"{texts.badge(judged)} Stored runs, as the page opens. {texts.exclusions(first)}"
    numbers = " and ".join(texts.numbers(one) for one in judged.findings_in(judged.phases[0]))
    stands = (first.experiment, first.claim, judged.phases[0]) in standing and judged.outcome != "inconclusive"
    after = " It stands after Holm's correction over the scoreboard." if stands else ""
    phases = texts.phases(judged)
    rest = " ".join(filter(None, [f"{capitalised(phases)}." if phases else "", texts.exclusions(first)]))
    return f"{texts.badge(judged)} Stored runs, as the page opens: {numbers}.{after} {rest}".rstrip()


def _is_setting(name: str, setting: str, repeats: Repeats) -> bool:
    """Whether the runs have all that a setting of the experiment changes."""
    configs = [record.config for several in repeats.values() for record in several]
    changes = experiments.load(name).settings[setting].items()
    return all(config.settings()[field] == value for config in configs for field, value in changes)


def _result(name: str, claim: Claim, repeats: Repeats) -> ClaimResult | None:
    if any(_is_setting(name, setting, repeats) for setting in claim.not_in):
        return None
    seeds = [record.config.seed for record in next(iter(repeats.values()))]
    by_seed = {seed: {arm: own[place] for arm, own in repeats.items()} for place, seed in enumerate(seeds)}
    try:
        return experiments.judge(name, claim, by_seed)
    except (KeyError, IndexError):  # an arm or a measurement that this page's runs do not have
        return None
