"""Service: submit, watch, release and stop runs; the app's interface to training.

A run that thirty students ask for is trained once, watched by all, and kept in the store. Pages poll its Job.
"""

import threading
from collections import OrderedDict
from time import monotonic
from weakref import WeakValueDictionary

from bnviz.core import environment
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.jobs.dispatcher import Dispatcher
from bnviz.jobs.errors import JobsError
from bnviz.jobs.job import Job, State
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.visitor_presence import VisitorPresence

__all__ = ["Job", "JobsError", "Service", "State"]

KEPT_BYTES = 96 * 2**20
"""Limit for records of ended jobs in memory. The least recently used are dropped and read from the store if needed. One
page shows up to twelve records of at most 2 MB."""
SHARED_SECONDS = 60.0
"""A fresh run that another visitor had trained within this time is shared instead of trained again."""


class Service:
    """One per app. Any thread may call it, and no call waits for the cluster, except `close`.

    Args:
        address: of a Dask scheduler; None: that in BNVIZ_SCHEDULER or, where it is not set, a cluster on this machine,
            started on first use, that ends with this process.
        store: of results; None: the one that environment variables name.

    Attributes:
        store: see above; pages show its `problem`.
        presence: releases the runs of visitors who have left.
        dispatcher: queues jobs and sends them to workers.
    """

    def __init__(self, address: str | None = None, store: ResultStore | None = None) -> None:
        self.store = store or ResultStore()
        self.presence = VisitorPresence(self.release_all)
        self.dispatcher = Dispatcher(
            address or environment.text("BNVIZ_SCHEDULER") or None,
            store_record=lambda record, packed: self.store.put(record, packed),
            find_record=lambda config: self.store.get(config),
        )
        self._lock = threading.RLock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()  # by run key, the most recently used last
        self._watchers: dict[str, set[str]] = {}  # by run key; of an ended job: those at its end
        self._dropped_records: WeakValueDictionary[str, Record] = WeakValueDictionary()  # while a page still uses them

    def prepare(self) -> None:
        """Start the cluster before the first run needs it; returns at once."""
        self.dispatcher.prepare()

    def submit(self, config: RunConfig, watcher: str, fresh: bool = False) -> Job:
        """Submit a run for `watcher`; all who submit it while it is live or finished get the same Job.

        Args:
            config: the run.
            watcher: name of the browser session, for `release`.
            fresh: train again even if the result is known, unless another visitor has just had it trained.

        Raises:
            JobsError: the service is closed, or too many runs wait.
        """
        record = None if fresh or self._reusable_job(config.key, watcher, fresh) else self._kept_record(config)
        with self._lock:
            job = self._reusable_job(config.key, watcher, fresh)
            if job is None:
                job = Job(config, fresh)
                if record is not None:
                    job.end("finished", record)
                else:
                    live = sum(watcher in self._watchers[other.key] for other in self._jobs.values() if other.live)
                    self.dispatcher.add(job, watcher, live)
                self._jobs[config.key] = job
                self._watchers[config.key] = set()
            self._jobs.move_to_end(config.key)
            self._watchers[config.key].add(watcher)
            self._drop_old_jobs()
            return job

    def find(self, key: str) -> Job | None:
        """The latest job of a run key; None if there is none in memory."""
        with self._lock:
            if key in self._jobs:
                self._jobs.move_to_end(key)
            return self._jobs.get(key)

    def recall(self, config: RunConfig) -> Record | None:
        """The record of a finished run, if memory or the store has it."""
        job = self.find(config.key)
        return job.record() if job is not None and job.state == "finished" else self._kept_record(config)

    def watch(self, key: str, watcher: str) -> None:
        """Add a watcher to a live run; no effect on one that has ended."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.live:
                self._watchers[key].add(watcher)

    def release(self, key: str, watcher: str) -> None:
        """Remove a watcher; a live run without watchers is stopped."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.live:
                self._watchers[key].discard(watcher)
                if not self._watchers[key]:
                    self.stop(key)

    def release_all(self, watcher: str) -> None:
        """Remove a watcher from all live runs."""
        with self._lock:
            for key in [job.key for job in self._jobs.values() if job.live and watcher in self._watchers[job.key]]:
                self.release(key, watcher)

    def stop(self, key: str) -> None:
        """Stop a run for all watchers and keep its measurements; no effect on one that has ended."""
        job = self._jobs.get(key)
        if job is not None:
            self.dispatcher.stop(job)

    def queue_position(self, key: str) -> int:
        """How many runs start before this one; 0 if it is next, running or not queued."""
        job = self._jobs.get(key)
        return len(self.dispatcher.jobs_ahead(job)) if job is not None else 0

    def expected_wait(self, key: str) -> float:
        """Estimated seconds until a queued run starts; 0 for any other."""
        job = self._jobs.get(key)
        return self.dispatcher.expected_wait(job) if job is not None else 0.0

    def close(self) -> None:
        """Stop everything, and end the cluster if it is our own; safe to call again."""
        self.presence.close()
        self.dispatcher.close()

    def _reusable_job(self, key: str, watcher: str, fresh: bool) -> Job | None:
        """A live or finished job that serves this submission, if there is one."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.live:
                return job
            recent = job.started is not None and job.ended is not None and monotonic() - job.ended < SHARED_SECONDS
            fresh_enough = not fresh or (recent and watcher not in self._watchers[key])
            return job if job.state == "finished" and fresh_enough else None

    def _kept_record(self, config: RunConfig) -> Record | None:
        """The stored record; the same object while any page uses it, so that its charts stay valid."""
        return self._dropped_records.get(config.key) or self.store.get(config)

    def _drop_old_jobs(self) -> None:
        """Drop the least recently used ended jobs beyond KEPT_BYTES."""
        ended = [(key, job) for key, job in self._jobs.items() if not job.live]
        size = sum(job.nbytes for _, job in ended)
        for key, job in ended[:-1]:
            if size <= KEPT_BYTES:
                return
            size -= job.nbytes
            if job.state == "finished":
                self._dropped_records[key] = job.record()
            del self._jobs[key], self._watchers[key]
