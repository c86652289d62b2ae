"""The verdict box: what the runs on screen say of each claim of an experiment, beside what the stored runs say."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from bnviz import experiments
from bnviz.analysis.captions.shared import capitalised
from bnviz.core.record import Record
from bnviz.experiments import DEFAULT_SETTING, FEWEST_SEEDS, Claim, ClaimResult
from bnviz.experiments.verdicts import links, texts
from bnviz.figures.phase_curve import phase_curve
from bnviz.records.gallery import findings as stored
from bnviz.ui.drawn import drawing
from bnviz.ui.prose import READING_WIDTH
from bnviz.ui.shown import Shown

DRAW = """
export default ({ data, parentElement }) =>
  parentElement.replaceChildren(...new DOMParser().parseFromString(data, "text/html").body.children)
"""
_picture = st.components.v2.component("bnviz_picture", js=DRAW, isolate_styles=False)  # st.html leaves SVG out
Told = tuple[str, str]
"""Markdown of one claim, and the SVG of its statistic over the updates, empty where it is not about time."""


def verdict_box(name: str, shown: Shown, title: str = "The verdict") -> None:
    """What the runs on screen say of each claim of an experiment, beside what the stored runs say.

    Claims about arms or measurements that are not there are left out; with too few seeds there is an interval at most,
    not a verdict. While runs go on, nothing is judged.
    """
    if shown.live:
        st.caption("The verdict follows when the runs have ended.")
        return
    claims: list[Told] = drawing(f"{name}/verdict", (shown.repeats,)).made(partial(_told, name, shown.repeats))
    if not claims:
        return
    with st.container(border=True, key=f"verdict-{name}", width=READING_WIDTH):
        st.header(title, anchor=False)
        for place, (paragraph, curve) in enumerate(claims):
            st.markdown(paragraph)
            if curve:
                _picture(data=curve, key=f"curve/{name}/{place}")
        if any(record.outcome == "diverged" for several in shown.repeats.values() for record in several):
            st.caption(f"A run diverged. {texts.divergence_rules(name)}")
        st.caption(
            "One run can lie on either side of what many say; three seeds show how far they differ. Statistic and rule "
            "of each claim were declared before the runs. A verdict needs two 95 % intervals over seeds that agree, of "
            f"the mean (Student's t) and of the median (ranks), and at least {FEWEST_SEEDS} seeds: "
            f"`python -m bnviz experiment {name} --seeds 10 --sweep`. A curve is the statistic over the updates, with "
            "what is asked for as a dashed line; start, middle and last half are shaded in turn, and in each of them "
            "every update weighs the same."
        )


def _told(name: str, repeats: Mapping[str, Sequence[Record]]) -> list[Told]:
    """Each claim that these runs can be judged by."""
    chosen = experiments.load(name)
    kept = {one.first.claim: one for one in stored.read().of(name, DEFAULT_SETTING, chosen.datasets[0])}
    standing = experiments.significant_verdicts(texts.evidence(texts.current(stored.read().findings)))
    told = []
    for claim in chosen.claims:
        here = _judged(name, claim, repeats)
        if here is None:
            continue
        lost = _how_it_was_lost(here, repeats)
        badge = texts.NOT_COMPARABLE if lost else texts.badge(here)
        lines = [f"{badge} {claim.statement} *({claim.source})*", texts.statistics(here, "On screen"), lost]
        if claim.name in kept:
            lines.append(_stored_line(kept[claim.name], standing))
        if flips := links.flips(name, claim.name, stored.read().of(name, dataset=chosen.datasets[0])):
            lines.append(f"Otherwise in {'; '.join(flips)}.")
        told.append(("  \n".join(filter(None, lines)), _curve(here, claim, repeats)))
    return told


def _how_it_was_lost(judged: ClaimResult, repeats: Mapping[str, Sequence[Record]]) -> str:
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


def _curve(judged: ClaimResult, claim: Claim, repeats: Mapping[str, Sequence[Record]]) -> str:
    updates = max(record.config.steps for several in repeats.values() for record in several)
    return phase_curve(judged.first, claim.conditions[0].ratio, updates)


def _is_setting(name: str, setting: str, repeats: Mapping[str, Sequence[Record]]) -> bool:
    """Whether the runs have all that a setting of the experiment changes."""
    configs = [record.config for several in repeats.values() for record in several]
    changes = experiments.load(name).settings[setting].items()
    return all(getattr(config, field) == value for config in configs for field, value in changes)


def _judged(name: str, claim: Claim, repeats: Mapping[str, Sequence[Record]]) -> ClaimResult | None:
    if any(_is_setting(name, setting, repeats) for setting in claim.not_in):
        return None
    seeds = [record.config.seed for record in next(iter(repeats.values()))]
    by_seed = {seed: {arm: own[place] for arm, own in repeats.items()} for place, seed in enumerate(seeds)}
    try:
        return experiments.judge(name, claim, by_seed)
    except (KeyError, IndexError):  # an arm or a measurement that this page's runs do not have
        return None
