"""The control of each setting of a run.

Values come from session state and stay what a link gave, also between the values that a slider offers.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from bnviz.core import registry
from bnviz.core.config import setting_schemas
from bnviz.core.messages import shown
from bnviz.core.nonlinearities import NONLINEARITIES
from bnviz.core.options import PLUGIN_FIELDS, declared_options
from bnviz.core.setting_labels import LEARNING_RATES, SMALL_LEARNING_RATES, choices_of, labels, rungs_of
from bnviz.ui.session import session
from bnviz.ui.url_state import set_value, value_of, widget_key

LINE_RANGES = {
    "1/2 to 4 × learning rate (VGG, the paper)": (0.5, 4.0, "learning_rate"),
    "0.05 to 0.4 (lecture notes)": (0.05, 0.4, "absolute"),
    "1/100 to 30 × learning rate (deep linear net)": (0.01, 30.0, "learning_rate"),
}
OWN = "own"
LIMITS = ("line_from", "line_to", "line_in")
LEFT_OUT = {"norm": ("none",)}
"""By setting, plug-ins that its menu does not offer."""
Chosen = dict[str, Any]


def draw(page: str, name: str, chosen: Chosen, width: int | None = None) -> str | None:
    """Draw the control of a setting, or of several that are one choice, and note the values in `chosen`.

    Returns a sentence if what was entered cannot be used.
    """
    if name in COMPOSED:
        return COMPOSED[name](page, chosen, width)
    chosen[name] = _widget(page, name, width)
    return None


def _widget(page: str, name: str, width: int | None, disabled: bool = False) -> Any:
    """The control that fits the setting's type."""
    if name in PLUGIN_FIELDS:
        return _plugin(page, name, width)
    if name == "activation":
        return _choice(page, name, width, {key: item.label for key, item in NONLINEARITIES.items()})
    if name == "learning_rate":
        data = registry.describe("datasets", value_of(page, "dataset")).constants
        small = SMALL_LEARNING_RATES if data.get("TARGETS") == "values" else ()
        return _slider(page, name, width, (*small, *LEARNING_RATES))
    if choices := choices_of(name):
        return _choice(page, name, width, choices, disabled=disabled)
    if rungs := rungs_of(name):
        return _slider(page, name, width, rungs)
    if setting_schemas()[name]["type"] == "boolean":
        return st.toggle(labels()[name], key=widget_key(page, name), width=width or "stretch")
    return _number(page, name, width, disabled)


def _choice(
    page: str, name: str, width: int | None, options: Mapping[str, str], help_text: str = "", disabled: bool = False
) -> str:
    chosen: str = st.selectbox(
        labels()[name],
        list(options),
        format_func=lambda option: options.get(option, option),
        key=widget_key(page, name),
        help=help_text or None,
        disabled=disabled,
        width=width or "stretch",
    )
    return chosen


def _plugin(page: str, name: str, width: int | None) -> str:
    kind, current = PLUGIN_FIELDS[name], value_of(page, name)
    offered = {key: item.label for key, item in registry.plugins(kind).items() if not item.error}
    # A link may name what the menu leaves out.
    options = {key: label for key, label in offered.items() if key == current or key not in LEFT_OUT.get(name, ())}
    return _choice(page, name, width, options, registry.describe(kind, current).help)


def _slider(page: str, name: str, width: int | None, rungs: tuple[float, ...]) -> Any:
    """Offers these values, and the one that a link gave."""
    key = widget_key(page, name)
    return st.select_slider(
        labels()[name],
        sorted({*rungs, st.session_state[key]}),
        key=key,
        width=width or "stretch",
        format_func=lambda value: f"{value:g}" if value < 1000 else f"{value:,.0f}".replace(",", "\u2009"),
    )


def _number(page: str, name: str, width: int | None, disabled: bool = False) -> Any:
    """A number within the setting's bounds; where a bound itself is not allowed, a thousandth above it is the least."""
    key, schema = widget_key(page, name), setting_schemas()[name]
    number = int if schema["type"] == "integer" else float
    least = number(schema["minimum"]) if "minimum" in schema else schema["exclusiveMinimum"] + 0.001
    option = declared_options().get(name)
    step = option.step if option is not None else None
    description = schema["description"]
    return st.number_input(
        labels()[name],
        key=key,
        min_value=min(least, st.session_state[key]),  # a link may name one that is smaller than the smallest
        max_value=number(schema["maximum"]),
        step=1 if number is int else step or 0.01,
        format=None if number is int else "%g",
        help=description[:1].upper() + description[1:],
        disabled=disabled,
        width=width or "stretch",
    )


def _widths(page: str, chosen: Chosen, width: int | None) -> str | None:
    key, widths, synced = f"{page}/widths", value_of(page, "widths"), session().page(page).synced
    if key not in st.session_state or synced.get("widths") != widths:  # the page opens, or its link has changed
        st.session_state[key] = ", ".join(map(str, widths))
        synced["widths"] = widths
    text = st.text_input(
        labels()["widths"],
        key=key,
        width=width or "stretch",
        help="Whole numbers with commas or blanks between: 100, 100, 100",
    )
    try:
        typed = tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError:
        return f"{labels()['widths']} must be whole numbers, such as 100, 100, 100, not {shown(text)}."
    chosen["widths"] = synced["widths"] = typed
    set_value(page, "widths", typed)
    return None


def _line_range(page: str, chosen: Chosen, width: int | None) -> None:
    """Known ranges of step lengths, or one's own; told apart by the numbers, so that a link says nothing twice."""
    key, synced = f"{page}/line range", session().page(page).synced
    current = tuple(value_of(page, name) for name in LIMITS)
    if key not in st.session_state or synced.get("line range") != current:  # the page opens, or its link has changed
        st.session_state[key] = next((label for label, limits in LINE_RANGES.items() if limits == current), OWN)
    label = st.selectbox("Step lengths along the line", [*LINE_RANGES, OWN], key=key, width=width or "stretch")
    limits = LINE_RANGES.get(label, current)
    for name, value in zip(LIMITS, limits, strict=True):
        chosen[name] = st.session_state[widget_key(page, name)] = value
    synced["line range"] = limits


def _line_limits(page: str, chosen: Chosen, width: int | None) -> None:
    """The numbers of the range, to be changed if it is one's own; drawn in any case, or Streamlit forgets them."""
    fixed = st.session_state[f"{page}/line range"] != OWN
    for name, place in zip(LIMITS, (*st.columns(2), st.container()), strict=True):
        with place:
            chosen[name] = _widget(page, name, width, disabled=fixed)


COMPOSED: Mapping[str, Callable[[str, Chosen, int | None], str | None]] = {
    "widths": _widths,
    "line_range": _line_range,
    "line_limits": _line_limits,
}
