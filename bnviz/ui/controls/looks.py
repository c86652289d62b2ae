"""The controls that decide what of the runs is looked at: layer, unit and switches."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.ui import url_state
from bnviz.ui.page import Hidden, Layer, Page, Switch, Unit

WIDTH = 140
"""Of a number field, in pixels."""


def own_settings(page: Page, config: RunConfig) -> dict[str, Any]:
    """The page's own settings as they are now; switches as booleans, updates within the run."""
    values: dict[str, Any] = {name: url_state.value_of(page.name, name) for name in page.own_settings}
    for look in page.looks:
        if isinstance(look, Switch):
            values[look.name] = bool(values[look.name]) or look.forced(config)
        elif isinstance(look, Hidden) and values[look.name]:
            values[look.name] = url_state.limit(page.name, look.name, config.steps)
    return values


def draw_looks(page: Page, config: RunConfig, records: Mapping[str, Record]) -> dict[str, Any]:
    """Draw the controls in one row and return the page's own settings; numbers stay within what was recorded."""
    values = own_settings(page, config)
    record = next(iter(records.values()))
    visible = [look for look in page.looks if not isinstance(look, Hidden)]
    if not visible:
        return values
    largest: dict[str, int] = {}
    for look in visible:  # what it says of a link stands above the row
        if isinstance(look, Layer):
            largest[look.name] = record.data.sizes[look.dimension]
            values[look.name] = url_state.limit(page.name, look.name, largest[look.name], look.first)
        elif isinstance(look, Unit):
            largest[look.name] = _units(record, values["layer"])
            values[look.name] = url_state.limit(page.name, look.name, largest[look.name])
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{page.name}-look"):
        for look in visible:
            if isinstance(look, Switch):
                values[look.name] = _switch(page.name, look, look.forced(config))
            else:
                first = look.first if isinstance(look, Layer) else 1
                values[look.name] = _number(page.name, look.name, first, largest[look.name])
    return values


def _number(page: str, name: str, first: int, last: int) -> int:
    key = url_state.widget_key(page, name)
    label = f"{name.capitalize()} (of {last})"
    return int(st.number_input(label, min_value=first, max_value=last, step=1, key=key, width=WIDTH))


def _switch(page: str, switch: Switch, forced: bool) -> bool:
    if forced:
        return st.toggle(switch.label, value=True, disabled=True, key=f"{page}/{switch.name}", help=switch.help)
    key = url_state.widget_key(page, switch.name)
    st.session_state[key] = bool(st.session_state[key])
    return st.toggle(switch.label, key=key, help=switch.help)


def _units(record: Record, layer: int) -> int:
    """How many units of a layer were recorded; in a narrower layer than the widest, the rest is NaN."""
    return int(np.isfinite(record.data.variables["low"].values[0][layer - 1]).sum())
