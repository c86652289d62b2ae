"""The verdict box: what the runs on screen say of each claim of an experiment, beside what the stored runs say."""

from collections.abc import Mapping, Sequence

import streamlit as st

from bnviz.core.record import Record
from bnviz.experiments import FEWEST_SEEDS
from bnviz.experiments.verdicts import texts
from bnviz.experiments.verdicts.of_runs import judge_runs
from bnviz.figures.phase_curve import phase_curve
from bnviz.records.gallery import findings
from bnviz.ui.prose import READING_WIDTH
from bnviz.ui.render_cache import cached

DRAW = """
export default ({ data, parentElement }) =>
  parentElement.replaceChildren(...new DOMParser().parseFromString(data, "text/html").body.children)
"""
_picture = st.components.v2.component("bnviz_picture", js=DRAW, isolate_styles=False)  # st.html leaves SVG out
HOW_JUDGED = (
    "One run can lie on either side of what many say; three seeds show how far they differ. Statistic and rule of each "
    "claim were declared before the runs. A verdict needs two 95 % intervals over seeds that agree, of the mean "
    f"(Student's t) and of the median (ranks), and at least {FEWEST_SEEDS} seeds: "
    "`python -m bnviz experiment {name} --seeds 10 --sweep`. A curve is the statistic over the updates, with the bound "
    "as a dashed line; start, middle and last half are shaded in turn; in each of them every update weighs the same."
)


def verdict_box(
    name: str, repeats: Mapping[str, Sequence[Record]], live: bool = False, title: str = "The verdict"
) -> None:
    """Draw the verdict on each claim of an experiment that the runs have the arms and measurements for.

    With too few seeds there is an interval at most, not a verdict. While runs go on, nothing is judged.
    """
    if live:
        st.caption("The verdict follows when the runs have ended.")
        return
    claims = cached(f"{name}/verdict", repeats, lambda: _described(name, repeats))
    if not claims:
        return
    with st.container(border=True, key=f"verdict-{name}", width=READING_WIDTH):
        st.header(title, anchor=False)
        for place, (markdown, curve) in enumerate(claims):
            st.markdown(markdown)
            if curve:
                _picture(data=curve, key=f"curve/{name}/{place}")
        if any(record.outcome == "diverged" for several in repeats.values() for record in several):
            st.caption(f"A run diverged. {texts.divergence_rules(name)}")
        st.caption(HOW_JUDGED.format(name=name))


def _described(name: str, repeats: Mapping[str, Sequence[Record]]) -> list[tuple[str, str]]:
    """Each claim's verdict in markdown, and its statistic over the updates as SVG, if it is about time."""
    updates = max(record.config.steps for several in repeats.values() for record in several)
    return [
        (verdict.markdown, phase_curve(verdict.result.first, verdict.claim.conditions[0].ratio, updates))
        for verdict in judge_runs(name, repeats, findings.read().findings)
    ]
