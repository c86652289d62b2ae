"""Who leaves is given up after a while, unless back before."""

import threading

import pytest

from bnviz.jobs.visitor_presence import VisitorPresence


@pytest.fixture
def grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_GRACE_SECONDS", "0.2")


def test_presence_gives_up_absent_but_not_returning_visitors(grace: None) -> None:
    gone: list[str] = []
    given_up = threading.Event()

    def note(watcher: str) -> None:
        gone.append(watcher)
        given_up.set()

    presence = VisitorPresence(note)
    for watcher in ("reloads", "leaves"):
        presence.leave(watcher)
    presence.stay("reloads")
    presence.stay("never left")
    assert gone == []
    assert given_up.wait(10)
    assert not threading.Event().wait(0.4)
    assert gone == ["leaves"]


def test_presence_counts_from_the_last_leave(grace: None) -> None:
    gone: list[str] = []
    presence = VisitorPresence(gone.append)
    presence.leave("me")
    presence.leave("me")
    threading.Event().wait(0.6)
    assert gone == ["me"]


def test_close_cancels_presence_timers(grace: None) -> None:
    gone: list[str] = []
    presence = VisitorPresence(gone.append)
    presence.leave("me")
    presence.close()
    threading.Event().wait(0.4)
    assert gone == []
