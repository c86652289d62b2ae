"""Verdicts on screen: the box that judges the runs of a page, and the scoreboard of all claims.

Numbers come from records (`bnviz.experiments`) or from the stored findings (`bnviz.gallery.findings`); nothing is
judged here, and no verdict is written in prose.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from bnviz import experiments, registry
from bnviz.config import RunConfig
from bnviz.experiments import DEFAULT_SETTING, Claim, Experiment, Finding, Verdict
from bnviz.figures.style import digits, two_digits
from bnviz.gallery import findings as stored
from bnviz.presets import DEFAULTS
from bnviz.record import Record
from bnviz.ui.drawn import drawing
from bnviz.ui.prose import READING_WIDTH, text
from bnviz.ui.shown import Shown

ROUNDING = 1e-5
"""A mean that is so much smaller than its interval is what float32 left of 0."""
SMALL = 1e-4
"""Bounds that are smaller are told as powers of ten; others as they are, for rounded they would be other bounds."""
BADGES: Mapping[Verdict, str] = {
    "supported": ":green-badge[:material/check: supported]",
    "contradicted": ":orange-badge[:material/close: contradicted]",
    "inconclusive": ":gray-badge[:material/question_mark: inconclusive]",
}


def verdict_box(name: str, shown: Shown, title: str = "The verdict") -> None:
    """What the runs on screen say of each claim of an experiment, beside what the stored runs say.

    Claims about arms or measurements that are not there are left out; with fewer than 5 seeds there is an interval at
    most, not a verdict. While runs go on, nothing is judged.
    """
    if shown.live:
        st.caption("The verdict follows when the runs have ended.")
        return
    rows: list[str] = drawing(f"{name}/verdict", (shown.repeats,)).made(partial(_told, name, shown.repeats))
    if not rows:
        return
    with st.container(border=True, key=f"verdict-{name}", width=READING_WIDTH):
        st.markdown(f"**{title}**")
        st.markdown("\n\n".join(rows))
        if any(record.outcome == "stopped" for several in shown.repeats.values() for record in several):
            st.caption("Runs were stopped; they are judged as far as they went.")
        st.caption(
            "One run can lie on either side of what many say; three seeds show how far they differ. Statistic and rule "
            "of each claim were declared before the runs. The interval is the 95 % t-interval of the paired difference "
            "(or ratio) over seeds; a verdict needs 5 of them: "
            f"`python -m bnviz experiment {name} --seeds 5 --sweep`."
        )


def _told(name: str, repeats: Mapping[str, Sequence[Record]]) -> list[str]:
    """Markdown: a paragraph for each claim that these runs can be judged by."""
    chosen = experiments.load(name)
    kept = {one.claim: one for one in stored.read().of(name, DEFAULT_SETTING, chosen.datasets[0])}
    rows = []
    for claim in chosen.claims:
        here = _judged(name, claim, repeats)
        if here is None:
            continue
        lines = [
            f"{badge(here)} {claim.statement} *({claim.source})*",
            f"{_first_upper(claim.measured)}. On screen: **{numbers(here)}**, asked for: {asked(here, claim)}.",
        ]
        if claim.name in kept:
            lines.append(f"{badge(kept[claim.name])} Stored runs, as the page opens: {numbers(kept[claim.name])}.")
        if flips := flipped(name, claim.name):
            lines.append(f"Otherwise in {'; '.join(flips)}.")
        rows.append("  \n".join(lines))
    return rows


def scoreboard() -> None:
    """Every claim: what was said, what the stored runs say, and where to look."""
    kept = stored.read()
    found = _shown_here(kept.findings)
    own = [one for one in found if one.setting == DEFAULT_SETTING]
    if not own:
        st.info("No findings are stored; `python -m bnviz gallery build` makes them.", icon=":material/inventory_2:")
        return
    counted = Counter(one.verdict for one in own)
    summary = ", ".join(f"{counted[verdict]} {verdict}" for verdict in BADGES)
    text(
        f"{len(own)} claims, each tested with {len(own[0].seeds)} seeds on {kept.date}: **{summary}** with the "
        f"settings the pages open with. In other settings {len(_flips(found))} of them come out otherwise."
    )
    for name, chosen in _as_the_pages_come().items():
        ours = [one for one in own if one.experiment == name]
        if ours:
            _table(name, chosen, ours)


def _as_the_pages_come() -> dict[str, Experiment]:
    """All experiments, in the order of the pages that show them."""
    pages = list(DEFAULTS)
    found = {name: experiments.load(name) for name in registry.names("experiments")}
    return dict(sorted(found.items(), key=lambda item: (pages.index(item[1].page), item[1].page_order, item[0])))


def badge(finding: Finding) -> str:
    """The verdict with a sign and a colour; with too few seeds, only on which side of the rule they are."""
    if not finding.provisional:
        return BADGES[finding.verdict]
    seeds = f"{len(finding.seeds)} seeds" if len(finding.seeds) > 1 else "one seed"
    if not math.isfinite(finding.mean):
        return f":gray-badge[:material/question_mark: undefined, {seeds}]"
    agrees = {
        "above": finding.mean > finding.bound,
        "below": finding.mean < finding.bound,
        "within": _smallest(finding) < finding.mean < finding.bound,
    }[finding.kind]
    colour, sign, word = ("green", "check", "agrees") if agrees else ("orange", "close", "disagrees")
    return f":{colour}-badge[:material/{sign}: {word}, {seeds}]"


def _smallest(finding: Finding) -> float:
    """The lower bound of a rule `within`: of a ratio, whose bound is a factor, the inverse."""
    claim = next(one for one in experiments.load(finding.experiment).claims if one.name == finding.claim)
    return 1 / finding.bound if claim.ratio else -finding.bound


def numbers(finding: Finding) -> str:
    """The mean, and the interval where there is one: 0.131 (0.104 to 0.152, 5 seeds)."""
    seeds = f"{len(finding.seeds)} seeds" if len(finding.seeds) > 1 else "one seed"
    if not math.isfinite(finding.mean):
        return f"undefined ({seeds})"
    width = finding.high - finding.low
    mean = digits(0.0 if abs(finding.mean) < ROUNDING * width else finding.mean, 3)
    if not math.isfinite(finding.low):
        return f"{mean} ({seeds})"
    return f"{mean} ({digits(finding.low, 3)} to {digits(finding.high, 3)}, {seeds})"


def asked(finding: Finding, claim: Claim) -> str:
    """What the interval has to keep to."""
    if finding.kind != "within":
        small = 0 < abs(finding.bound) < SMALL
        return f"{finding.kind} {two_digits(finding.bound) if small else f'{finding.bound:.3g}'}"
    return f"within a factor of {finding.bound:.3g}" if claim.ratio else f"within ±{finding.bound:g}"


def flipped(name: str, claim: str) -> list[str]:
    """Links to the settings in which the stored verdict is another than by default, each with that verdict."""
    chosen = experiments.load(name)
    found = [one for one in stored.read().of(name, dataset=chosen.datasets[0]) if one.claim == claim]
    usual = next((one.verdict for one in found if one.setting == DEFAULT_SETTING), None)
    others = [one for one in found if one.setting in chosen.settings and usual not in (None, one.verdict)]
    return [f"{_linked(chosen, one.setting)}: {one.verdict}, {numbers(one)}" for one in others]


def link(chosen: Experiment, setting: str = DEFAULT_SETTING, dataset: str | None = None) -> str:
    """The address of the experiment's page in one of its settings, as far as the page has settings for it."""
    usual = DEFAULTS[chosen.page]
    if not _follows(chosen):
        return f"/{chosen.page}"
    changes = {} if setting == DEFAULT_SETTING else dict(chosen.settings[setting])
    own = {"norm": usual.norm, "probes": usual.probes, "dataset": dataset or chosen.datasets[0]}
    query = RunConfig.model_validate(chosen.base.model_dump() | changes | own).to_query(usual)
    return f"/{chosen.page}" + (f"?{urlencode(query, safe=',')}" if query else "")


def _linked(chosen: Experiment, setting: str) -> str:
    """The setting's name, as a link if the page can show it."""
    return f"[{setting}]({link(chosen, setting)})" if _follows(chosen) else setting


def _follows(chosen: Experiment) -> bool:
    """Whether the page's controls are for what the experiment measures; if not, the page shows runs of its own."""
    probes = set(chosen.base.probes)
    return not probes or not probes.isdisjoint(DEFAULTS[chosen.page].probes)


def _judged(name: str, claim: Claim, repeats: Mapping[str, Sequence[Record]]) -> Finding | None:
    seeds = [record.config.seed for record in next(iter(repeats.values()))]
    by_seed = {seed: {arm: own[place] for arm, own in repeats.items()} for place, seed in enumerate(seeds)}
    try:
        return experiments.judge(name, claim, by_seed)
    except (KeyError, IndexError):  # an arm or a measurement that this page's runs do not have
        return None


def _shown_here(found: Sequence[Finding]) -> list[Finding]:
    """Those of claims and settings that there are still, each on the data set that its experiment is shown with."""
    known = {
        (name, claim.name, setting, chosen.datasets[0])
        for name, chosen in ((name, experiments.load(name)) for name in registry.names("experiments"))
        for claim in chosen.claims
        for setting in (DEFAULT_SETTING, *chosen.settings)
    }
    return [one for one in found if (one.experiment, one.claim, one.setting, one.dataset) in known]


def _flips(found: Sequence[Finding]) -> set[tuple[str, str]]:
    usual = {(one.experiment, one.claim): one.verdict for one in found if one.setting == DEFAULT_SETTING}
    return {
        (one.experiment, one.claim)
        for one in found
        if usual.get((one.experiment, one.claim), one.verdict) != one.verdict
    }


def _table(name: str, chosen: Experiment, found: Sequence[Finding]) -> None:
    claims = {claim.name: claim for claim in chosen.claims}
    st.markdown(f"**[{registry.describe('experiments', name).label}]({link(chosen)})** · {chosen.source}")
    on_mnist = {one.claim: one for one in stored.read().of(name, DEFAULT_SETTING, "mnist")}
    rows = []
    for one in found:
        claim = claims[one.claim]
        said = f"{_first_upper(claim.measured)}: **{numbers(one)}**, asked for: {asked(one, claim)}"
        elsewhere = flipped(name, one.claim)
        if one.claim in on_mnist and on_mnist[one.claim].verdict != one.verdict:
            other = on_mnist[one.claim]
            elsewhere.append(f"[MNIST]({link(chosen, dataset='mnist')}): {other.verdict}, {numbers(other)}")
        rows.append(
            {
                "Verdict": badge(one),
                "What is claimed, and by whom": f"{claim.statement} *{claim.source}*",
                "What our runs say": said,
                "Otherwise in": "; ".join(elsewhere) or "–",
            }
        )
    st.table(pd.DataFrame(rows).set_index("Verdict"))


def _first_upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
