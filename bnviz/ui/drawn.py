"""Drawn: what was drawn or judged last, kept for all sessions: a class that looks at one run has it drawn once.

Records never change, a run that goes on has a new one; so what is drawn follows from the records and from whatever else
is handed over with them. Records are not kept alive. Knows neither figures nor Streamlit.
"""

import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bnviz.record import Record

KEPT = 300  # charts and boards as JSON, mostly some 10 kB each; a page has up to 25


class Drawing:
    """One drawing, made by whoever asks first, while others who ask wait."""

    def __init__(self, name: str, of: Sequence[Any]) -> None:
        self.name = name
        self._of = _reminder(of)
        self._lock = threading.Lock()
        self._made: Any = None

    def is_of(self, name: str, of: Sequence[Any]) -> bool:
        """Whether it shows this."""
        return self.name == name and _recalls(self._of, of)

    def made(self, make: Callable[[], Any]) -> Any:
        """What `make` returned to the first who asked."""
        with self._lock:
            if self._made is None:
                self._made = make()
            return self._made


_kept: deque[Drawing] = deque(maxlen=KEPT)  # the one asked for last at the end
_guard = threading.Lock()


def drawing(name: str, of: Sequence[Any]) -> Drawing:
    """The drawing of that name of these records (compared by identity) and other values (compared by `==`).

    Sequences and mappings of them, in their order, are looked into.
    """
    with _guard:
        found = next((one for one in reversed(_kept) if one.is_of(name, of)), None)
        if found is None:
            found = Drawing(name, of)
        else:
            _kept.remove(found)
        _kept.append(found)
        return found


def _reminder(value: Any) -> Any:
    """The value, with weak references in place of its records."""
    if isinstance(value, Record):
        return weakref.ref(value)
    if isinstance(value, Mapping):
        value = list(value.items())
    return [_reminder(one) for one in value] if isinstance(value, (list, tuple)) else value


def _recalls(reminder: Any, value: Any) -> bool:
    """Whether the reminder was made of this value, or of one that is the same."""
    if isinstance(value, Record):
        return isinstance(reminder, weakref.ref) and reminder() is value
    if isinstance(value, Mapping):
        value = list(value.items())
    if isinstance(value, (list, tuple)):
        matched = isinstance(reminder, list) and len(reminder) == len(value)
        return matched and all(map(_recalls, reminder, value))
    return type(reminder) is type(value) and bool(reminder == value)
