"""Which visitors are active, and which have left for longer than a reload or a lost connection takes."""

import threading
from collections.abc import Callable

from bnviz.core import environment


class VisitorPresence:
    """Calls `gone(watcher)`, in a thread, for each who left and did not come back within BNVIZ_GRACE_SECONDS."""

    def __init__(self, gone: Callable[[str], None]) -> None:
        self._gone = gone
        self._lock = threading.Lock()
        self._leaving: dict[str, threading.Timer] = {}

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
