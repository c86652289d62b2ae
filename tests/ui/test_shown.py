"""What pages showed last is kept of as many visitors as fit; what can be taken away is found again, not kept."""

import gc
import weakref

import numpy as np
import pytest
import xarray as xr

from bnviz.core.config import RunConfig
from bnviz.core.record import Outcome, Record
from bnviz.ui import reminded
from bnviz.ui.shown import LastShown, Shown

BYTES = 800 + 4 + 4  # of one record below


def record_of(seed: int = 0, outcome: Outcome = "finished") -> Record:
    data = xr.Dataset({"loss": ("probe_step", np.zeros(100))}).assign_coords(step=("step", np.zeros(1, np.int32)))
    return Record(RunConfig(seed=seed), data, outcome)


def shown_of(*records: Record) -> Shown:
    return Shown.of({str(place): record for place, record in enumerate(records)})


def test_only_what_was_looked_at_last_is_kept_of_a_visitor() -> None:
    last, one, other = LastShown(10 * BYTES), shown_of(record_of()), shown_of(record_of(1))
    last.keep("me", "theory", one)
    assert last.get("me", "theory") is one
    assert last.get("you", "theory") is None
    last.keep("me", "overview", other)
    assert last.get("me", "theory") is None
    assert last.get("me", "overview") is other
    last.drop("me")
    last.drop("me")
    assert last.get("me", "overview") is None


def test_those_who_looked_last_are_kept_as_far_as_they_fit() -> None:
    last = LastShown(2 * BYTES)
    for seed, visitor in enumerate("abc"):
        last.keep(visitor, "page", shown_of(record_of(seed)))
    assert [visitor for visitor in "abc" if last.get(visitor, "page")] == ["b", "c"]
    last.keep("b", "page", shown_of(record_of(7), record_of(8), record_of(9)))
    assert [visitor for visitor in "abc" if last.get(visitor, "page")] == ["b"]  # one's own is always kept


def test_what_many_look_at_counts_once() -> None:
    last, same = LastShown(BYTES), shown_of(record_of())
    for visitor in "abcdef":
        last.keep(visitor, "page", same)
    assert all(last.get(visitor, "page") is same for visitor in "abcdef")


class Kept:
    """In place of the service."""

    def __init__(self, *records: Record) -> None:
        self.records = {record.config.key: record for record in records}

    def recall(self, config: RunConfig) -> Record | None:
        return self.records.get(config.key)


def test_a_result_is_found_again_once_nobody_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    record, again = record_of(), record_of()
    monkeypatch.setattr(reminded, "service", lambda: Kept(again))
    recall = reminded.reminders({"arm": record})["arm"]
    assert recall() is record
    gone = weakref.ref(record)
    del record
    gc.collect()
    assert gone() is None, "it is not kept alive"
    assert recall() is again
    monkeypatch.setattr(reminded, "service", Kept)
    with pytest.raises(LookupError, match="not kept any more; open its link to train it again"):
        recall()


def test_what_was_stopped_is_kept_nowhere_else() -> None:
    record = record_of(outcome="stopped")
    recall = reminded.reminders({"arm": record})["arm"]
    del record
    gc.collect()
    assert recall().outcome == "stopped"
