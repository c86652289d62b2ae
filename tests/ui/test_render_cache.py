"""The render cache: drawn once for all who look at the same, and never shown for anything else."""

import weakref

import pytest

from bnviz import Record, RunConfig
from bnviz.training import train
from bnviz.ui import render_cache
from bnviz.ui.render_cache import MOST_ENTRIES, cached

TINY = RunConfig(dataset="blobs_2d", widths=(4,), steps=2, probe_points=2, curve_points=2)


@pytest.fixture(scope="module")
def record() -> Record:
    return Record.from_frames(TINY, train(TINY))


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    render_cache._entries.clear()


def drawing() -> object:
    return object()


def test_same_arguments_are_drawn_once(record: Record) -> None:
    def arguments() -> list[object]:
        return [{"a": record, "b": [record, "x"]}, ({"seeds": (record, record)}, 3, None)]

    assert cached("chart", arguments(), drawing) is cached("chart", arguments(), drawing), "containers may be others"


@pytest.mark.parametrize("change", ["record", "value", "name", "order", "type", "fewer"])
def test_other_arguments_are_drawn_anew(record: Record, change: str) -> None:
    again = Record(record.config, record.data, record.outcome)  # equal, but another: a run that goes on has a new one
    first = cached("chart", [{"a": record, "b": 1}, 3], drawing)
    other = {
        "record": ("chart", [{"a": again, "b": 1}, 3]),
        "value": ("chart", [{"a": record, "b": 1}, 4]),
        "name": ("other", [{"a": record, "b": 1}, 3]),
        "order": ("chart", [{"b": 1, "a": record}, 3]),
        "type": ("chart", [{"a": record, "b": True}, 3]),
        "fewer": ("chart", [{"a": record, "b": 1}]),
    }[change]
    assert cached(*other, drawing) is not first
    assert cached("chart", [{"a": record, "b": 1}, 3], drawing) is first


def test_cache_keeps_no_record_alive(record: Record) -> None:
    gone = Record(record.config, record.data, record.outcome)
    cached("chart", [{"arm": gone}], drawing)
    reference = weakref.ref(gone)
    del gone
    assert reference() is None


def test_least_recently_used_entries_go_first() -> None:
    first = cached("board", [0], drawing)
    for number in range(1, MOST_ENTRIES):
        cached("board", [number], drawing)
    assert cached("board", [0], drawing) is first
    second = cached("board", [MOST_ENTRIES], drawing)
    assert cached("board", [0], drawing) is first
    assert cached("board", [MOST_ENTRIES], drawing) is second
    assert len(render_cache._entries) == MOST_ENTRIES


def test_failed_drawing_is_not_kept(record: Record) -> None:
    with pytest.raises(ZeroDivisionError):
        cached("board", [record], lambda: 1 / 0)
    assert cached("board", [record], lambda: "fine") == "fine"
