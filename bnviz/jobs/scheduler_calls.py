"""What is asked of, and done in, a Dask scheduler: small functions that run there, in its event loop.

They know Dask's scheduler and nothing of runs. A scheduler has to have bnviz installed to run them.
"""

from collections import deque
from typing import Any

OURS = "bnviz-"
"""What names of our tasks, and of their topics, begin with."""
UNFINISHED = ("processing", "queued", "waiting", "no-worker")


def threads_and_unfinished(dask_scheduler: Any) -> tuple[int, int]:
    """How many tasks can go on at once, and how many are there that have not ended, anyone's."""
    threads = sum(state.nthreads for state in dask_scheduler.workers.values())
    return threads, sum(task.state in UNFINISHED for task in dask_scheduler.tasks.values())


def prepare(key: str, client: str, dask_scheduler: Any) -> tuple[bool, dict[str, int] | None]:
    """Make a topic that keeps no messages, named as the task; whether that is known; what one on a GPU asks for.

    A task that is known is from now on wanted by this client, too, and not forgotten if another lets go of it.

    A topic keeps the last hundred or thousand messages unless told, hundreds of MB of frames. Those that nobody listens
    to any more are removed, also one that a late message has called back to life.
    """
    topics = dask_scheduler._broker._topics
    topics[key].events = deque(maxlen=0)
    for name in [name for name, one in topics.items() if _is_left(name, one) and name != key]:
        del topics[name]
    offers_gpu = any("GPU" in state.resources for state in dask_scheduler.workers.values())
    known = key in dask_scheduler.tasks
    if known:
        dask_scheduler.client_desires_keys(keys=[key], client=client)
    return known, {"GPU": 1} if offers_gpu else None


def others_want(key: str, client: str, dask_scheduler: Any) -> bool:
    """Whether another client than this one has asked for the task."""
    task = dask_scheduler.tasks.get(key)
    return task is not None and any(one.client_key != client for one in task.who_wants or ())


def _is_left(name: str, topic: Any) -> bool:
    """Whether it is one of ours that nobody listens to any more."""
    return name.startswith(OURS) and not topic.subscribers
