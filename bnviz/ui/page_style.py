"""Page style: the style sheet of all pages, for what Streamlit draws itself. Charts bring their own."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "bnviz_page_style",
    html='<span class="bnviz-page-style"></span>\n',
    css=(Path(__file__).parent / "page_style.css").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def page_style() -> None:
    """Apply the style sheet; to be called on every run, before the page draws anything."""
    _component(key="page style")
