"""Dispatcher: send queued jobs to workers, receive their frames and records, and send lost runs once more.

Jobs wait in a queue that is fair between visitors; a few at a time go to the cluster, over one connection.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.jobs.attempts import Attempt, Attempts
from bnviz.jobs.connection import LOST, Connection
from bnviz.jobs.errors import NOT_STARTED, JobsError
from bnviz.jobs.fair_queue import FairQueue, expected_seconds
from bnviz.jobs.job import Job, State
from bnviz.records import gallery

POLL_SECONDS = 0.2  # between looks for a free worker while jobs wait and none is sent
LOAD_SECONDS = 1.0  # between looks while the cluster has jobs of ours; the end of a job triggers one, too
CLOSE_SECONDS = 10.0
SILENCE_SECONDS = 30.0
"""A run that sends nothing for so long is lost, whatever the cause; workers send a heartbeat every ten seconds."""
RETURN_SECONDS = 30.0  # how long to wait for a scheduler that has died to come back
SILENT = (
    "Nothing was heard of this run for {:.0f} s, twice, so it was given up. Start it again; if that does not help, "
    "restart the app, or the cluster if BNVIZ_SCHEDULER names one."
)

logger = logging.getLogger(__name__)


class Dispatcher:
    """Thread-safe; no call waits for the cluster, except `close`.

    A run that is lost with its connection is sent once more. So is one of which nothing was heard for
    `SILENCE_SECONDS`: the connection is replaced first, with the cluster if it is our own.

    Args:
        address: of a Dask scheduler; None: a cluster on this machine that ends with this process.
        store_record: called with each complete record and its packed bytes before the job ends; may take its time.
        find_record: returns a run's record if another app has had it trained meanwhile, otherwise None.
    """

    def __init__(
        self,
        address: str | None,
        store_record: Callable[[Record, bytes], object],
        find_record: Callable[[RunConfig], Record | None],
    ) -> None:
        self._address = address
        self._store_record = store_record
        self._find_record = find_record
        self._lock = threading.RLock()
        self._queue = FairQueue()
        self._attempts = Attempts()
        self._pace = 1.0  # training seconds for each estimated second
        self._threads = 0
        self._connection: Connection | None = None
        self._lost_since: float | None = None  # when the scheduler was last found dead
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="bnviz-jobs", daemon=True)

    def prepare(self) -> None:
        """Start the cluster before the first run needs it; returns at once."""
        with self._lock:
            if not self._closed and self._thread.ident is None:
                self._thread.start()

    def add(self, job: Job, owner: str, live_count: int) -> None:
        """Queue a job for `owner`, who has `live_count` others waiting or training.

        Raises:
            JobsError: the dispatcher is closed, or a limit is reached.
        """
        with self._lock:
            if self._closed:
                raise JobsError("The app is closing; no more runs are started.")
            try:
                self.prepare()
            except RuntimeError as error:  # no thread can be started
                raise JobsError(NOT_STARTED.format(error)) from error
            self._queue.add(job, owner, live_count)
        self._wake.set()

    def stop(self, job: Job) -> None:
        """Stop a run and keep its measurements; no effect on one that has ended."""
        with self._lock:
            if not job.live:
                return
            if job in self._queue:
                self._queue.remove(job)
                self._end(job, "stopped")
                return
            attempt = self._attempts.of(job)
            if attempt is not None and not attempt.stopping and self._connection is not None:
                attempt.stopping = True
                self._connection.stop(attempt.name)

    def jobs_ahead(self, job: Job) -> list[Job]:
        """Jobs that start before this one; none if it is next, running or not queued."""
        with self._lock:
            waiting = self._attempts.jobs("queued") + self._queue.in_turn(self._attempts.owners())
            return waiting[: waiting.index(job)] if job in waiting else []

    def expected_wait(self, job: Job) -> float:
        """Estimated seconds until a queued job starts."""
        with self._lock:
            return expected_seconds(self.jobs_ahead(job), self._attempts.jobs("running"), self._threads, self._pace)

    def close(self) -> None:
        """Stop everything, and end the cluster if it is our own; safe to call again."""
        with self._lock:
            self._closed = True
            self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        """The dispatcher's thread: connect, send waiting jobs to free workers, and wait for more."""
        connect = True  # at first even without jobs, for `prepare`
        while not self._closed:
            if self._queue or self._attempts or connect:
                connect = False
                try:
                    self._serve(self._connected())
                except JobsError as error:
                    self._fail_queued(str(error))
                except Exception as error:  # of any kind: without this thread no later run would start
                    logger.exception("runs cannot be sent to workers")
                    self._fail_queued(NOT_STARTED.format(f"{type(error).__name__}: {error}"))
            self._wake.wait(LOAD_SECONDS if self._attempts else POLL_SECONDS if self._queue else None)
            self._wake.clear()
        with self._lock:
            for job in [*self._queue.clear(), *(attempt.job for attempt in self._attempts)]:
                self._end(job, "stopped")
        self._disconnect()

    def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.alive:
            self._lost_since = monotonic()
            self._disconnect()
        if self._connection is None:
            self._connection = Connection(self._address, self._receive)
            self._lost_since = None
        return self._connection

    def _fail_queued(self, sentence: str) -> None:
        """Fail all queued jobs, unless a scheduler that has died may still come back."""
        with self._lock:
            if self._lost_since is not None and monotonic() - self._lost_since < RETURN_SECONDS:
                return
            for job in self._queue.clear():
                self._end(job, "failed", error=sentence)

    def _serve(self, connection: Connection) -> None:
        """Replace a connection on which runs are silent; otherwise send jobs for which there is room."""
        if not self._queue and not self._attempts:
            return
        try:
            load = connection.load()
        except JobsError:
            self._disconnect()  # the next run starts a new cluster
            raise
        self._threads = load.threads
        if self._give_up_silent(connection, load.waiting):
            self._disconnect()
            self._wake.set()
            return
        with self._lock:
            chosen = self._queue.take(load.room, self._attempts.owners())
            attempts = [self._attempts.add(job, owner) for owner, job in chosen]
        for attempt in attempts:
            self._send(connection, attempt)

    def _send(self, connection: Connection, attempt: Attempt) -> None:
        job, record = attempt.job, None
        try:
            shared = connection.claim(attempt.name)
            # In this order: another app releases a result at the cluster only once it is stored.
            if not shared and not job.fresh:
                record = self._find_record(job.config)
            if record is None:
                connection.start(job.config, attempt.name, partial(self._finish, attempt.name), shared)
        except JobsError:
            self._finish(attempt.name, None)
        except Exception as error:
            logger.exception("run %s cannot be sent to a worker", attempt.name)
            self._finish(attempt.name, NOT_STARTED.format(f"{type(error).__name__}: {error}"))
        if record is not None:
            with self._lock:
                if job.live:
                    self._end(job, "finished", record)

    def _give_up_silent(self, connection: Connection, waiting: frozenset[str]) -> bool:
        """Fail silent runs that were sent twice; return whether others are silent, so that all must be sent again."""
        with self._lock:
            silent = self._attempts.silent(SILENCE_SECONDS, waiting)
            repeatable = [attempt for attempt in silent if self._attempts.may_repeat(attempt.job)]
            for attempt in silent:
                logger.warning("nothing was heard of run %s", attempt.name)
                if attempt.stopping:
                    self._end(attempt.job, "stopped")
                elif attempt not in repeatable:
                    connection.stop(attempt.name)
                    self._end(attempt.job, "failed", error=SILENT.format(SILENCE_SECONDS))
            return bool(repeatable)

    def _disconnect(self) -> None:
        """Close the connection; its runs wait to be sent once more."""
        with self._lock:
            connection, self._connection = self._connection, None
            for attempt in self._attempts:
                self._retry(attempt)
        if connection is not None:
            connection.close()

    def _receive(self, message: Any) -> None:
        """Handle a message of a worker, or do nothing if its attempt was given up."""
        attempt = self._attempts.get(message["attempt"])
        if attempt is None:
            return
        attempt.last_heard = monotonic()
        if message.get("whole"):
            attempt.job.receive_all(message["frames"])
        elif not attempt.job.receive(message["first"], message["frames"]) and self._connection is not None:
            self._connection.request_frames(attempt.name)

    def _finish(self, name: str, result: bytes | str | None) -> None:
        """Handle an attempt's end: its packed record, a sentence on why there is none, or None if it was lost."""
        record, problem = None, result if isinstance(result, str) else LOST
        if isinstance(result, bytes):
            try:
                record = gallery.unpacked(result)
            except ValueError as error:
                problem = f"The record came back damaged ({error}); start it again."
            else:
                if record.outcome != "stopped":
                    self._store_record(record, result)  # before any page shows that it has ended
        with self._lock:
            attempt = self._attempts.get(name)
            if attempt is None:
                return
            job, stopped = attempt.job, record is not None and record.outcome == "stopped"
            if attempt.stopping:
                self._end(job, "stopped" if stopped or record is None else "finished", record)
            elif stopped or result is None:  # another app stopped it, or it was lost
                self._retry(attempt)
            elif record is not None:
                self._update_pace(job)
                self._end(job, "finished", record)
            else:
                self._end(job, "failed", error=problem)
            self._wake.set()

    def _retry(self, attempt: Attempt) -> None:
        """Queue the job of a lost attempt again, or fail it the second time."""
        job = attempt.job
        if attempt.stopping or self._closed:
            self._end(job, "stopped")
        elif not self._attempts.may_repeat(job):
            self._end(job, "failed", error=LOST)
        else:
            self._attempts.remove(attempt)
            job.start_over()
            self._queue.put_back(job, attempt.owner)

    def _update_pace(self, job: Job) -> None:
        if job.started is not None:
            ratio = (monotonic() - job.started) / max(job.estimated_seconds, 1e-3)
            self._pace += 0.2 * (min(max(ratio, 0.1), 20.0) - self._pace)

    def _end(self, job: Job, state: State, record: Record | None = None, error: str | None = None) -> None:
        job.end(state, record, error)
        self._attempts.forget(job)
