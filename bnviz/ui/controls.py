"""The controls of a run: a compact row of what is changed most, and the rest one click away.

Values come from session state (filled by `links`); the result is a validated RunConfig or sentences, never a traceback.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from pydantic import ValidationError

from bnviz.core import environment
from bnviz.core.config import RunConfig, sentences
from bnviz.core.record import Record
from bnviz.ui import links
from bnviz.ui.fields import draw, labels
from bnviz.ui.links import one_of, run_settings, setting_key, within
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
    "Training": ("activation", "learning_rate", "batch_size", "steps", "optimizer", "binarize", "seed"),
    "Noise": (
        "noise_mean",
        "noise_scale",
        "noise_spread_mean",
        "noise_spread_scale",
        "noise_per",
        "noise_at_test",
    ),
    "Line": ("line_range", "line_limits", "line_along", "line_points", "sharpness_count"),
    "Measuring": ("probe_data", "probe_points", "precision"),
}
"""What can be under "More"; what a page has in its row is not there again."""
MORE = ("Network", "Training", "Measuring")
SEEDS = (1, 3)


def run_controls(page: str, row: Sequence[str] = ROW, more: Sequence[str] = MORE) -> RunConfig | None:
    """Draw the controls over the page's settings, and return the configuration they describe.

    Args:
        page: names the page.
        row: settings in the compact row, by the names in `fields`; "seeds" is the page's own setting of that name.
        more: names of the groups under "More".

    Returns:
        None if it is refused; the page then says why.
    """
    chosen = run_settings(page)
    if "seeds" in row:
        one_of(page, "seeds", SEEDS)
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
    _hidden_settings(page)
    told = [problem for problem in problems if problem]
    for problem in told:
        st.error(problem)
    return None if told else _validated(chosen)


def _seeds(page: str) -> None:
    st.segmented_control(
        "Seeds",
        SEEDS,
        key=setting_key(page, "seeds"),
        required=True,
        help="With 3, every arm is trained with this seed and the two after it: thin lines, mean and interval",
    )


def _hidden_settings(page: str) -> None:
    """Name what the link sets and no control shows, with a button that puts it back."""
    hidden = links.without_control(page)
    if hidden:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{page}-hidden-settings"):
            st.markdown(
                "This link also sets: " + ", ".join(f"`{name} = {value}`" for name, value in hidden.items()),
                width="content",
            )
            st.button(
                "Reset", key=f"{page}/reset-hidden", on_click=links.reset_without_control, args=(page,), type="tertiary"
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


def layer_control(page: str, layers: int, first: int = 1) -> int:
    """Which layer, from `first` on; stays within what was recorded."""
    within(page, "layer", layers, first)
    key = setting_key(page, "layer")
    layer = st.number_input(f"Layer (of {layers})", min_value=first, max_value=layers, step=1, key=key, width=140)
    return int(layer)


def unit_controls(page: str, records: Mapping[str, Record]) -> tuple[int, int, bool]:
    """Which layer, which unit of it, and whether arms share one axis; all stay within what was recorded."""
    measured = next(iter(records.values())).data.variables["low"].values[0]  # (layer, unit), NaN where a unit is not
    layer_key, unit_key = setting_key(page, "layer"), setting_key(page, "unit")
    layers = len(measured)
    within(page, "layer", layers)
    units = int(np.isfinite(measured[int(st.session_state[layer_key]) - 1]).sum())
    within(page, "unit", units)  # what it says of a link stands above the row
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{page}-look"):
        layer = st.number_input(f"Layer (of {layers})", min_value=1, max_value=layers, step=1, key=layer_key, width=140)
        unit = st.number_input(f"Unit (of {units})", min_value=1, max_value=units, step=1, key=unit_key, width=140)
        axis_key = setting_key(page, "own_axis")
        st.session_state[axis_key] = bool(st.session_state[axis_key])
        own = st.toggle("Each arm its own axis", key=axis_key, help="Otherwise the unit's charts share one axis")
    return int(layer), int(unit), not own
