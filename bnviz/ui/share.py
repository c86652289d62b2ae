"""Sharing: a page's title, and beside it the link to what the page shows now.

It knows addresses and queries; not what a page's settings mean, nor whether anybody has trained them yet.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from bnviz.ui.session import session

FRONT_PAGE = "overview"
"""The page whose address is the app's own."""
WHAT_IT_HOLDS = (
    "The link holds every setting, the seed included: whoever opens it sees the same numbers, from what is kept, or "
    "trained once for all who ask."
)


def page_header(page: str, question: str, holds: str = "") -> None:
    """The page's title, a question, with the button that shares the page at its right."""
    with st.container(horizontal=True, wrap=False, key=f"{page}-title"):
        st.title(question, width="stretch")
        with st.container(width="content"):  # what a fragment draws by itself would take half of the row
            share(page, holds)


@st.fragment
def share(page: str, holds: str = "") -> None:
    """A button that opens to the page's link and a sentence on what the link holds.

    What is in it is made when it is opened: controls drawn after it change the link without drawing it again.
    """
    popover = st.popover("Share", icon=":material/share:", key=f"{page}/share", on_change="rerun")
    if popover.open:
        query = session().page(page).query
        with popover:
            st.code(address(app_address(page), page, query), language=None, wrap_lines=True, width=360)
            st.caption(holds or WHAT_IT_HOLDS, width=360)


def app_address(page: str) -> str:
    """Where the visitor's browser finds the app, as seen from `page`; empty if no browser said so.

    Behind a proxy that serves the app below a path, the path is part of it.
    """
    return (st.context.url or "").removesuffix("/").removesuffix(f"/{page}")


def address(app: str, page: str, query: Mapping[str, str]) -> str:
    """The link to a page of the app, as it is set by a query."""
    path = app if page == FRONT_PAGE else f"{app}/{page}"
    return f"{path or '/'}?{urlencode(query, safe=',')}" if query else path or "/"
