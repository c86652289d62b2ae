"""Notes: what the app remembers of a session, page by page, beside what controls hold.

All of it is one entry of Streamlit's session state: there, a menu or a number field copies every entry to look up one.
What is noted, and by whom, is not known here.
"""

from typing import Any

import streamlit as st

ENTRY = "bnviz/notes"


def notes(of: str) -> dict[str, Any]:
    """The session's own notes of a page, or of a part of one, to read and to write; empty at first."""
    everything: dict[str, dict[str, Any]] = st.session_state.setdefault(ENTRY, {})
    return everything.setdefault(of, {})
