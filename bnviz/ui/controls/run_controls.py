"""The controls of a run: a compact row of what is changed most, and the rest one click away.

Values come from session state; the result is a validated RunConfig or sentences, never a traceback.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from bnviz.core import environment, registry
from bnviz.core.config import RunConfig, sentences
from bnviz.core.options import PLUGIN_FIELDS, plugin_options
from bnviz.core.setting_labels import labels
from bnviz.ui import url_state
from bnviz.ui.controls.widgets import draw
from bnviz.ui.status import duration

LONG_SECONDS = 20.0
"""A run that is estimated to take longer than this on one core is announced as such."""

WIDTH = {
    "dataset": 150,
    "activation": 135,
    "norm": 160,
    "learning_rate": 185,
    "steps": 170,
    "batch_size": 170,
    "line_range": 195,
}
"""In pixels, of a control in the row."""
OTHER_WIDTH = 190

ROW = ("dataset", "activation", "norm", "learning_rate", "seeds")
GROUPS: Mapping[str, Sequence[str]] = {
    "Network": ("network", "widths", "init"),
    "Training": ("activation", "learning_rate", "batch_size", "steps", "optimizer", "seed"),
    "Line": ("line_range", "line_limits", "line_along", "line_points", "sharpness_count"),
    "Measuring": ("probe_data", "probe_points", "precision"),
}
"""What can be under "More"; what a page has in its row is not there again."""
MORE = ("Network", "Training", "Measuring")
SEEDS = (1, 3)
Changes = Mapping[str, Any]


def run_controls(
    page: str, row: Sequence[str] = ROW, more: Sequence[str] = MORE, arms: Sequence[Changes] = ()
) -> RunConfig | None:
    """Draw the controls over the page's settings, and return the configuration they describe.

    Args:
        page: names the page.
        row: settings in the compact row; "seeds" is the page's own setting of that name.
        more: names of the groups under "More"; options of the chosen plug-ins follow by themselves.
        arms: what each arm changes: its plug-ins' options have controls, too.

    Returns:
        None if it is refused; the page then says why.
    """
    chosen = url_state.run_settings(page)
    if "seeds" in row:
        url_state.allow_only(page, "seeds", SEEDS)
    problems = []
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{page}-controls"):
        for name in row:
            if name == "seeds":
                _seeds(page)
            else:
                problems.append(draw(page, name, chosen, WIDTH.get(name, OTHER_WIDTH)))
        with st.popover("More", width=85):
            for group in more:
                st.markdown(f"**{group}**")
                problems += [draw(page, name, chosen) for name in GROUPS[group] if name not in row]
            for label, names in _plugin_options(chosen, arms).items():
                st.markdown(f"**{label}**")
                problems += [draw(page, name, chosen) for name in names]
    _hidden_settings(page)
    told = [problem for problem in problems if problem]
    for problem in told:
        st.error(problem)
    return None if told else _validated(chosen)


def _plugin_options(chosen: Changes, arms: Sequence[Changes]) -> dict[str, list[str]]:
    """By the plug-in's label, the options of the chosen plug-ins; probes' options are in the groups of their pages."""
    found: dict[str, list[str]] = {}
    listed: set[str] = set()
    for setting in ("dataset", "network", "init", "norm"):
        for plugin in dict.fromkeys([chosen[setting], *(changes.get(setting, chosen[setting]) for changes in arms)]):
            names = [name for name in plugin_options(PLUGIN_FIELDS[setting], plugin) if name not in listed]
            if names:
                found[registry.describe(PLUGIN_FIELDS[setting], plugin).label] = names
                listed.update(names)
    return found


def _seeds(page: str) -> None:
    st.segmented_control(
        "Seeds",
        SEEDS,
        key=url_state.widget_key(page, "seeds"),
        required=True,
        help="With 3, every arm is trained with this seed and the two after it: thin lines, mean and interval",
    )


def _hidden_settings(page: str) -> None:
    """Name what the link sets and no control shows, with a button that puts it back."""
    hidden = url_state.hidden_settings(page)
    if hidden:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{page}-hidden-settings"):
            st.markdown(
                "This link also sets: " + ", ".join(f"`{name} = {value}`" for name, value in hidden.items()),
                width="content",
            )
            st.button(
                "Reset",
                key=f"{page}/reset-hidden",
                on_click=url_state.reset_hidden_settings,
                args=(page,),
                type="tertiary",
            )


def _validated(chosen: dict[str, Any]) -> RunConfig | None:
    try:
        config = RunConfig.model_validate(chosen)
    except ValidationError as error:
        for sentence in sentences(error, names=labels()):
            st.error(sentence)
        return None
    longest = environment.seconds("BNVIZ_LONGEST_SECONDS")
    if config.estimated_seconds > longest:
        st.error(
            f"This run would take about {duration(config.estimated_seconds)} for each arm, and the app stops at "
            f"{duration(longest)}. Choose fewer updates, a smaller batch or narrower layers; the command line, "
            "python -m bnviz run, has no limit."
        )
        return None
    if config.estimated_seconds > LONG_SECONDS:
        st.caption(f"This takes about {duration(config.estimated_seconds)} for each arm; Stop keeps what was measured.")
    return config
