"""A page that Streamlit runs without the router hands over to it, once."""

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest


@pytest.fixture(autouse=True)
def as_found(monkeypatch):
    monkeypatch.setattr(PagesManager, "uses_pages_directory", True)


def page():
    import streamlit as st
    from streamlit.runtime.pages_manager import PagesManager

    from bnviz.ui.router_guard import require_router

    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    if st.session_state["runs"] == 1:
        PagesManager.uses_pages_directory = True  # as on a server that has not run its router yet
    require_router()
    st.title("The page")


def test_a_page_run_without_the_router_is_run_again_once_with_the_habit_off():
    at = AppTest.from_function(page).run()
    assert not at.exception
    assert at.title[0].value == "The page"
    assert at.session_state["runs"] == 2
    assert PagesManager.uses_pages_directory is False
    at.run()
    assert at.session_state["runs"] == 3


def test_a_page_that_the_router_runs_is_run_once():
    def routed():
        import streamlit as st

        from bnviz.ui.router_guard import mark_routed, require_router

        mark_routed()
        st.session_state["runs"] = st.session_state.get("runs", 0) + 1
        require_router()

    at = AppTest.from_function(routed).run()
    assert at.session_state["runs"] == 1
