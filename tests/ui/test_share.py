"""The share button: the link it shows, on a page that Streamlit really runs, and the address it is made of."""

from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from bnviz.ui.share import WHAT_IT_HOLDS, address, app_address


def page():

    from bnviz.ui.session import session
    from bnviz.ui.share import page_header

    page_header("theory", "Is it so?")
    session().page("theory").query = {"lr": "0.5", "widths": "10,10"}  # as url_state.save does, after the title


@pytest.fixture
def in_browser(monkeypatch):
    """A browser that has the app at an address."""

    def at(url: str | None) -> None:
        monkeypatch.setattr(st, "context", SimpleNamespace(url=url))

    return at


def test_nothing_is_made_until_it_is_opened_and_then_the_link_is_the_pages_latest(in_browser):
    in_browser("https://example.org/theory")
    at = AppTest.from_function(page).run()
    assert at.title[0].value == "Is it so?"
    assert not at.code
    at.session_state["theory/share"] = True  # a popover's value is whether it is open
    at.run()
    assert not at.exception
    assert [code.value for code in at.code] == ["https://example.org/theory?lr=0.5&widths=10,10"]
    assert [text.value for text in at.caption] == [WHAT_IT_HOLDS]


@pytest.mark.parametrize(
    ("url", "page", "app"),
    [
        ("https://example.org/theory", "theory", "https://example.org"),
        ("https://example.org/lab/bnviz/theory", "theory", "https://example.org/lab/bnviz"),
        ("https://example.org/lab/", "overview", "https://example.org/lab"),
        ("http://localhost:8501", "overview", "http://localhost:8501"),
        (None, "theory", ""),
    ],
)
def test_where_the_app_is(in_browser, url, page, app):
    in_browser(url)
    assert app_address(page) == app


@pytest.mark.parametrize(
    ("page", "query", "link"),
    [
        ("theory", {}, "https://example.org/lab/theory"),
        ("overview", {}, "https://example.org/lab"),
        ("theory", {"lr": "2", "layer": "3"}, "https://example.org/lab/theory?lr=2&layer=3"),
        ("theory", {"x": "a&b=<c> d"}, "https://example.org/lab/theory?x=a%26b%3D%3Cc%3E+d"),
    ],
)
def test_a_link_is_the_page_and_its_query(page, query, link):
    assert address("https://example.org/lab", page, query) == link


def test_without_a_browsers_word_a_link_is_within_the_app():
    assert address("", "overview", {}) == "/"
    assert address("", "theory", {"lr": "2"}) == "/theory?lr=2"
