"""The control of each setting of a run: which widget, in which words, over which values.

Values come from session state (filled by `links`) and stay what a link gave, also between the rungs of a ladder. Which
controls a page has, and where, is for `controls`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from bnviz.core import registry
from bnviz.core.config import setting_schemas
from bnviz.core.messages import shown
from bnviz.core.nonlinearities import NONLINEARITIES
from bnviz.core.options import declared_options
from bnviz.ui.links import control_key, setting, setting_key
from bnviz.ui.notes import notes

LABELS = {
    "dataset": "Data",
    "network": "Network",
    "norm": "Compared with",
    "widths": "Units in each hidden layer",
    "activation": "Nonlinearity",
    "init": "Initial weights",
    "learning_rate": "Learning rate",
    "batch_size": "Batch size",
    "steps": "Updates",
    "optimizer": "Optimiser",
    "seed": "Seed",
    "precision": "Precision",
    "probe_points": "Measured steps",
    "probe_data": "Measure on",
}
"""What the control of each field is called, also in messages; options bring labels of their own."""
LEARNING_RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SMALL_LEARNING_RATES = (1e-7, 1e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4)
"""For data whose targets are values: squared errors have gradients of any size."""
STEPS = (50, 100, 200, 400, 600, 1000, 2000, 5000, 10_000, 20_000, 50_000)
BATCH_SIZES = (2, 4, 8, 16, 32, 60, 128, 256, 512, 1000)
PROBE_POINTS = (8, 12, 24, 40, 60, 100, 200)
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}
PROBE_DATA = {"batch": "the training mini-batch (as the paper)", "fixed": "one fixed batch"}
PRECISIONS = {"float32": "single (float32)", "float64": "double (float64)", "bfloat16": "bfloat16 products (for GPUs)"}
LINE_RANGES = {
    "1/2 to 4 × learning rate (VGG, the paper)": (0.5, 4.0, "learning_rate"),
    "0.05 to 0.4 (lecture notes)": (0.05, 0.4, "absolute"),
    "1/100 to 30 × learning rate (deep linear net)": (0.01, 30.0, "learning_rate"),
}
OWN = "own"
LIMITS = ("line_from", "line_to", "line_in")

Chosen = dict[str, Any]
Control = Callable[[str, Chosen, int | None], str | None]
"""Draws over the page's setting and notes what was chosen; returns a sentence if that cannot be used."""


def draw(page: str, name: str, chosen: Chosen, width: int | None = None) -> str | None:
    """The control of one of a run's settings, or of several that are one choice; notes the values in `chosen`."""
    if name in COMPOSED:
        return COMPOSED[name](page, chosen, width)
    chosen[name] = WIDGETS[name](page, name, width)
    return None


def _choice(
    page: str,
    name: str,
    width: int | None,
    options: Mapping[str, str] | None = None,
    help_text: str | None = None,
    disabled: bool = False,
) -> str:
    options = options or declared_options()[name].choices
    chosen: str = st.selectbox(
        labels()[name],
        list(options),
        format_func=lambda choice: options.get(choice, choice),
        key=control_key(page, name),
        help=help_text,
        disabled=disabled,
        width=width or "stretch",
    )
    return chosen


def _plugin(page: str, name: str, width: int | None, kind: str, leave_out: Sequence[str] = ()) -> str:
    options = {
        key: item.label for key, item in registry.plugins(kind).items() if not item.error and key not in leave_out
    }
    current = setting(page, name)
    if current not in options:  # a link may name what the menu leaves out
        options[current] = registry.describe(kind, current).label
    return _choice(page, name, width, options, registry.describe(kind, current).help)


def _activation(page: str, name: str, width: int | None) -> str:
    return _choice(page, name, width, {key: item.label for key, item in NONLINEARITIES.items()})


def _ladder(page: str, name: str, width: int | None, rungs: Sequence[float] = ()) -> Any:
    """A slider over log-spaced values; a value from a link that lies between two of them gets a place of its own."""
    key = control_key(page, name)
    return st.select_slider(
        labels()[name],
        sorted({*(rungs or declared_options()[name].rungs), st.session_state[key]}),
        key=key,
        width=width or "stretch",
        format_func=lambda value: f"{value:g}" if value < 1000 else f"{value:,.0f}".replace(",", "\u2009"),
    )


def _learning_rate(page: str, name: str, width: int | None) -> Any:
    data = registry.describe("datasets", setting(page, "dataset")).constants
    small = SMALL_LEARNING_RATES if data.get("TARGETS") == "values" else ()
    return _ladder(page, name, width, (*small, *LEARNING_RATES))


def _number(
    page: str,
    name: str,
    width: int | None,
    step: float = 0.01,
    smallest: float = 0.0,
    disabled: bool = False,
) -> Any:
    """A number within the setting's bounds; `smallest` stands where only the bound itself is not allowed."""
    key, schema = control_key(page, name), _schema(name)
    number = int if schema["type"] == "integer" else float
    least = number(schema.get("minimum", smallest))
    return st.number_input(
        labels()[name],
        key=key,
        min_value=min(least, st.session_state[key]),  # a link may name one that is smaller than the smallest
        max_value=number(schema["maximum"]),
        step=1 if number is int else step,
        format=None if number is int else "%g",
        help=_described(name),
        disabled=disabled,
        width=width or "stretch",
    )


def _toggle(page: str, name: str, width: int | None) -> bool:
    return st.toggle(labels()[name], key=control_key(page, name), width=width or "stretch")


def _widths(page: str, chosen: Chosen, width: int | None) -> str | None:
    widths_key, text_key, noted = control_key(page, "widths"), setting_key(page, "widths text"), notes(page)
    current = ", ".join(str(width) for width in st.session_state[widths_key])
    if text_key not in st.session_state or noted.get("widths text of") != current:
        st.session_state[text_key] = noted["widths text of"] = current
    text = st.text_input(
        LABELS["widths"],
        key=text_key,
        width=width or "stretch",
        help="Whole numbers with commas or blanks between: 100, 100, 100",
    )
    try:
        chosen["widths"] = tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        return f"{LABELS['widths']} must be whole numbers, such as 100, 100, 100, not {shown(text)}."
    noted["widths text of"] = ", ".join(str(width) for width in chosen["widths"])
    st.session_state[widths_key] = chosen["widths"]
    return None


def _init(page: str, chosen: Chosen, width: int | None) -> None:
    chosen["init"] = _plugin(page, "init", width, "initialisations")
    fixed = chosen["init"] != "normal"
    chosen["init_std"] = _number(page, "init_std", width, smallest=0.001, disabled=fixed)


def _line_range(page: str, chosen: Chosen, width: int | None) -> None:
    """Known ranges of step lengths, or one's own; told apart by the numbers, so that a link says nothing twice."""
    state, key, noted = st.session_state, setting_key(page, "line range"), notes(page)
    current = tuple(setting(page, name) for name in LIMITS)
    if key not in state or noted.get("line range of") != current:  # the page opens, or its link or a number has changed
        state[key] = next((label for label, limits in LINE_RANGES.items() if limits == current), OWN)
    label = st.selectbox("Step lengths along the line", [*LINE_RANGES, OWN], key=key, width=width or "stretch")
    limits = LINE_RANGES.get(label, current)
    for name, value in zip(LIMITS, limits, strict=True):
        chosen[name] = state[control_key(page, name)] = value
    noted["line range of"] = limits


def _line_limits(page: str, chosen: Chosen, width: int | None) -> None:
    """The numbers of the range, to be changed if it is one's own; drawn in any case, or Streamlit forgets them."""
    fixed = st.session_state[setting_key(page, "line range")] != OWN
    low, high = st.columns(2)
    with low:
        chosen["line_from"] = _number(page, "line_from", width, smallest=0.001, disabled=fixed)
    with high:
        chosen["line_to"] = _number(page, "line_to", width, smallest=0.001, disabled=fixed)
    chosen["line_in"] = _choice(page, "line_in", width, disabled=fixed)


WIDGETS: Mapping[str, Callable[[str, str, int | None], Any]] = {
    "dataset": partial(_plugin, kind="datasets"),
    "network": partial(_plugin, kind="networks"),
    "norm": partial(_plugin, kind="norms", leave_out=("none",)),
    "activation": _activation,
    "learning_rate": _learning_rate,
    "batch_size": partial(_ladder, rungs=BATCH_SIZES),
    "steps": partial(_ladder, rungs=STEPS),
    "optimizer": partial(_choice, options=OPTIMIZERS),
    "binarize": _toggle,
    "seed": _number,
    "precision": partial(_choice, options=PRECISIONS),
    "probe_points": partial(_ladder, rungs=PROBE_POINTS),
    "probe_data": partial(_choice, options=PROBE_DATA),
    "noise_mean": partial(_number, step=0.1),
    "noise_scale": partial(_number, step=0.05),
    "noise_spread_mean": partial(_number, step=0.05),
    "noise_spread_scale": partial(_number, step=0.05),
    "noise_per": _choice,
    "noise_at_test": _toggle,
    "line_along": _choice,
    "line_points": _ladder,
    "sharpness_count": _number,
}
COMPOSED: Mapping[str, Control] = {
    "widths": _widths,
    "init": _init,
    "line_range": _line_range,
    "line_limits": _line_limits,
}


def labels() -> dict[str, str]:
    """What the control of every setting is called."""
    return LABELS | {name: option.label for name, option in declared_options().items()}


def _schema(name: str) -> dict[str, Any]:
    """The setting's JSON schema: type and bounds."""
    return setting_schemas()[name]


def _described(name: str) -> str:
    described = _schema(name)["description"]
    return described[:1].upper() + described[1:]
