"""Announcement: a live region that nobody sees, whose text a screen reader speaks whenever it changes."""

import streamlit as st

CSS = """
[data-testid="stElementContainer"]:has(.bnviz-announcement) {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
"""
JS = """
export default function ({ data, parentElement }) {
  const region = parentElement.querySelector(".bnviz-announcement");
  if (region.textContent !== data.text) region.textContent = data.text;
}
"""
_component = st.components.v2.component(
    "bnviz_announcement",
    html='<p class="bnviz-announcement" role="status"></p>\n',
    css=CSS,
    js=JS,
    isolate_styles=False,
)


def announce(key: str, text: str) -> None:
    """Have screen readers speak the text if it is another than before; `key` names the place in the page."""
    _component(key=f"{key}/announcement", data={"text": text})
