"""Which visitors are active, and which have left for longer than a reload or a lost connection takes."""

import threading
from collections.abc import Callable
from time import monotonic

from bnviz.core import environment

ACTIVE_SECONDS = 15.0
"""Who has done something is taken for one who is about to do something again for so long."""


class VisitorPresence:
    """Calls `gone(watcher)`, in a thread, for each who left and did not come back within BNVIZ_GRACE_SECONDS."""

    def __init__(self, gone: Callable[[str], None]) -> None:
        self._gone = gone
        self._lock = threading.Lock()
        self._leaving: dict[str, threading.Timer] = {}
        self._acted: dict[str, float] = {}  # when, in the order of time

    def act(self, watcher: str) -> None:
        """The visitor has done something."""
        with self._lock:
            self._acted.pop(watcher, None)
            self._acted[watcher] = monotonic()

    def active(self) -> set[str]:
        """Who has done something lately."""
        with self._lock:
            while self._acted and monotonic() - self._acted[first := next(iter(self._acted))] > ACTIVE_SECONDS:
                del self._acted[first]
            return set(self._acted)

    def leave(self, watcher: str) -> None:
        """The visitor's page was closed, or cannot be reached."""
        self.stay(watcher)
        timer = threading.Timer(environment.seconds("BNVIZ_GRACE_SECONDS"), self._time_is_up, (watcher,))
        timer.daemon = True
        with self._lock:
            self._leaving[watcher] = timer
        timer.start()

    def stay(self, watcher: str) -> None:
        """The visitor is here, or here again."""
        with self._lock:
            timer = self._leaving.pop(watcher, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Wait for nobody any more."""
        with self._lock:
            timers, self._leaving = list(self._leaving.values()), {}
        for timer in timers:
            timer.cancel()

    def _time_is_up(self, watcher: str) -> None:
        with self._lock:
            left = self._leaving.pop(watcher, None)
        if left is not None:
            self._gone(watcher)
