"""The visitor: one browser session, the app's one service, and the runs as this visitor sees them.

Kept by Streamlit, for the app or for the session. What is shown of runs, and when one looks again, is not known here.
"""

import gc
import sys
import uuid
from dataclasses import dataclass
from functools import cache

import streamlit as st
from streamlit import config

from bnviz.core.record import Record
from bnviz.jobs.service import Service
from bnviz.jobs.visitor_presence import VisitorPresence
from bnviz.ui.notes import notes
from bnviz.ui.shown import LastShown
from bnviz.ui.watched import Watched

LAST_SHOWN_BYTES = 96_000_000
"""Of what pages showed last, for all visitors together."""

OBJECTS = (10_000, 10, 10)
"""New objects after which Python looks for garbage: at 700, as by itself, it does at every look of every page."""

SWITCH_SECONDS = 0.001
"""So long a thread computes while another wants to; 5 ms by itself, many times for one click."""


@st.cache_resource(show_spinner=False)
def service() -> Service:
    """The app's one service; its workers start in the background at first use and end with the app."""
    started = Service()
    started.prepare()
    gc.freeze()  # the libraries, a quarter of a million objects: to look through them holds everybody up for 0.2 s
    gc.set_threshold(*OBJECTS)
    sys.setswitchinterval(SWITCH_SECONDS)
    # Streamlit puts the theme together anew for each run of a page, by looking through all its options six times.
    config.get_options_for_section = cache(config.get_options_for_section)
    return started


@st.cache_resource(show_spinner=False)
def last_shown() -> LastShown:
    return LastShown(LAST_SHOWN_BYTES)


@dataclass(frozen=True)
class Visitor:
    """One visitor's session, for as long as its page can be reached."""

    name: str
    presence: VisitorPresence

    def leave(self) -> None:
        self.presence.leave(self.name)
        last_shown().drop(self.name)


@st.cache_resource(scope="session", on_release=Visitor.leave, show_spinner=False)
def visitor() -> Visitor:
    """Released when the page is closed, and whenever its connection drops; made anew when it is back."""
    name: str = st.session_state.setdefault("bnviz.watcher", uuid.uuid4().hex)
    presence = service().presence
    presence.stay(name)
    return Visitor(name, presence)


def acts() -> None:
    """This page's visitor has just done something."""
    visitor()


def watched(page: str) -> Watched:
    """The runs as this page's visitor sees them."""
    stopped: dict[str, Record] = notes(page).setdefault("stopped", {})
    return Watched(service(), visitor().name, stopped)
