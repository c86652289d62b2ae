"""Functions that run in a Dask scheduler, in its event loop; a scheduler must have bnviz installed to run them."""

from collections.abc import Sequence
from typing import Any

UNFINISHED = ("processing", "queued", "waiting", "no-worker")
TASK_PREFIX = "bnviz-"
"""What names of our tasks, and of their topics, begin with."""


def threads_and_unfinished(dask_scheduler: Any) -> tuple[int, int]:
    """How many tasks can run at once, and how many have not ended, anyone's."""
    threads = sum(state.nthreads for state in dask_scheduler.workers.values())
    return threads, sum(task.state in UNFINISHED for task in dask_scheduler.tasks.values())


def prepare(key: str, client: str, dask_scheduler: Any) -> tuple[bool, dict[str, int] | None]:
    """Whether the task is known, and the resources that one on a GPU asks for.

    A known task is from now on wanted by this client, too, and not forgotten if another lets go of it.
    """
    offers_gpu = any("GPU" in state.resources for state in dask_scheduler.workers.values())
    known = key in dask_scheduler.tasks
    if known:
        dask_scheduler.client_desires_keys(keys=[key], client=client)
    return known, {"GPU": 1} if offers_gpu else None


def others_want(key: str, client: str, dask_scheduler: Any) -> bool:
    """Whether another client than this one has asked for the task."""
    task = dask_scheduler.tasks.get(key)
    return task is not None and any(other.client_key != client for other in task.who_wants or ())


def waiting_tasks(keys: Sequence[str], dask_scheduler: Any) -> list[str]:
    """Those of the tasks that wait for a worker."""
    found = {key: dask_scheduler.tasks.get(key) for key in keys}
    return [key for key, task in found.items() if task is not None and task.state in UNFINISHED[1:]]
