"""A bounded cache of what was drawn, shared by all sessions: a class that looks at one run has it drawn once."""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from bnviz.core.record import Record

MOST_ENTRIES = 1000
"""Charts, boards and verdicts kept, mostly some 10 kB each. A page has up to 25 of them."""

Drawn = TypeVar("Drawn")
_entries: OrderedDict[Hashable, Any] = OrderedDict()  # least recently used first
_lock = threading.Lock()


def cached(name: str, arguments: Any, draw: Callable[[], Drawn]) -> Drawn:
    """What `draw()` returned for this name and these arguments, drawn now if it is not in the cache.

    Records are told apart by identity and not kept alive: a run that goes on has a new one at each look. Mappings and
    sequences are compared by their items in order; anything else must be hashable.
    """
    key = (name, _key_of(arguments))
    with _lock:
        if key in _entries:
            _entries.move_to_end(key)
            found: Drawn = _entries[key]
            return found
    drawn = draw()  # without the lock: drawing takes long, and drawing twice does no harm
    with _lock:
        _entries[key] = drawn
        while len(_entries) > MOST_ENTRIES:
            _entries.popitem(last=False)
    return drawn


def _key_of(value: Any) -> Hashable:
    if isinstance(value, Record):
        return weakref.ref(value)
    if isinstance(value, Mapping):
        return tuple((name, _key_of(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_key_of(item) for item in value)
    return type(value), value  # True is not 1
