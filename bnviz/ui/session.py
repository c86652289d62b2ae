"""What the app knows of one browser session: one typed object in Streamlit's session state."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import streamlit as st

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.jobs.service import Service
from bnviz.records.history_entries import Entry

ENTRY = "bnviz"
"""The key of the session's object in Streamlit's session state."""


@dataclass
class PageState:
    """What one session did on one page.

    Attributes:
        defaults: the settings that the page opens with.
        values: all settings of the page by name, the run's and the page's own, as of its last run.
        controls: names of the settings that a control shows.
        synced: by composed control (one text or menu for several values), the values that it agreed with last.
        query: the address as the page wrote it last.
        problems: sentences on the parts of a link that could not be used.
        saved: the settings as they were written into the address last; None while they are those of a new link.
        wishes: by setting, the chosen number and the one used instead, where a page has fewer layers or units.
        asked: run keys that the page has asked the service for.
        stopped: by run key, what had been measured of runs that this session stopped.
        restarted: by run key, the update at which a stopped run was when the page had it trained again.
        trained: whether "Train live" was pressed on this page.
        sent: by chart name, the digest of the figure that the browser has.
    """

    defaults: RunConfig = field(default_factory=RunConfig)
    values: dict[str, Any] = field(default_factory=dict)
    controls: set[str] = field(default_factory=set)
    synced: dict[str, Any] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    saved: dict[str, Any] | None = None
    wishes: dict[str, tuple[int, int]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    stopped: dict[str, Record] = field(default_factory=dict)
    restarted: dict[str, int] = field(default_factory=dict)
    trained: bool = False
    sent: dict[str, str] = field(default_factory=dict)


@dataclass
class Session:
    """One browser session.

    Attributes:
        name: the service knows the session by it.
        pages: the session's state on each page.
        on_screen: the page that showed runs last, and by arm their records, the first seed first; they stay on screen
            until runs with other settings have something to show.
        history: comparisons that finished in this session.
        routed: whether the router runs its pages; None before anything has run.
        forgotten: when the browser's list of runs was emptied.
        imported: by the content's digest, the file's name and record of each imported run.
        import_problems: sentences on files that could not be imported.
        uploads: how many times files were given; a new upload field is drawn for each.
    """

    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    pages: dict[str, PageState] = field(default_factory=dict)
    on_screen: tuple[str, Mapping[str, list[Record]]] = ("", MappingProxyType({}))
    history: dict[tuple[object, ...], Entry] = field(default_factory=dict)
    routed: bool | None = None
    forgotten: datetime | None = None
    imported: dict[str, tuple[str, Record]] = field(default_factory=dict)
    import_problems: list[str] = field(default_factory=list)
    uploads: int = 0

    def page(self, name: str) -> PageState:
        """The session's state on a page, empty at first."""
        return self.pages.setdefault(name, PageState())


def session() -> Session:
    """The current browser's session."""
    if ENTRY not in st.session_state:
        st.session_state[ENTRY] = Session()
    found: Session = st.session_state[ENTRY]
    return found


@st.cache_resource(show_spinner=False)
def service() -> Service:
    """The app's one training service; its workers start in the background at first use and end with the app."""
    started = Service()
    started.prepare()
    return started


@dataclass(frozen=True)
class _Presence:
    """Tells the service when the session's page was closed or lost its connection."""

    name: str

    def leave(self) -> None:
        service().presence.leave(self.name)


@st.cache_resource(scope="session", on_release=_Presence.leave, show_spinner=False)
def stay_connected() -> _Presence:
    """Note that the session is there; released when its connection drops, made again when it is back."""
    name = session().name
    service().presence.stay(name)
    return _Presence(name)
