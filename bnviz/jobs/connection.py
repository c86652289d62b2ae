"""Connection to one Dask scheduler: submit runs, receive frames and records.

The only module of the app's process that uses Dask. Apps that are connected to one scheduler and ask for the same
attempt share one training. Calls can block for seconds, so the service makes them in a thread of its own.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from bnviz.core.config import MEASURING_VERSION, RunConfig
from bnviz.jobs import scheduler_calls, worker
from bnviz.jobs.errors import NOT_STARTED, JobsError
from bnviz.jobs.local_cluster import EmbeddedCluster, start_embedded

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 5.0  # a scheduler that takes longer to answer a small question counts as dead
RESULT_SECONDS = 30.0  # a record has some MB
STOP_SECONDS = 0.7  # a run that has not stopped by then is in a very long step, and is cancelled
WORKER_SECONDS = 120.0
"""An own cluster without any worker for so long has failed; a worker needs 4 s of a core to import torch."""
WAITING_PER_WORKER = 2  # runs sent ahead: a busy app can take a second to send the next one
LOST = "The connection to the training processes was lost while this ran; start it again."
DIED = "The process that trained this died twice, perhaps for want of memory; try a smaller network or batch."

OnMessage = Callable[[Mapping[str, Any]], None]
OnEnd = Callable[[bytes | str | None], None]


class Load(NamedTuple):
    """How busy a cluster is.

    Attributes:
        threads: runs that can train at once; 0 while workers start, or if the scheduler does not answer.
        room: runs that may be sent now.
        waiting: attempts that wait for a free worker.
    """

    threads: int
    room: int
    waiting: frozenset[str]


class Connection:
    """A connection to the scheduler at `address`, or to a new cluster of its own if that is None.

    `on_message` is called with the messages that `bnviz.jobs.worker` sends, in Dask's event-loop thread, so it must be
    quick.

    Raises:
        JobsError: no scheduler answers, or the cluster does not start.
    """

    def __init__(self, address: str | None, on_message: OnMessage) -> None:
        from distributed import Client  # takes a second, so not while a page imports this module

        self._cluster: EmbeddedCluster | None = None if address else start_embedded()
        self.address = self._cluster.address if self._cluster else str(address)
        self._on_message = on_message
        self._futures: dict[str, Any] = {}
        self._stopped: set[str] = set()  # attempts
        self._gpu_resources: dict[str, int] | None = None  # required by a task on a GPU
        self._without_workers_since: float | None = None
        problem = ""
        try:
            own = self._cluster is not None  # its workers can be reached without the scheduler in between
            self._client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False, direct_to_workers=own)
            problem = self._version_problem()
        except Exception as error:  # its type depends on what is wrong with the address
            self.close()
            raise JobsError(
                f"The scheduler at {self.address} does not answer ({type(error).__name__}); start one there, or set "
                "BNVIZ_SCHEDULER to the address of one that runs, or unset it to train on this machine."
                + (" With tls://, both sides need certificates of one authority." if "tls:" in self.address else "")
            ) from error
        if problem:
            self.close()
            raise JobsError(problem)

    @property
    def alive(self) -> bool:
        """Whether runs can be sent."""
        return self._client.status == "running" and not (self._cluster and self._cluster.process.poll() is not None)

    def load(self) -> Load:
        """Ask the scheduler how busy the cluster is.

        Raises:
            JobsError: the cluster is our own, and its workers do not start.
        """
        try:
            threads, unfinished, waiting = self._call_scheduler(scheduler_calls.load)
        except Exception:  # the scheduler is too slow, or has died
            return Load(0, 0, frozenset())
        if threads:
            self._without_workers_since = None
        elif self._without_workers_since is None:
            self._without_workers_since = monotonic()
        elif self._cluster is not None and monotonic() - self._without_workers_since > WORKER_SECONDS:
            raise JobsError(NOT_STARTED.format(f"none for {WORKER_SECONDS:.0f} s"))
        names = frozenset(key.removeprefix(scheduler_calls.TASK_PREFIX) for key in waiting)
        return Load(threads, max((1 + WAITING_PER_WORKER) * threads - unfinished, 0), names)

    def claim(self, attempt: str) -> bool:
        """Prepare to start an attempt; return whether another app has sent the same, which is then kept for us.

        Raises:
            JobsError: the scheduler has died.
        """
        try:
            exists, self._gpu_resources = self._call_scheduler(
                scheduler_calls.claim, worker.task_key(attempt), self._client.id
            )
        except Exception as error:
            raise JobsError(LOST) from error
        return bool(exists)

    def start(self, config: RunConfig, attempt: str, on_end: OnEnd, shared: bool) -> None:
        """Send a run after `claim`, or share the one that another app has sent.

        `on_end` is called in a thread of Dask's with the packed record, a sentence if the run failed, or None if it
        was cancelled or the scheduler has died.

        Raises:
            JobsError: the scheduler has died.
        """
        key = worker.task_key(attempt)
        try:
            self._client.subscribe_topic(key, lambda event: self._on_message(event[1]))
            future = self._client.submit(
                worker.run,
                config.model_dump_json(),
                attempt,
                MEASURING_VERSION,
                key=key,
                pure=False,
                fifo_timeout=0,
                resources=self._gpu_resources if config.device == "cuda" else None,
            )
        except Exception as error:
            raise JobsError(LOST) from error
        self._futures[attempt] = future  # Dask drops a task whose future is gone
        future.add_done_callback(partial(self._finish, attempt, on_end))
        if shared:
            self.request_frames(attempt)

    def request_frames(self, attempt: str) -> None:
        """Have all frames of a run so far sent as one message with `whole` set; returns at once."""
        threading.Thread(target=self._request_frames, args=(attempt,), daemon=True).start()

    def stop(self, attempt: str) -> None:
        """Stop a run, or leave it to the other apps that want it; returns at once.

        `on_end` is called in less than a second.
        """
        self._stopped.add(attempt)
        threading.Thread(target=self._stop, args=(attempt,), daemon=True).start()
        timer = threading.Timer(STOP_SECONDS, self._cancel, (attempt,))
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """Disconnect, and end the cluster if it is our own."""
        with suppress(Exception):  # the client may be missing
            self._client.close(timeout=ANSWER_SECONDS)
        if self._cluster is not None:
            self._cluster.close()

    def _version_problem(self) -> str:
        """A sentence if the scheduler cannot run our functions, otherwise empty."""
        try:
            self._call_scheduler(scheduler_calls.load, seconds=CONNECT_SECONDS)
        except (ImportError, AttributeError, TypeError) as error:
            return (
                f"The scheduler at {self.address} cannot run bnviz's questions ({type(error).__name__}: {error}); "
                "install the same version of bnviz on all machines and start them again."
            )
        return ""

    def _call_scheduler(self, function: Callable[..., Any], *arguments: Any, seconds: float = ANSWER_SECONDS) -> Any:
        """Run a function in the scheduler; raises what it raises, and TimeoutError."""
        return self._client.run_on_scheduler(function, *arguments, callback_timeout=seconds)

    def _request_frames(self, attempt: str) -> None:
        with suppress(Exception):  # the next message is another chance
            for frames in self._client.run(worker.frames_of, attempt, on_error="ignore").values():
                if frames is not None:
                    self._on_message({"attempt": attempt, "first": 0, "frames": frames, "whole": True})

    def _stop(self, attempt: str) -> None:
        with suppress(Exception):  # then the timer cancels it
            key = worker.task_key(attempt)
            shared = self._call_scheduler(scheduler_calls.wanted_by_others, key, self._client.id)
            if shared or not any(self._client.run(worker.request_stop, attempt, on_error="ignore").values()):
                self._cancel(attempt)

    def _cancel(self, attempt: str) -> None:
        future = self._futures.get(attempt)
        if future is not None and not future.done():
            with suppress(Exception):
                future.cancel()

    def _finish(self, attempt: str, on_end: OnEnd, future: Any) -> None:
        result: bytes | str | None
        try:
            result = future.result(timeout=RESULT_SECONDS)
        except Exception as error:  # of the process or the connection: a run returns its own failure as a sentence
            result = _failure_message(error)
        self._futures.pop(attempt, None)
        complete = isinstance(result, bytes) and attempt not in self._stopped
        self._stopped.discard(attempt)
        if complete:  # the cluster keeps the result until it is stored, so that no other app trains it again
            on_end(result)
        with suppress(Exception):
            future.release()
            self._client.unsubscribe_topic(worker.task_key(attempt))
        if not complete:  # released first, because the run may be sent again
            on_end(result)


def _failure_message(error: Exception) -> str | None:
    """A sentence on why there is no result; None if the run should be sent again."""
    if type(error).__name__ == "KilledWorker":
        return DIED
    if isinstance(error, ImportError | AttributeError | TypeError):  # the task could not be called
        return (
            f"A worker cannot run bnviz's tasks ({type(error).__name__}: {error}); install the same version of bnviz "
            "on all machines and start them again."
        )
    return None
