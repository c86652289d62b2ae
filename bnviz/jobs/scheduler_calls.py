"""Functions that Dask's scheduler runs for us, in its event loop; it needs bnviz installed."""

from typing import Any

TASK_PREFIX = "bnviz-"
"""Prefix of our tasks' names."""
UNFINISHED = ("processing", "queued", "waiting", "no-worker")


def load(dask_scheduler: Any) -> tuple[int, int, list[str]]:
    """Return worker threads, unfinished tasks of all clients, and names of our tasks that wait for a free worker.

    A worker has at most as many running tasks as threads: those of highest priority. Any other task waits.
    """
    tasks, workers = dask_scheduler.tasks.values(), dask_scheduler.workers.values()
    threads = sum(worker.nthreads for worker in workers)
    running = {
        task
        for worker in workers
        for task in sorted(worker.processing, key=lambda task: task.priority)[: worker.nthreads]
    }
    unfinished = [task for task in tasks if task.state in UNFINISHED]
    waiting = [task.key for task in unfinished if task not in running and str(task.key).startswith(TASK_PREFIX)]
    return threads, len(unfinished), waiting


def claim(key: str, client: str, dask_scheduler: Any) -> tuple[bool, dict[str, int] | None]:
    """Return whether a task exists, and the resources that a task on a GPU needs (None: no worker offers a GPU).

    An existing task is kept for this client from now on, even if all other clients release it.
    """
    offers_gpu = any("GPU" in worker.resources for worker in dask_scheduler.workers.values())
    exists = key in dask_scheduler.tasks
    if exists:
        dask_scheduler.client_desires_keys(keys=[key], client=client)
    return exists, {"GPU": 1} if offers_gpu else None


def wanted_by_others(key: str, client: str, dask_scheduler: Any) -> bool:
    """Whether another client than this one has asked for the task."""
    task = dask_scheduler.tasks.get(key)
    return task is not None and any(other.client_key != client for other in task.who_wants or ())
