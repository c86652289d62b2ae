"""Drawn: what was drawn last, kept for all sessions, so that a class that looks at one run has it drawn once.

Records never change, a run that goes on has a new one; so what is drawn follows from the records and from whatever else
is handed over with them. Knows neither figures nor Streamlit.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from bnviz.record import Record

KEPT = 12  # with the records they were drawn from, some MB each


class Drawing:
    """One drawing, made by whoever asks first, while others who ask wait."""

    def __init__(self, name: str, of: Sequence[Any]) -> None:
        self.name = name
        self.of = list(of)
        self._lock = threading.Lock()
        self._made: Any = None

    def is_of(self, name: str, of: Sequence[Any]) -> bool:
        """Whether it shows this."""
        return self.name == name and len(self.of) == len(of) and all(map(_same, self.of, of))

    def made(self, make: Callable[[], Any]) -> Any:
        """What `make` returned to the first who asked."""
        with self._lock:
            if self._made is None:
                self._made = make()
            return self._made


_kept: deque[Drawing] = deque(maxlen=KEPT)  # the one asked for last at the end
_guard = threading.Lock()


def drawing(name: str, of: Sequence[Any]) -> Drawing:
    """The drawing of that name of these records (compared by identity) and other values (compared by `==`)."""
    with _guard:
        found = next((one for one in reversed(_kept) if one.is_of(name, of)), None)
        if found is None:
            found = Drawing(name, of)
        else:
            _kept.remove(found)
        _kept.append(found)
        return found


def _same(before: Any, now: Any) -> bool:
    return before is now or (not isinstance(now, Record) and bool(before == now))
