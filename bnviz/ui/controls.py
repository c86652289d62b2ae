"""The controls of a run: a compact row of what is changed most, and the rest one click away.

Values come from session state (filled by `links`); the result is a validated RunConfig or sentences, never a traceback.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from bnviz import registry
from bnviz.config import RunConfig, sentences
from bnviz.nonlinearities import NONLINEARITIES
from bnviz.record import Record
from bnviz.ui.links import setting_key, within

LONGEST_SECONDS = 600.0
"""A run that is estimated to take longer than this on one core is refused in the app; the command line has no limit."""

LEARNING_RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
STEPS = (50, 100, 200, 400, 600, 1000, 2000, 5000, 10_000, 20_000, 50_000)
BATCH_SIZES = (2, 4, 8, 16, 32, 60, 128, 256, 512)
INITS = {"normal": "Normal, std of your choice", "xavier": "Xavier (Glorot) normal", "he": "He normal"}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}
PROBE_DATA = {"batch": "the training mini-batch (as the paper)", "fixed": "one fixed batch"}


def run_controls(page: str) -> RunConfig | None:
    """Draw the controls over the page's settings, and return the configuration they describe.

    None if it is refused; the page then says why.
    """
    chosen = {name: st.session_state[setting_key(page, name)] for name in RunConfig.model_fields}
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{page}-controls"):
        chosen["dataset"] = _plugin(page, "datasets", "dataset", "Data", 150)
        chosen["activation"] = _choice(page, "activation", "Nonlinearity", _labels(), 135)
        chosen["norm"] = _plugin(page, "norms", "norm", "Compared with", 160, leave_out=("none",))
        chosen["learning_rate"] = _ladder(page, "learning_rate", "Learning rate", LEARNING_RATES, 185)
        with st.popover("More", width=100):
            problem = _more(page, chosen)
    if problem:
        st.error(problem)
        return None
    return _validated(chosen)


def _more(page: str, chosen: dict[str, Any]) -> str | None:
    chosen["network"] = _plugin(page, "networks", "network", "Network")
    widths_key, text_key = setting_key(page, "widths"), setting_key(page, "widths text")
    current = ", ".join(str(width) for width in st.session_state[widths_key])
    if text_key not in st.session_state or st.session_state.get(f"{text_key} of") != current:
        st.session_state[text_key] = st.session_state[f"{text_key} of"] = current
    text = st.text_input("Units in each hidden layer", key=text_key, help="Whole numbers with commas: 100, 100, 100")
    chosen["init"] = _choice(page, "init", "Initial weights", INITS)
    fixed_std = chosen["init"] != "normal"
    key = setting_key(page, "init_std")
    chosen["init_std"] = st.number_input(
        "Standard deviation of the initial weights",
        key=key,
        min_value=min(0.001, st.session_state[key]),  # a link may name a smaller one
        max_value=10.0,
        step=0.01,
        format="%g",
        disabled=fixed_std,
    )
    chosen["batch_size"] = _ladder(page, "batch_size", "Batch size", BATCH_SIZES)
    chosen["steps"] = _ladder(page, "steps", "Updates", STEPS)
    chosen["optimizer"] = _choice(page, "optimizer", "Optimiser", OPTIMIZERS)
    chosen["probe_data"] = _choice(page, "probe_data", "Measure the distributions on", PROBE_DATA)
    chosen["binarize"] = st.toggle("Black-and-white images (as the paper)", key=setting_key(page, "binarize"))
    chosen["seed"] = st.number_input(
        "Seed",
        key=setting_key(page, "seed"),
        min_value=0,
        max_value=2**31 - 1,
        step=1,
        help="Decides initial weights, order of the data and noise, in all arms alike",
    )
    try:
        chosen["widths"] = tuple(int(part) for part in text.replace(" ", "").split(","))
    except ValueError:
        return f"Units in each hidden layer: {text[:40]!r} was given; whole numbers with commas are needed: 100, 100."
    st.session_state[f"{text_key} of"] = ", ".join(str(width) for width in chosen["widths"])
    st.session_state[widths_key] = chosen["widths"]
    return None


def _validated(chosen: dict[str, Any]) -> RunConfig | None:
    try:
        config = RunConfig.model_validate(chosen)
    except ValidationError as error:
        for sentence in sentences(error):
            st.error(sentence)
        return None
    if config.estimated_seconds > LONGEST_SECONDS:
        st.error(
            f"This run would take about {config.estimated_seconds / 60:.0f} minutes for each arm, and the app stops at "
            f"{LONGEST_SECONDS / 60:.0f}. Choose fewer updates, a smaller batch or narrower layers; the command line, "
            "python -m bnviz run, has no limit."
        )
        return None
    return config


def _labels() -> dict[str, str]:
    return {name: item.label for name, item in NONLINEARITIES.items()}


def _plugin(
    page: str, kind: str, name: str, label: str, width: int | None = None, leave_out: Sequence[str] = ()
) -> str:
    options = {
        key: item.label for key, item in registry.plugins(kind).items() if not item.error and key not in leave_out
    }
    current = st.session_state[setting_key(page, name)]
    if current not in options:  # a link may name what the menu leaves out
        options[current] = registry.describe(kind, current).label
    return _choice(page, name, label, options, width, registry.describe(kind, current).help)


def _choice(
    page: str, name: str, label: str, options: dict[str, str], width: int | None = None, help_text: str | None = None
) -> str:
    chosen: str = st.selectbox(
        label,
        list(options),
        format_func=lambda option: options.get(option, option),
        key=setting_key(page, name),
        help=help_text,
        width=width or "stretch",
    )
    return chosen


def _ladder(page: str, name: str, label: str, rungs: Sequence[float], width: int | None = None) -> Any:
    """A slider over log-spaced values; a value from a link that lies between two of them gets a place of its own."""
    key = setting_key(page, name)
    options = sorted({*rungs, st.session_state[key]})
    return st.select_slider(
        label,
        options,
        key=key,
        width=width or "stretch",
        format_func=lambda value: f"{value:g}" if value < 1000 else f"{value:,.0f}".replace(",", "\u2009"),
    )


def unit_controls(page: str, records: Mapping[str, Record]) -> tuple[int, int, bool]:
    """Which layer, which unit of it, and whether arms share one axis; all stay within what was recorded."""
    measured = next(iter(records.values())).data["low"].isel(probe_step=0)
    layer_key, unit_key = setting_key(page, "layer"), setting_key(page, "unit")
    layers = measured.sizes["layer"]
    within(page, "layer", layers)
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{page}-look"):
        layer = st.number_input(f"Layer (of {layers})", min_value=1, max_value=layers, step=1, key=layer_key, width=140)
        units = int(measured.sel(layer=layer).notnull().sum())
        within(page, "unit", units)
        unit = st.number_input(f"Unit (of {units})", min_value=1, max_value=units, step=1, key=unit_key, width=140)
        axis_key = setting_key(page, "own_axis")
        st.session_state[axis_key] = bool(st.session_state[axis_key])
        own = st.toggle("Each arm its own axis", key=axis_key, help="Otherwise the unit's charts share one axis")
    return int(layer), int(unit), not own
