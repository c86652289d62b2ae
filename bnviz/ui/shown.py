"""Shown: what a page has on screen, handed to its picture. Holds records only; knows neither jobs nor charts."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bnviz.core.record import Record


@dataclass(frozen=True)
class Shown:
    """The records of a comparison, as far as they are measured.

    Attributes:
        records: by arm, the run with the page's own seed.
        repeats: by arm, that run and, once every arm has finished it, the run with each further seed: pairs in order.
        live: whether runs go on.
        also: by name, what the page asked for besides the arms, once its run has ended.
    """

    records: Mapping[str, Record]
    repeats: Mapping[str, Sequence[Record]]
    live: bool = False
    also: Mapping[str, Record] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Mapping[str, Record], live: bool = False) -> "Shown":
        """One seed of each arm."""
        return cls(records, {name: (record,) for name, record in records.items()}, live)


class LastShown:
    """What each visitor's page showed last, to stand there until other settings have something to show.

    Of as many visitors as fit, those who looked last: three hundred who look at three hundred runs would need a
    gigabyte. What many look at counts once.
    """

    def __init__(self, most: int) -> None:
        self._most = most  # bytes
        self._of: OrderedDict[str, tuple[str, Shown]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, visitor: str, page: str, shown: Shown) -> None:
        """Only what was looked at last is kept of each visitor."""
        with self._lock:
            self._of[visitor] = (page, shown)
            self._of.move_to_end(visitor)
            while len(self._of) > 1 and self._bytes() > self._most:
                self._of.popitem(last=False)

    def get(self, visitor: str, page: str) -> Shown | None:
        """What is kept of this page; None if it was let go, or another one was looked at since."""
        with self._lock:
            where, shown = self._of.get(visitor, ("", None))
            return shown if where == page else None

    def drop(self, visitor: str) -> None:
        """The visitor has left."""
        with self._lock:
            self._of.pop(visitor, None)

    def _bytes(self) -> int:
        records = {
            id(record): record
            for _, shown in self._of.values()
            for several in (*shown.repeats.values(), shown.also.values())
            for record in several
        }
        return sum(record.nbytes for record in records.values())
