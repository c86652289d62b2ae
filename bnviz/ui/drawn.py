"""Drawn: what was drawn or judged last, kept for all sessions: a class that looks at one run has it drawn once.

Records never change, a run that goes on has a new one; so what is drawn follows from the records and from whatever else
is handed over with them. Records are not kept alive. Knows neither figures nor Streamlit.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from bnviz.core.record import Record

KEPT = 1000
"""Charts and boards as JSON, mostly some 10 kB each. A page has up to 25, and a class of thirty looks at thirty."""


class Drawing:
    """One drawing, made by whoever asks first, while others who ask wait."""

    def __init__(self, key: Hashable) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._made: Any = None

    def is_of(self, name: str, of: Sequence[Any]) -> bool:
        """Whether it has this name and shows this."""
        return self._key == _key(name, of)

    def made(self, make: Callable[[], Any]) -> Any:
        """What `make` returned to the first who asked."""
        with self._lock:
            if self._made is None:
                self._made = make()
            return self._made

    def composed(self, make: Callable[[], Any]) -> Any:
        """The same for what consists of drawings: as these are made once, nobody waits for who puts them together."""
        if self._made is None:
            self._made = make()
        return self._made


_kept: OrderedDict[Hashable, Drawing] = OrderedDict()  # the one asked for last at the end
_guard = threading.Lock()


def drawing(name: str, of: Sequence[Any]) -> Drawing:
    """The drawing of that name of these records (compared by identity) and other values (compared by `==`).

    Sequences and mappings of them, in their order, are looked into; whatever else they hold must be hashable.
    """
    key = _key(name, of)
    with _guard:
        found = _kept.setdefault(key, Drawing(key))
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return found


def _key(name: str, of: Sequence[Any]) -> Hashable:
    return name, _reminder(of)


def _reminder(value: Any) -> Hashable:
    """What is equal for the same value only, with weak references in place of records."""
    if isinstance(value, Record):
        return weakref.ref(value)
    if isinstance(value, Mapping):
        value = tuple(value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(_reminder, value))
    return type(value), value  # True is not 1 here
