"""Turns: whole pages are run one after the other, so that of thirty that are asked for at once most are there early.

Python runs one thread at a time. Thirty that share it are all done at the end; one after the other, half of them are
done by half of the time, and whoever has their page can go on. Does not know what a page does.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0  # seconds: a page that waits for something else, such as a store far away, holds up nobody for longer
_lock = threading.Lock()


@contextmanager
def in_turn() -> Iterator[None]:
    """Wait until no other page is run, or for a second."""
    taken = _lock.acquire(timeout=PATIENCE)
    try:
        yield
    finally:
        if taken:
            _lock.release()
