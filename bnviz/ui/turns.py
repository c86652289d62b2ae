"""Turns: what draws is run one after the other, and what a visitor has just clicked in a picture goes first.

Python runs one thread at a time. Thirty pages that share it are all done at the end; one after the other, half of them
are done by half of the time, and whoever has their page can go on. Does not know what is drawn.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from itertools import count

PATIENCE = 1.0  # seconds: what waits for something else, such as a store far away, holds up nobody for longer


class Turns:
    """One thread at a time has the turn, and hands it on."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiting: list[tuple[bool, int, threading.Event]] = []  # a heap: who waits without hurry comes later
        self._numbers = count()
        self._own = _Own()

    @contextmanager
    def unhurried(self) -> Iterator[None]:
        """What is done here lets pass who is in a hurry."""
        before, self._own.unhurried = self._own.unhurried, True
        try:
            yield
        finally:
            self._own.unhurried = before

    @property
    def in_a_hurry(self) -> bool:
        """Whether what is done here goes first."""
        return not self._own.unhurried

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Wait for the turn, or for a second. Who has it already lets pass who is in a hurry, and goes on."""
        if self._own.has_it:
            self.let_pass()
            yield
            return
        self._own.number = next(self._numbers)
        self._take()
        try:
            yield
        finally:
            self._hand_on()

    def let_pass(self) -> None:
        """Let pass who is in a hurry, and go on; nothing if this one is, too, or has no turn.

        Not while something is held that those who pass may wait for.
        """
        with self._guard:
            passes = bool(self._waiting) and self._waiting[0][0] < self._own.unhurried
        if passes and self._own.has_it:
            self._hand_on()
            self._take()  # with its number, so that nobody else comes in between

    def _take(self) -> None:
        mine = (self._own.unhurried, self._own.number, threading.Event())
        with self._guard:
            if self._taken:
                heappush(self._waiting, mine)
            else:
                self._taken = True
                mine[2].set()
        if not mine[2].wait(PATIENCE):
            with self._guard:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                    heapify(self._waiting)
        self._own.has_it = mine[2].is_set()

    def _hand_on(self) -> None:
        if self._own.has_it:
            self._own.has_it = False
            with self._guard:
                if self._waiting:
                    heappop(self._waiting)[2].set()
                else:
                    self._taken = False


class _Own(threading.local):
    """What a thread knows of itself."""

    unhurried = False
    has_it = False
    number = 0


turns = Turns()
"""Of all pages of the app."""
