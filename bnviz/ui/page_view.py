"""Draw a declared page."""

import streamlit as st

from bnviz.core import registry
from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig
from bnviz.ui import url_state
from bnviz.ui.board import board
from bnviz.ui.controls.run_controls import run_controls
from bnviz.ui.live import live_view, sections_of
from bnviz.ui.page import Page
from bnviz.ui.prose import link_problems, text, try_next
from bnviz.ui.router_guard import require_router
from bnviz.ui.session import session
from bnviz.ui.share import page_header


def show(page: Page) -> None:
    """Draw the page: title, controls, charts, verdicts and prose; the only call of a page's file."""
    require_router()
    if page.controls or page.inputs:
        url_state.open_page(page.name, page.defaults, page.own_settings)
    page_header(page.name, page.question, page.shares)
    text(page.prose.introduction)
    link_problems(session().page(page.name).problems)
    if page.compute is not None:
        _calculator(page)
    elif page.opens_with is not None:
        _comparison(page)
    text(page.prose.background)
    for formula in page.prose.formulas:
        st.latex(formula)
    text(page.prose.symbols)
    if page.shows_source_of:
        probe_source(*page.shows_source_of)
    if page.suggestions:
        try_next(page.name, page.suggestions)
    for part in page.content:
        part()


def _comparison(page: Page) -> None:
    """The controls, and the runs that they describe."""
    assert page.opens_with is not None
    config: RunConfig | None = page.opens_with.base
    if page.controls:
        changes = () if page.arms else tuple(page.opens_with.arms.values())
        config = run_controls(page.name, page.controls, page.more, changes)
    if config is not None:
        arms = page.arms(config) if page.arms else page.opens_with.arms
        live_view(page, config, Comparison(config, arms).configs())


def _calculator(page: Page) -> None:
    """The inputs, and the charts of what follows from them at once."""
    assert page.compute is not None
    values = {}
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{page.name}-inputs"):
        for item in page.inputs:
            values[item.name] = st.number_input(
                item.label,
                min_value=item.least,
                max_value=item.most,
                value=item.default,
                step=item.step,
                key=f"{page.name}/{item.name}",
                help=item.help or None,
                width=190,
            )
    results = page.compute(**values)
    board(page.name, sections_of(page, {"records": {}, "repeats": {}, **page.constants, **values, **results}), {})


@st.fragment
def probe_source(*names: str) -> None:
    """The probes' own files, as they ran; read when the box is opened."""
    box = st.expander("The code that measured this", icon=":material/code:", key="probe-source", on_change="rerun")
    if not box.open:
        return
    with box:
        places = st.tabs([f"{name}.py" for name in names]) if len(names) > 1 else [st.container()]
        for name, place in zip(names, places, strict=True):
            place.caption(f"bnviz/probes/{name}.py, as it ran")
            place.code(registry.source("probes", name), language="python", line_numbers=True)
