"""Visitors who have left for longer than a reload or a lost connection takes."""

import threading
from collections.abc import Callable

from bnviz.core import environment


class VisitorPresence:
    """Call `on_gone(watcher)`, in a thread, for visitors who left and did not return within BNVIZ_GRACE_SECONDS."""

    def __init__(self, on_gone: Callable[[str], None]) -> None:
        self._on_gone = on_gone
        self._lock = threading.Lock()
        self._timers: dict[str, threading.Timer] = {}  # of visitors who have left

    def leave(self, watcher: str) -> None:
        """Note that the visitor's page was closed or cannot be reached."""
        self.stay(watcher)
        timer = threading.Timer(environment.seconds("BNVIZ_GRACE_SECONDS"), self._give_up, (watcher,))
        timer.daemon = True
        with self._lock:
            self._timers[watcher] = timer
        timer.start()

    def stay(self, watcher: str) -> None:
        """Note that the visitor is present, or has returned."""
        with self._lock:
            timer = self._timers.pop(watcher, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Cancel all timers."""
        with self._lock:
            timers, self._timers = list(self._timers.values()), {}
        for timer in timers:
            timer.cancel()

    def _give_up(self, watcher: str) -> None:
        with self._lock:
            timer = self._timers.pop(watcher, None)
        if timer is not None:
            self._on_gone(watcher)
