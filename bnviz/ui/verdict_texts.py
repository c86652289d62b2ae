"""Verdicts in words: badges, numbers and links, for the box under a page's charts and for the scoreboard.

Everything is read off findings; nothing is judged here, and no verdict is written in prose.
"""

import math
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from bnviz import experiments
from bnviz.core import registry
from bnviz.core.number_format import digits, two_digits
from bnviz.core.presets import DEFAULTS
from bnviz.experiments import DEFAULT_SETTING, DIVERGED, Claim, Condition, Experiment, Finding, Judged, Outcome
from bnviz.records.gallery import findings as stored

ROUNDING = 1e-5
"""A mean that is so much smaller than its interval is what float32 left of 0."""
SMALL = 1e-4
"""Bounds that are smaller are told as powers of ten; others as they are, for rounded they would be other bounds."""
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


def badge(judged: Judged) -> str:
    """The verdict with a sign and a colour; with too few seeds, only on which side of the rule they are."""
    first = judged.first
    if not first.seeds:
        return NOT_COMPARABLE
    if not first.has_too_few_seeds:
        return (CHECKS if claim_of(first).check else BADGES)[judged.outcome]
    found = judged.of_phase(judged.phases[0])
    if any(not math.isfinite(one.mean) for one in found):
        return f":gray-badge[:material/question_mark: undefined, {seeds(first)}]"
    colour, sign, word = ("green", "check", "agrees") if all(map(agrees, found)) else ("orange", "close", "disagrees")
    return f":{colour}-badge[:material/{sign}: {word}, {seeds(first)}]"


def agrees(finding: Finding) -> bool:
    """Whether the mean lies where the rule asks."""
    if finding.kind == "within":
        least = 1 / finding.bound if condition_of(finding).ratio else -finding.bound
        return least < finding.mean < finding.bound
    return finding.mean > finding.bound if finding.kind == "above" else finding.mean < finding.bound


def claim_of(finding: Finding) -> Claim:
    """What the finding is about."""
    return experiments.load(finding.experiment).claim(finding.claim)


def condition_of(finding: Finding) -> Condition:
    """Which of the claim's conditions the finding is about."""
    return claim_of(finding).conditions[finding.condition]


def seeds(finding: Finding) -> str:
    """How many: one seed, 20 seeds."""
    return f"{len(finding.seeds)} seeds" if len(finding.seeds) != 1 else "one seed"


def numbers(finding: Finding) -> str:
    """The mean, and the intervals where there are any: 0.13 (0.10 to 0.15; by ranks 0.11 to 0.16; 20 seeds)."""
    if not math.isfinite(finding.mean):
        return f"undefined ({seeds(finding)})"
    parts = [seeds(finding)]
    if math.isfinite(finding.rank_low) and math.isfinite(finding.rank_high):
        parts.insert(0, f"by ranks {digits(finding.rank_low, 3)} to {digits(finding.rank_high, 3)}")
    if math.isfinite(finding.low) and math.isfinite(finding.high):
        parts.insert(0, f"{digits(finding.low, 3)} to {digits(finding.high, 3)}")
    return f"{_mean(finding)} ({'; '.join(parts)})"


def phases(judged: Judged) -> str:
    """The numbers of each phase with its verdict, or on which side it is; empty without phases."""
    parts = []
    for phase in judged.phases[1:]:
        found = judged.of_phase(phase)
        own = [one for one in found if one.phase == phase]
        means = " and ".join(_mean(one) if math.isfinite(one.mean) else "undefined" for one in own)
        if judged.first.has_too_few_seeds:
            word = "agrees" if all(map(agrees, found)) else "disagrees"
            word = word if all(math.isfinite(one.mean) for one in found) else "undefined"
        else:
            word = judged.in_phase(phase)
        parts.append(f"{phase}: {means}, {word}")
    return "; ".join(parts)


def _mean(finding: Finding) -> str:
    width = finding.high - finding.low
    is_rounding = math.isfinite(width) and abs(finding.mean) < ROUNDING * width
    return digits(0.0 if is_rounding else finding.mean, 3)


def asked(finding: Finding) -> str:
    """What the intervals have to keep to."""
    if finding.kind != "within":
        small = 0 < abs(finding.bound) < SMALL
        return f"{finding.kind} {two_digits(finding.bound) if small else f'{finding.bound:.3g}'}"
    return f"within a factor of {finding.bound:.3g}" if condition_of(finding).ratio else f"within ±{finding.bound:g}"


def left_out(finding: Finding) -> str:
    """How many seeds do not count, and why; empty if all do."""
    if not finding.left_out:
        return ""
    total = len(finding.seeds) + len(finding.left_out)
    if total == 1:
        return f"Not comparable: {finding.why_left_out}."
    return f"{len(finding.left_out)} of {total} seeds are not comparable: {finding.why_left_out}."


def diverged(name: str) -> str:
    """What a diverged network counts as in the claims of an experiment, as they declare it."""
    conditions = (condition for claim in experiments.load(name).claims for condition in claim.conditions)
    return " ".join(f"{first_upper(DIVERGED[kind])}." for kind in dict.fromkeys(one.diverged for one in conditions))


def measured(judged: Judged, where: str) -> str:
    """Each condition's statistic, its numbers and its rule; then its phases."""
    lines = []
    for finding in judged.of_phase(judged.phases[0]):
        if finding.seeds:
            said = f"{first_upper(condition_of(finding).measured)}."
            lines.append(f"{said} {where}: **{numbers(finding)}**, asked for: {asked(finding)}.")
    told = phases(judged) if judged.first.seeds else ""
    return "  \n".join(filter(None, [*lines, f"{first_upper(told)}." if told else "", left_out(judged.first)]))


def evidence(found: Iterable[Judged]) -> list[Judged]:
    """The claims with the settings that pages open with, without those that only check an identity."""
    return [one for one in found if one.first.setting == DEFAULT_SETTING and not claim_of(one.first).check]


def shown_here(kept: stored.Stored) -> list[Judged]:
    """Stored claims and settings that there are still, each on the data set that its experiment is shown with."""
    known = {
        (name, claim.name, setting, chosen.datasets[0])
        for name, chosen in ((name, experiments.load(name)) for name in registry.names("experiments"))
        for claim in chosen.claims
        for setting in (DEFAULT_SETTING, *chosen.settings)
    }
    found = (one for one in kept.findings if (one.experiment, one.claim, one.setting, one.dataset) in known)
    return experiments.grouped(found)


def flipped(name: str, claim: str) -> list[str]:
    """Links to the settings in which the stored verdict is another than by default, each with that verdict."""
    chosen = experiments.load(name)
    found = [one for one in stored.read().of(name, dataset=chosen.datasets[0]) if one.first.claim == claim]
    usual = next((one.outcome for one in found if one.first.setting == DEFAULT_SETTING), None)
    others = [one for one in found if one.first.setting in chosen.settings and usual not in (None, one.outcome)]
    return [f"{_linked(chosen, one.first.setting)}: {outcome_text(one)}" for one in others]


def outcome_text(judged: Judged) -> str:
    """The outcome and its numbers, without a badge."""
    if not judged.first.seeds:
        return f"not comparable ({judged.first.why_left_out})"
    words = "changes over training" if judged.outcome == "changes" else judged.outcome
    return f"{words}, {numbers(judged.first)}"


def link(chosen: Experiment, setting: str = DEFAULT_SETTING, dataset: str | None = None) -> str:
    """The address of the experiment's page in one of its settings, as far as the page has settings for it."""
    usual = DEFAULTS[chosen.page]
    if not _follows(chosen):
        return f"/{chosen.page}"
    changes = {} if setting == DEFAULT_SETTING else dict(chosen.settings[setting])
    own = {"norm": usual.norm, "probes": usual.probes, "dataset": dataset or chosen.datasets[0]}
    query = chosen.base.with_changes(**(changes | own)).to_query(usual)
    return f"/{chosen.page}" + (f"?{urlencode(query, safe=',')}" if query else "")


def _linked(chosen: Experiment, setting: str) -> str:
    """The setting's name, as a link if the page can show it."""
    return f"[{setting}]({link(chosen, setting)})" if _follows(chosen) else setting


def _follows(chosen: Experiment) -> bool:
    """Whether the page's controls are for what the experiment measures; if not, the page shows runs of its own."""
    probes = set(chosen.base.probes)
    return not probes or not probes.isdisjoint(DEFAULTS[chosen.page].probes)


def label(name: str) -> str:
    """The experiment's label."""
    return registry.describe("experiments", name).label


def first_upper(sentence: str) -> str:
    """The sentence with a capital at its beginning."""
    return sentence[:1].upper() + sentence[1:]
