"""Drawings are made once for all who look at the same, and never shown for anything else."""

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from bnviz import Record, RunConfig
from bnviz.training import train
from bnviz.ui import drawn

TINY = RunConfig(dataset="blobs_2d", widths=(4,), steps=2, probe_points=2, curve_points=2)


@pytest.fixture(scope="module")
def record() -> Record:
    return Record.from_frames(TINY, train(TINY))


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    drawn._kept.clear()


def test_many_who_ask_at_once_have_it_made_once(record: Record) -> None:
    made: list[int] = []
    together = threading.Barrier(8)

    def look(_: int) -> object:
        together.wait()
        return drawn.drawing("board", ["arm", record, 3]).made(lambda: made.append(1) or object())

    with ThreadPoolExecutor(8) as sessions:
        seen = set(map(id, sessions.map(look, range(8))))
    assert len(seen) == len(made) == 1


def test_nobody_waits_for_who_puts_drawings_together(record: Record) -> None:
    """Who is at it may have let pass who asks, and would wait for them to be done."""
    board = drawn.drawing("board", [record])

    def slow() -> str:
        assert drawn.drawing("board", [record]).composed(lambda: "by who was let pass") == "by who was let pass"
        return "later"

    assert board.composed(slow) == "later"
    assert board.composed(lambda: "never") == "later"


def test_anything_else_is_made_anew(record: Record) -> None:
    first = drawn.drawing("board", ["arm", record, 3])
    again = Record(record.config, record.data, record.outcome)  # equal, but another: a run that goes on has a new one
    others = [("board", ["arm", again, 3]), ("board", ["arm", record, 4]), ("other", ["arm", record, 3])]
    others += [("board", ["arm", record]), ("board", ["arms", record, 3])]
    assert all(drawn.drawing(name, of) is not first for name, of in others)
    assert drawn.drawing("board", ["arm", record, 3]) is first


def test_what_is_handed_over_is_looked_into(record: Record) -> None:
    again = Record(record.config, record.data, record.outcome)

    def of(one: Record, **changes: object) -> list[object]:
        return [{"a": one, "b": [one, "x"]}, ({"seeds": (one, one)}, 3, None), dict(changes)]

    first = drawn.drawing("chart", of(record, over="loss"))
    assert drawn.drawing("chart", of(record, over="loss")) is first, "containers may be others"
    assert drawn.drawing("chart", of(again, over="loss")) is not first
    assert drawn.drawing("chart", of(record, over="updates")) is not first
    assert drawn.drawing("chart", [{"b": [record, "x"], "a": record}, *of(record, over="loss")[1:]]) is not first, (
        "order"
    )
    assert drawn.drawing("chart", [1]) is not drawn.drawing("chart", [True])
    assert drawn.drawing("chart", of(record, over="loss")) is first


def test_records_are_not_kept_alive(record: Record) -> None:
    gone = Record(record.config, record.data, record.outcome)
    first = drawn.drawing("chart", [{"arm": gone}])
    first.made(lambda: "text")
    gone = weakref.ref(gone)
    assert gone() is None
    assert not first.is_of("chart", [{"arm": record}])
    assert not first.is_of("chart", [{"arm": None}])


def test_the_least_recently_asked_for_are_forgotten() -> None:
    first = drawn.drawing("board", [0])
    for number in range(1, drawn.KEPT):
        drawn.drawing("board", [number])
    assert drawn.drawing("board", [0]) is first
    drawn.drawing("board", [drawn.KEPT])
    assert drawn.drawing("board", [0]) is first
    assert len(drawn._kept) == drawn.KEPT


def test_what_failed_is_made_by_the_next(record: Record) -> None:
    with pytest.raises(ZeroDivisionError):
        drawn.drawing("board", [record]).made(lambda: 1 / 0)
    assert drawn.drawing("board", [record]).made(lambda: "fine") == "fine"
