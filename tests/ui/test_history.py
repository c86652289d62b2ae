"""This browser's runs: what is noted, what is believed of what a browser sends, and how the two are put together."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from streamlit.testing.v1 import AppTest

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.records import history_entries
from bnviz.records.history_entries import LONGEST_QUERY, MOST_ENTRIES, Entry, result_of, valid_entries
from bnviz.ui import history
from bnviz.ui.session import ENTRY, PageState, Session

GOOD = {
    "page": "activations",
    "query": "lr=0.5&layer=2",
    "arms": {
        "standard": {"query": "lr=0.5", "result": "11 %", "seconds": 2.5},
        "batch norm": {"query": "lr=0.5&norm=batch", "result": "96 %", "seconds": None},
    },
    "when": "2026-01-31T12:00:00Z",
}


def arm(**changes):
    return {"arms": {"standard": GOOD["arms"]["standard"] | changes}}


def record(outcome="finished", norm="none", **values) -> Record:
    """A run of which this is known at its last update, 30."""
    data = xr.Dataset({name: ("step", [value]) for name, value in values.items()})
    data = data.assign_coords(
        step=("step", np.array([30], np.int32)), probe_step=("probe_step", np.array([], np.int32))
    )
    return Record(RunConfig(norm=norm, steps=30), data, outcome)


RECORDS = {"standard": record(test_accuracy=0.1), "batch norm": record(norm="batch", test_accuracy=0.9)}


def page():
    """A page that adds what the test put into session state, or that lists all."""
    from types import SimpleNamespace

    import streamlit as st

    from bnviz.ui import history

    def job(config):
        seconds = (st.session_state["seconds"] or {}).get(config.norm)
        return None if seconds is None else SimpleNamespace(seconds=seconds)

    if st.session_state.pop("forget", False):
        history.forget_history()
    if "shown" in st.session_state:
        history.note_comparison("activations", SimpleNamespace(job=job), st.session_state["shown"])
    else:
        st.session_state["history"] = history.read_history("runs")


@pytest.fixture
def sent(monkeypatch):
    """What was handed to the browser, by the component's key; `answer` is what it answers."""

    class Sent(dict):
        answer: object = None

        def __call__(self, key, data, **options):
            self[key] = data
            return type("Result", (), {"kept": self.answer})

    sent = Sent()
    monkeypatch.setattr(history, "_component", sent)
    return sent


def noted(records=RECORDS, seconds=None, at=None, **query) -> AppTest:
    at = at or AppTest.from_function(page)
    at.session_state["shown"] = records
    at.session_state["seconds"] = seconds
    session = at.session_state[ENTRY] if ENTRY in at.session_state else Session()
    session.pages["activations"] = PageState(query=query, trained=True)
    at.session_state[ENTRY] = session
    at.run()
    assert not at.exception
    return at


def listed(at: AppTest) -> history.History:
    del at.session_state["shown"]
    at.run()
    assert not at.exception
    return at.session_state["history"]


def test_what_is_noted_is_handed_to_the_browser_and_can_be_read_back(sent):
    noted(seconds={"batch": 2.5}, lr="0.5", layer="2")
    (data,) = [sent["activations/history"]]
    assert (data["most"], data["report"]) == (MOST_ENTRIES, False)
    (entry,) = valid_entries({"entries": data["add"]})
    assert (entry.page, entry.query) == ("activations", "lr=0.5&layer=2")
    assert {name: (one.config, one.result, one.seconds) for name, one in entry.arms.items()} == {
        "standard": (RECORDS["standard"].config, "10 %", None),
        "batch norm": (RECORDS["batch norm"].config, "90 %", 2.5),
    }
    assert abs(datetime.now(UTC) - entry.when) < timedelta(minutes=5)


@pytest.mark.parametrize("outcome", ["running", "stopped"])
def test_only_what_has_ended_by_itself_is_noted(sent, outcome):
    noted(RECORDS | {"batch norm": record(outcome, "batch", test_accuracy=0.5)})
    assert not sent


def test_the_same_again_is_the_same_entry_and_another_query_renews_it(sent):
    at = noted()
    first = sent["activations/history"]["add"]
    noted(at=at)
    assert sent["activations/history"]["add"] == first
    noted(at=at, layer="2")
    second = sent["activations/history"]["add"]
    assert second[0]["when"] > first[0]["when"]
    assert [entry.query for entry in listed(at).entries] == ["layer=2"]


def test_a_page_that_is_none_of_the_apps_notes_nothing_and_goes_on(sent, monkeypatch):
    monkeypatch.setattr(history_entries, "PAGES", Path(__file__).parent)
    noted()
    assert not sent


def test_before_the_browser_answers_there_are_the_sessions_own(sent):
    shown = listed(noted())
    assert shown.available is None
    assert [entry.page for entry in shown.entries] == ["activations"]
    assert sent["runs/history"]["report"] is True
    assert len(sent["runs/history"]["add"]) == 1, "also what no page could hand over"


def test_what_is_forgotten_is_not_shown_again_and_what_comes_later_is(sent):
    at = noted()
    at.session_state["forget"] = True
    sent.answer = {"available": True, "entries": [GOOD | {"page": "noisy_bn"}]}
    shown = listed(at)
    assert shown.entries == []
    assert sent["runs/history"]["add"] == []
    assert sent["runs/history"]["forget"] > datetime.fromisoformat(GOOD["when"]).timestamp() * 1000
    noted(layer="2", at=at)
    assert [entry.query for entry in listed(at).entries] == ["layer=2"]


@pytest.mark.parametrize("answer", [{"available": False, "entries": []}, "nonsense", {"available": "yes"}, []])
def test_where_the_browser_keeps_nothing_the_sessions_own_are_left(sent, answer):
    sent.answer = answer
    shown = listed(noted())
    assert shown.available is False
    assert len(shown.entries) == 1


def test_what_the_browser_kept_comes_with_what_this_session_noted_the_newest_first(sent):
    same = {"page": "activations", "query": "", "when": "2026-01-01T00:00:00Z"} | {
        "arms": {
            "standard": {"query": "steps=30", "result": "old", "seconds": None},
            "batch norm": {"query": "norm=batch&steps=30", "result": "old", "seconds": None},
        }
    }
    sent.answer = {"available": True, "entries": [same, GOOD, {"page": "nonsense"}]}
    shown = listed(noted())
    assert shown.available is True
    assert [entry.arms["standard"].result for entry in shown.entries] == ["10 %", "11 %"]


def test_a_good_entry_is_believed():
    (entry,) = valid_entries({"entries": [GOOD]})
    assert entry.arms["batch norm"].config == RunConfig(learning_rate=0.5, norm="batch")
    assert Entry.model_validate(entry.model_dump(mode="json")) == entry
    (elsewhere,) = valid_entries({"entries": [GOOD | {"when": "2026-01-31T14:00:00+02:00"}]})
    assert (elsewhere.when, elsewhere.when.tzinfo) == (entry.when, UTC)


BAD = {
    "a page that is none": {"page": "../app"},
    "markup for a page": {"page": "<script>"},
    "a query with a setting that is none": {"query": "lr=0.5&colour=red"},
    "a query with a value out of bounds": {"query": "lr=-1"},
    "a query too long": {"query": "layer=" + "1" * LONGEST_QUERY},
    "a query of a thousand fields": {"query": "&".join(f"a{n}=1" for n in range(400))},
    "a query that is no text": {"query": 5},
    "no arms": {"arms": {}},
    "five arms": {"arms": {f"arm {n}": GOOD["arms"]["standard"] for n in range(5)}},
    "an arm's name too long": {"arms": {"a" * 61: GOOD["arms"]["standard"]}},
    "an arm's name that is a formula": {"arms": {"=1+1": GOOD["arms"]["standard"]}},
    "an arm's name of control characters": {"arms": {"a\x00b": GOOD["arms"]["standard"]}},
    "an arm with a setting of the page's": arm(query="layer=2"),
    "an arm that clashes": arm(query="line_from=5&line_to=1"),
    "an arm whose plug-in is a path": arm(query="dataset=../../etc/passwd"),
    "an arm with more than is known": arm(html="<b>"),
    "a result too long": arm(result="9" * 61),
    "a result that is a formula": arm(result="@SUM(A1)"),
    "a result of several lines": arm(result="9 %\nand more"),
    "seconds below zero": arm(seconds=-1),
    "endless seconds": arm(seconds=math.inf),
    "no time": {"when": ""},
    "a time of nowhere": {"when": "2026-01-31T12:00:00"},
    "a time that no table bears": {"when": "9999-12-31T12:00:00Z"},
    "a field that is none": {"more": 1},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_anything_else_is_dropped_and_the_rest_kept(changes):
    assert valid_entries({"entries": [GOOD, GOOD | changes, None, 5, [GOOD]]}) == valid_entries({"entries": [GOOD]})


@pytest.mark.parametrize("answer", [None, 5, "text", [], {}, {"entries": None}, {"entries": {"0": GOOD}}])
def test_an_answer_of_another_shape_has_no_entries(answer):
    assert valid_entries(answer) == []


def test_of_too_many_the_newest_are_kept():
    many = [GOOD | {"query": f"layer={n}"} for n in range(MOST_ENTRIES + 5)]
    kept = valid_entries({"entries": many})
    assert (len(kept), kept[0].query, kept[-1].query) == (MOST_ENTRIES, "layer=5", f"layer={MOST_ENTRIES + 4}")


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (record(test_accuracy=0.5, final_test_accuracy=0.97), "97 %"),
        (record(test_accuracy=0.5), "50 %"),
        (record(test_loss=0.00123), "loss 0.0012"),
        (record("stopped", test_accuracy=0.5), "50 %, stopped"),
        (record("diverged", test_accuracy=0.1), "diverged by update 30"),
        (record(), "finished"),
    ],
)
def test_how_a_run_ended(ended, words):
    assert result_of(ended) == words
