"""Hand over to the router when a deep link reaches a freshly started server before its front page does.

Streamlit lists and runs the files of pages/ by itself until st.navigation was called once in the server's life.
"""

import threading

import streamlit as st

from bnviz.ui.session import session


def mark_routed() -> None:
    """Note that the router runs this session's pages; to be called by app.py."""
    session().routed = True


def require_router() -> None:
    """Run the router instead if Streamlit ran this page without it; to be called first by each page."""
    if session().routed is None:
        session().routed = False  # asked once: a page that is itself the main script has no router
        # Called outside a session, st.navigation only ends the discovery of pages/; here it would lose the link's page.
        ending = threading.Thread(target=st.navigation, args=([_no_page],))
        ending.start()
        ending.join()
        st.rerun()


def _no_page() -> None:
    """Stands for a page, as st.navigation needs one."""
