"""Findings that are made up, for tests of what is written of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bnviz import experiments
from bnviz.core import registry
from bnviz.experiments import DEFAULT_SETTING, Claim, ClaimResult, Experiment, Finding, OverTime

USUAL = Finding(
    experiment="noisy_batch_norm",
    claim="noisy_beats_standard",
    condition=0,
    setting=DEFAULT_SETTING,
    dataset="digits",
    phase="",
    seeds=tuple(range(10)),
    left_out=(),
    why_left_out="",
    values=(0.1, 0.12, 0.14, 0.16, 0.18) * 2,
    mean=0.14,
    low=0.1,
    high=0.18,
    rank_low=0.11,
    rank_high=0.17,
    p=0.002,
    kind="above",
    bound=0.0,
    verdict="supported",
)


NUMBERS = "0.14 (0.1 to 0.18; by ranks 0.11 to 0.17; 10 seeds)"
"""Those of USUAL."""


def made(**changes: Any) -> Finding:
    """A finding like USUAL."""
    return replace(USUAL, **changes)


def undefined(**changes: Any) -> Finding:
    """One without a number."""
    nothing = dict.fromkeys(("mean", "low", "high", "rank_low", "rank_high", "p"), math.nan)
    return made(**{"values": (math.nan,) * 10, "verdict": "inconclusive"} | nothing | changes)


def of_claim(
    name: str, chosen: Experiment, claim: Claim, verdicts: Mapping[str, str] | str, **changes: Any
) -> Sequence[Finding]:
    """A finding for each condition and phase of a claim, with the verdict, or that of each phase by its name."""
    found = []
    for place, condition in enumerate(claim.conditions):
        over_time = isinstance(condition.statistic, OverTime)
        for phase in [phase.name for phase in condition.phases] if over_time else [""]:
            found.append(
                made(
                    experiment=name,
                    claim=claim.name,
                    condition=place,
                    dataset=chosen.datasets[0],
                    phase=phase,
                    kind=condition.rule.kind,
                    bound=math.exp(condition.rule.bound) if condition.ratio else condition.rule.bound,
                    verdict=verdicts if isinstance(verdicts, str) else verdicts.get(phase, "inconclusive"),
                    **changes,
                )
            )
    return found


def judged(*findings: Finding) -> ClaimResult:
    """What these amount to, as one claim."""
    return ClaimResult(findings)


def all_claims(verdict_of: Mapping[str, str], **changes: Any) -> list[Finding]:
    """Findings of every claim in every setting: `verdict_of` has the verdict by default, and that of other settings."""
    found: list[Finding] = []
    for name in registry.names("experiments"):
        chosen = experiments.load(name)
        for setting in (DEFAULT_SETTING, *chosen.settings):
            verdict = verdict_of["default" if setting == DEFAULT_SETTING else "other"]
            for claim in chosen.claims:
                if setting not in claim.not_in:
                    found += of_claim(name, chosen, claim, verdict, setting=setting, **changes)
    return found


def about(name: str, claim: str, verdicts: Mapping[str, str] | str = "supported", **changes):
    """Findings of each condition and phase of a claim."""
    chosen = experiments.load(name)
    return judged(*of_claim(name, chosen, chosen.claim(claim), verdicts, **changes))
