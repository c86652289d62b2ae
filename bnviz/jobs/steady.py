"""Steady: Dask's connections and timers count by a clock that nobody can set.

tornado and Dask count by the time of day. Set back by a day just after a stream has sent something, the stream sends
nothing for a day, and every timer rests as long. Here both get a clock that starts from the time of day and goes
on at its own pace (docs/decisions/0022). To be imported before the process connects to anything;
a Dask process does so when told by its settings (bnviz/jobs/dask.yaml). It knows nothing of what is sent.
"""

from time import monotonic, time
from typing import Any

from distributed import batched
from tornado.ioloop import IOLoop

_AHEAD = time() - monotonic()  # so that deadlines that were set before stay what they were


def steady_time(_loop: Any = None) -> float:
    """Seconds, as `time.time()` would say if nobody had set the clock since this was imported."""
    return _AHEAD + monotonic()


IOLoop.time = steady_time  # type: ignore[method-assign, assignment]
batched.time = steady_time
