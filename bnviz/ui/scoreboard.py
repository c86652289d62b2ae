"""The scoreboard: every claim, what was said, what the stored runs say of it, and where to look."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from bnviz import experiments
from bnviz.analysis.statistics import CONFIDENCE
from bnviz.core import registry
from bnviz.core.presets import DEFAULTS
from bnviz.experiments import DEFAULT_SETTING, ClaimResult, Experiment
from bnviz.experiments.verdicts import links, texts
from bnviz.records.gallery import findings as stored
from bnviz.ui.prose import text

HOW_JUDGED = """
A verdict is computed, not written: each claim has a statistic and a rule that were declared before the runs. Where
two 95 % intervals over paired seeds, of the mean and of the median, lie wholly where the rule asks, the claim is
*supported*; where both lie wholly elsewhere, *contradicted*. What is measured over time is judged in the start of
training (its first tenth), the middle and the last half; where one of them supports a claim and another contradicts it,
it *changes over training*. All of it speaks of small networks on small data, in the settings named; where a verdict
turns, a link leads there.
"""

Standing = set[tuple[str, str, str]]


def scoreboard() -> None:
    """Every claim, by experiment; then the checks, which are not counted."""
    st.header("The scoreboard")
    text(HOW_JUDGED)
    kept = stored.read()
    found = texts.current(kept.findings)
    own = [one for one in found if one.first.setting == DEFAULT_SETTING]
    if not own:
        st.info("No findings are stored; `python -m bnviz gallery build` makes them.", icon=":material/inventory_2:")
        return
    claims = texts.evidence(own)
    standing = experiments.significant_verdicts(claims)
    text(summary(claims, found, standing, kept.date))
    for name, chosen in _in_page_order().items():
        ours = [one for one in claims if one.first.experiment == name]
        if ours:
            st.markdown(f"**[{texts.label(name)}]({links.link(chosen)})** · {chosen.source}")
            _table(chosen, ours, standing)
    checks = [one for one in own if texts.claim_of(one.first).check]
    if checks:
        st.markdown(
            "**Checks** · identities and theorems, and shortcuts that can only fail: they do not count as evidence"
        )
        for name, chosen in _in_page_order().items():
            ours = [one for one in checks if one.first.experiment == name]
            if ours:
                _table(chosen, ours, set())


def summary(claims: Sequence[ClaimResult], found: Sequence[ClaimResult], standing: Standing, date: str) -> str:
    """How many claims came out how, how many verdicts stand, and how many chance alone would give."""
    counted = Counter(one.outcome for one in claims)
    words = {"changes": "change over training"}
    counts = ", ".join(f"{counted[outcome]} {words.get(outcome, outcome)}" for outcome in texts.BADGES)
    seeds = sorted({len(one.first.seeds) + len(one.first.left_out) for one in claims})
    verdicts = [(one, phase) for one in claims for phase in one.phases]
    decided = [(one, phase) for one, phase in verdicts if one.verdict_in(phase) != "inconclusive"]
    stand = [1 for one, phase in decided if (one.first.experiment, one.first.claim, phase) in standing]
    chance = (1 - CONFIDENCE) * len(verdicts)
    return (
        f"{len(claims)} claims, each tested with {' or '.join(map(str, seeds))} seeds on {date}: **{counts}** with the "
        f"settings the pages open with. In other settings {len(_flips(found))} of them come out otherwise. They are "
        f"{len(verdicts)} verdicts, as those over time are judged phase by phase; {len(decided)} are decided. Were all "
        f"bounds exactly true, about {chance:.0f} would look decided by chance; {len(stand)} stand after Holm's "
        "correction for so many tests."
    )


def _table(chosen: Experiment, judged: Sequence[ClaimResult], standing: Standing) -> None:
    name = judged[0].first.experiment
    on_mnist = {one.first.claim: one for one in stored.read().of(name, DEFAULT_SETTING, "mnist")}
    rows = []
    for one in judged:
        claim = texts.claim_of(one.first)
        elsewhere = links.flips(name, claim.name, stored.read().of(name, dataset=chosen.datasets[0]))
        other = on_mnist.get(claim.name)
        if other is not None and other.outcome != one.outcome:
            elsewhere.append(f"[MNIST]({links.link(chosen, dataset='mnist')}): {texts.outcome_text(other)}")
        stands = (name, claim.name, one.phases[0]) in standing and one.verdict_in(one.phases[0]) != "inconclusive"
        said = texts.statistics(one, "Stored runs")
        rows.append(
            {
                "Verdict": texts.badge(one),
                "What is claimed, and by whom": f"{claim.statement} *{claim.source}*",
                "What our runs say": f"{said} Stands after Holm." if stands else said,
                "Otherwise in": "; ".join(elsewhere) or "–",
            }
        )
    st.table(pd.DataFrame(rows).set_index("Verdict"))


def _in_page_order() -> dict[str, Experiment]:
    """All experiments, in the order of the pages that show them."""
    pages = list(DEFAULTS)
    found = {name: experiments.load(name) for name in registry.names("experiments")}
    return dict(sorted(found.items(), key=lambda item: (pages.index(item[1].page), item[1].page_order, item[0])))


def _flips(found: Sequence[ClaimResult]) -> set[tuple[str, str]]:
    """Claims that come out otherwise in another setting."""
    usual = {(one.first.experiment, one.first.claim): one.outcome for one in texts.evidence(found)}
    return {
        (one.first.experiment, one.first.claim)
        for one in found
        if usual.get((one.first.experiment, one.first.claim), one.outcome) != one.outcome
    }
