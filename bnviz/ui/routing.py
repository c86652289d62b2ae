"""A deep link that reaches a freshly started server before its front page does.

Streamlit 1.67 lists and runs the files of pages/ by itself until the router (app.py) has called st.navigation once in
the server's life. A page that finds itself run that way hands over to the router. Knows nothing else of pages.
"""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

ROUTED = "bnviz.routed"


def mark_routed() -> None:
    """Called by the router: this session's pages are run by it."""
    st.session_state[ROUTED] = True


def require_router() -> None:
    """Called by a page: if Streamlit ran it without the router, switch that habit off and run the router instead."""
    if ROUTED not in st.session_state:
        st.session_state[ROUTED] = False  # asked once: a page that is itself the main script has no router
        PagesManager.uses_pages_directory = False  # what st.navigation does; calling it here would lose the link's page
        st.rerun()
