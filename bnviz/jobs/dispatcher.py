"""Get queued jobs to workers and their results back, through one connection at a time.

Jobs wait in a queue that is fair between sessions, and a few at a time go to the cluster. A run that is lost with a
worker or a scheduler, or from which nothing is heard, is sent again once.
"""

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.jobs.connection import LOST, Connection
from bnviz.jobs.errors import NOT_STARTED, JobsError
from bnviz.jobs.fair_queue import FairQueue, expected_seconds
from bnviz.jobs.job import Job, State
from bnviz.records import gallery

POLL_SECONDS = 0.2  # how often to look for a free worker while jobs wait and none is sent: one small message
LOOK_SECONDS = 1.0  # how often while the scheduler has jobs of ours; as soon as one of them ends, too
CLOSE_SECONDS = 10.0
RETURN_SECONDS = 30.0  # how long a scheduler that was there and has gone is waited for
SILENCE_SECONDS = 30.0  # a run from which nothing is heard for so long is sent again, once
SILENT = (
    f"Nothing was heard from this run for {SILENCE_SECONDS:.0f} seconds, twice. Start it again; if that does not help, "
    "whoever runs this app should restart it."
)

logger = logging.getLogger(__name__)


class Dispatcher:
    """Any thread may call it, and no call waits for the cluster, except `close`.

    Args:
        address: of a Dask scheduler; None: a cluster on this machine, that ends with this process.
        arrived: called with each record of a run that came to its end, and as it came, packed, before its job says so;
            may take its time.
        known: asked for a run's result before it is sent, as another app may have had it trained; None if it is to be.
    """

    def __init__(
        self,
        address: str | None,
        arrived: Callable[[Record, bytes], object],
        known: Callable[[RunConfig], Record | None],
    ) -> None:
        self._address = address
        self._arrived = arrived
        self._known = known
        self._lock = threading.RLock()
        self._queue = FairQueue()
        self._sent: dict[str, tuple[str, Job]] = {}  # by attempt: those that the cluster has, with their owners
        self._tries: Counter[str] = Counter()  # by run key, of live jobs
        self._stopping: set[str] = set()  # attempts
        self._pace = 1.0  # seconds that runs take here for each second estimated
        self._threads = 0
        self._connection: Connection | None = None
        self._lost_since: float | None = None  # when a scheduler that had been there was last found gone
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._dispatch, name="bnviz-jobs", daemon=True)

    def prepare(self) -> None:
        """Start the cluster now, so that the first run need not wait for it; returns at once."""
        with self._lock:
            if not self._closed and self._thread.ident is None:
                self._thread.start()

    def add(self, job: Job, owner: str, going: int) -> None:
        """Have a job trained for `owner`, who has `going` others waiting or training.

        Raises:
            JobsError: it is closed, or that would be more than the limits allow.
        """
        with self._lock:
            if self._closed:
                raise JobsError("The app is closing; no more runs are started.")
            try:
                self.prepare()
            except RuntimeError as error:  # no thread can be started
                raise JobsError(NOT_STARTED.format(error)) from error
            self._queue.add(job, owner, going)
        self._wake.set()

    def stop(self, job: Job) -> None:
        """Stop a run; what was measured is kept. No effect on one that has ended."""
        with self._lock:
            if not job.live:
                return
            if job in self._queue:
                self._queue.remove(job)
                self._end(job, "stopped")
                return
            attempt = next(attempt for attempt, (_, sent) in self._sent.items() if sent is job)
            if attempt not in self._stopping and self._connection is not None:
                self._stopping.add(attempt)
                self._connection.stop(attempt)

    def before(self, job: Job) -> list[Job]:
        """Jobs that start before this one; none if it is next, running or not queued at all."""
        with self._lock:
            waiting = [sent for _, sent in self._sent.values() if sent.state == "queued"]
            waiting += self._queue.in_turn(self._training())
            return waiting[: waiting.index(job)] if job in waiting else []

    def expected_wait(self, job: Job) -> float:
        """Roughly how many seconds until a queued job starts."""
        with self._lock:
            running = [sent for _, sent in self._sent.values() if sent.state == "running"]
            return expected_seconds(self.before(job), running, self._threads, self._pace)

    def close(self) -> None:
        """Stop everything and end the cluster, if it is this dispatcher's own; safe to call again."""
        with self._lock:
            self._closed = True
            self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)

    def _training(self) -> Counter[str]:
        return Counter(owner for owner, _ in self._sent.values())

    def _dispatch(self) -> None:
        """The service's thread: connect, hand waiting jobs to free workers, and wait for more."""
        connect = True  # at first even if nothing waits, for `prepare`
        while not self._closed:
            if self._queue or self._sent or connect:
                connect = False
                try:
                    connection = self._connected()
                    self._hand_out(connection)
                    self._resend_silent(connection)
                except JobsError as error:
                    self._fail_waiting(str(error))
                except (
                    Exception
                ) as error:  # of any kind: later runs may be luckier, and without this thread none starts
                    logger.exception("runs cannot be sent to workers")
                    self._fail_waiting(NOT_STARTED.format(f"{type(error).__name__}: {error}"))
            self._wake.wait(LOOK_SECONDS if self._sent else POLL_SECONDS if self._queue else None)
            self._wake.clear()
        with self._lock:
            for job in [*self._queue.clear(), *(job for _, job in self._sent.values())]:
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

    def _fail_waiting(self, sentence: str) -> None:
        """There is nobody to train. A scheduler that was there before is waited for; else nothing is."""
        with self._lock:
            if self._lost_since is not None and monotonic() - self._lost_since < RETURN_SECONDS:
                return
            for job in self._queue.clear():
                self._end(job, "failed", error=sentence)

    def _hand_out(self, connection: Connection) -> None:
        if not self._queue and not self._sent:
            return
        try:
            self._threads, room = connection.room()
        except JobsError:
            self._disconnect()  # the next run finds out whether a new cluster fares better
            raise
        with self._lock:
            chosen = {self._attempt(job): (owner, job) for owner, job in self._queue.take(room, self._training())}
            self._sent.update(chosen)
            for _, job in chosen.values():
                job.sent = monotonic()
        for attempt, (_, job) in chosen.items():
            try:
                shared = connection.prepare(attempt)
                # Asked in this order: another app lets the cluster forget what it has only when it is in the store.
                record = None if shared or job.fresh else self._known(job.config)
                if record is None:
                    connection.start(job.config, attempt, partial(self._ended, attempt), shared)
            except JobsError:
                self._ended(attempt, None)
                continue
            except Exception as error:
                logger.exception("run %s cannot be sent to a worker", attempt)
                self._ended(attempt, NOT_STARTED.format(f"{type(error).__name__}: {error}"))
                continue
            with self._lock:
                if record is not None and job.live:
                    self._end(job, "finished", record)

    def _resend_silent(self, connection: Connection) -> None:
        """Send the runs of this connection again, over a new one, if nothing was heard for long from one that trains.

        Whatever the cause is: a lost message, a clock that was set back, a process that hangs.
        """
        with self._lock:
            now = monotonic()
            quiet = [attempt for attempt, (_, job) in self._sent.items() if now - job.last_sign > SILENCE_SECONDS]
        silent = connection.running(quiet) if quiet else []
        if silent:
            logger.warning("nothing was heard from %s for %.0f s; sent again", ", ".join(silent), SILENCE_SECONDS)
            self._disconnect(SILENT)

    def _attempt(self, job: Job) -> str:
        """The run key at first, so that several apps share a training; a name of its own for one that is to be new."""
        self._tries[job.key] += 1
        return job.key if self._tries[job.key] == 1 and not job.fresh else f"{job.key}-{uuid.uuid4().hex}"

    def _disconnect(self, problem: str = LOST) -> None:
        """Give up the connection; its runs wait once more, or fail with the problem if they did so before."""
        with self._lock:
            connection, self._connection = self._connection, None
            for attempt in list(self._sent):
                self._retry(attempt, problem)
        if connection is not None:
            connection.close()

    def _receive(self, message: Any) -> None:
        attempt = message["attempt"]
        _, job = self._sent.get(attempt, (None, None))  # an earlier attempt's late frames find nobody
        if job is None:
            return
        if message.get("whole"):
            job.catch_up(message["frames"])
        elif not job.receive(message["first"], message["frames"]) and self._connection is not None:
            self._connection.catch_up(attempt)

    def _ended(self, attempt: str, result: bytes | str | None) -> None:
        """Called with the record, packed, with a sentence that says why there is none, or with neither."""
        record, problem = None, result if isinstance(result, str) else LOST
        if isinstance(result, bytes):
            try:
                record = gallery.unpacked(result)
            except ValueError as error:
                problem = f"The record came back damaged ({error}); start it again."
            else:
                if record.outcome != "stopped":
                    self._arrived(record, result)  # before anybody is shown that it is done
        with self._lock:
            _, job = self._sent.get(attempt, (None, None))
            if job is None:
                return
            stopped = record is not None and record.outcome == "stopped"
            if attempt in self._stopping:
                self._end(job, "stopped" if stopped or record is None else "finished", record)
            elif stopped or result is None:  # another app stopped it, or it was lost
                self._retry(attempt)
            elif record is not None:
                self._note_pace(job)
                self._end(job, "finished", record)
            else:
                self._end(job, "failed", error=problem)
            self._wake.set()

    def _retry(self, attempt: str, problem: str = LOST) -> None:
        """Let a job wait once more whose attempt came to nothing; the second time it has failed."""
        owner, job = self._sent.pop(attempt)
        if attempt in self._stopping or self._closed:
            self._end(job, "stopped")
        elif self._tries[job.key] > 1:
            self._end(job, "failed", error=problem)
        elif job.live:
            job.start_over()
            self._queue.put_back(job, owner)

    def _note_pace(self, job: Job) -> None:
        if job.started is not None:
            took = (monotonic() - job.started) / max(job.estimated_seconds, 1e-3)
            self._pace += 0.2 * (min(max(took, 0.1), 20.0) - self._pace)

    def _end(self, job: Job, state: State, record: Record | None = None, error: str | None = None) -> None:
        job.end(state, record, error)
        for attempt in [attempt for attempt, (_, sent) in self._sent.items() if sent is job]:
            del self._sent[attempt]
            self._stopping.discard(attempt)
        del self._tries[job.key]
