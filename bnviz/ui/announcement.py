"""Announcement: a live region that nobody sees, whose text a screen reader speaks whenever it changes.

Wraps announcement.js.
"""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
CSS = """
[data-testid="stElementContainer"]:has(.bnviz-announcement) {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
"""

_component = st.components.v2.component(
    "bnviz_announcement",
    html='<p class="bnviz-announcement" role="status"></p>\n',
    css=CSS,
    js=(HERE / "announcement.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def announce(key: str, text: str) -> None:
    """Have screen readers speak the text if it is another than before; `key` names the place in the page."""
    _component(key=f"{key}/announcement", data={"text": text})
