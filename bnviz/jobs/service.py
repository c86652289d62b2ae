"""Service: what the app asks for training: submit, watch, stop.

The same question asked by thirty students is trained once and watched by all. Runs start in the order they were asked
for, as many at a time as the cluster has workers; the rest wait here, not at the scheduler. This module does not know
Dask, nor how a run is trained, and it never calls Streamlit: pages look at a Job when they like.
"""

import os
import threading
from collections import OrderedDict
from functools import partial
from typing import Any

from bnviz.config import RunConfig
from bnviz.jobs.cluster import JobsError
from bnviz.jobs.connection import LOST, Connection
from bnviz.jobs.job import Job, State
from bnviz.record import Record

__all__ = ["Job", "JobsError", "Service", "State"]

KEPT_JOBS = 120
"""Jobs that have ended and are still remembered, the least recently used forgotten first: 2 MB each at most. One page
shows twelve, four arms with three seeds, and one that is forgotten while it is on screen is trained again."""
POLL_SECONDS = 0.2  # how often to look for a free worker while jobs wait: one small message
CLOSE_SECONDS = 10.0


class Service:
    """One per app. Any thread may call it, and no call waits for the cluster, except `close`.

    Args:
        address: of a Dask scheduler; None: that in BNVIZ_SCHEDULER or, where it is not set, a cluster on this machine,
            started on first use, that ends with this process.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address or os.environ.get("BNVIZ_SCHEDULER") or None
        self._lock = threading.RLock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()  # by run key, the most recently used last
        self._waiting: list[Job] = []
        self._sent: dict[str, Job] = {}  # by attempt: those that the cluster has
        self._watchers: dict[str, set[str]] = {}  # by attempt: of live jobs
        self._stopping: set[str] = set()  # attempts
        self._connection: Connection | None = None
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._dispatch, name="bnviz-jobs", daemon=True)

    def prepare(self) -> None:
        """Start the cluster now, so that the first run need not wait for it; returns at once."""
        with self._lock:
            if not self._closed and self._thread.ident is None:
                self._thread.start()

    def submit(self, config: RunConfig, watcher: str, fresh: bool = False) -> Job:
        """Ask for a run on behalf of `watcher`; the same Job for all who ask while it is live or after it finished.

        Args:
            config: what to train.
            watcher: names who looks, for `release`: a session.
            fresh: train again even if it has finished.

        Raises:
            JobsError: the service was closed.
        """
        with self._lock:
            if self._closed:
                raise JobsError("The app is closing; no more runs are started.")
            job = self.find(config.key)
            if job is None or not (job.live or (job.state == "finished" and not fresh)):
                job = self._jobs[config.key] = Job(config)
                self._jobs.move_to_end(config.key)
                self._watchers[job.attempt] = set()
                self._waiting.append(job)
                self.prepare()
                self._wake.set()
            if job.live:
                self._watchers.setdefault(job.attempt, set()).add(watcher)
            return job

    def find(self, key: str) -> Job | None:
        """The latest job of a run key, None if there never was one or it is forgotten."""
        with self._lock:
            if key in self._jobs:
                self._jobs.move_to_end(key)
            return self._jobs.get(key)

    def release(self, key: str, watcher: str) -> None:
        """`watcher` looks no longer; a live run that nobody looks at is stopped."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.live:
                watchers = self._watchers.get(job.attempt, set())
                watchers.discard(watcher)
                if not watchers:
                    self.stop(key)

    def stop(self, key: str) -> None:
        """Stop a run, for all who watch; what was measured is kept. No effect on one that has ended."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.live:
                return
            if job in self._waiting:
                self._waiting.remove(job)
                self._end(job, "stopped")
            elif job.attempt not in self._stopping and self._connection is not None:
                self._stopping.add(job.attempt)
                self._connection.stop(job.attempt)

    def queue_position(self, key: str) -> int:
        """How many runs start before this one; 0 if it is next, running or not queued at all."""
        with self._lock:
            return next((place for place, job in enumerate(self._waiting) if job.key == key), 0)

    def close(self) -> None:
        """Stop everything and end the cluster, if it is this service's own; safe to call again."""
        with self._lock:
            self._closed = True
            self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)

    def _dispatch(self) -> None:
        """The service's thread: connect, hand waiting jobs to free workers, and wait for more."""
        connect = True  # at first even if nothing waits, for `prepare`
        while not self._closed:
            if self._waiting or connect:
                connect = False
                try:
                    self._hand_out(self._connected())
                except JobsError as error:
                    with self._lock:
                        for job in self._waiting[:]:
                            self._waiting.remove(job)
                            self._end(job, "failed", error=str(error))
            self._wake.wait(POLL_SECONDS if self._waiting else None)
            self._wake.clear()
        self._drop("stopped")

    def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.alive:
            self._drop("failed", LOST)
        if self._connection is None:
            self._connection = Connection(self._address, self._receive)
        return self._connection

    def _hand_out(self, connection: Connection) -> None:
        free = connection.slots() - len(self._sent)
        with self._lock:
            chosen, self._waiting = self._waiting[: max(free, 0)], self._waiting[max(free, 0) :]
            self._sent.update({job.attempt: job for job in chosen})
        for job in chosen:
            try:
                connection.start(job.config.model_dump_json(), job.attempt, partial(self._ended, job))
            except JobsError as error:
                self._ended(job, str(error))

    def _drop(self, state: State, error: str | None = None) -> None:
        """Give up the connection, and with it what it was to bring."""
        with self._lock:
            connection, self._connection = self._connection, None
            for job in [*self._sent.values(), *(self._waiting if self._closed else ())]:
                self._end(job, state, error=error)
            self._sent.clear()
        if connection is not None:
            connection.close()

    def _receive(self, message: Any) -> None:
        job = self._sent.get(message["attempt"])  # an earlier attempt's late frames find nobody
        if job is not None:
            job.receive(message["first"], message["frames"])

    def _ended(self, job: Job, result: bytes | str) -> None:
        """Called with the record as a file, or with a sentence that says why there is none."""
        record, problem = None, None
        if isinstance(result, str):
            problem = result
        else:
            try:
                record = Record.from_bytes(result)
            except ValueError as error:
                problem = f"The record came back damaged ({error}); start it again."
        with self._lock:
            if record is not None:
                self._end(job, "stopped" if record.outcome == "stopped" else "finished", record)
            elif job.attempt in self._stopping:
                self._end(job, "stopped")
            else:
                self._end(job, "failed", error=problem)
            self._wake.set()

    def _end(self, job: Job, state: State, record: Record | None = None, error: str | None = None) -> None:
        job.end(state, record, error)
        self._sent.pop(job.attempt, None)
        self._watchers.pop(job.attempt, None)
        self._stopping.discard(job.attempt)
        ended = [key for key, other in self._jobs.items() if not other.live]
        for key in ended[: max(len(ended) - KEPT_JOBS, 0)]:
            del self._jobs[key]
