"""A connection to one Dask scheduler: sends runs to workers, and brings their frames and records back.

The only module of the app's process that talks to Dask. Apps that are connected to one scheduler and ask for the same
attempt share one training. Calls may take seconds, so a thread of the service makes them, never a page's script.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from bnviz.core.config import MEASURING_VERSION, RunConfig
from bnviz.jobs import scheduler_calls, worker
from bnviz.jobs.errors import NOT_STARTED, JobsError
from bnviz.jobs.local_cluster import EmbeddedCluster, start_embedded

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 5.0  # a scheduler that takes longer to answer a small question is taken for dead
RESULT_SECONDS = 30.0  # a record has some MB
STOP_SECONDS = 0.7  # a worker that has not stopped by then is busy with one very long step, and is given up
WORKER_SECONDS = 120.0
"""A cluster of our own that has had no worker for so long has none to come: one imports torch in 4 s of a core."""
AHEAD = 2  # runs that wait at the scheduler for each worker: a busy app takes a second to send more
LOST = "The connection to the training processes was lost while this ran; start it again."
DIED = "The process that trained this died twice, perhaps for want of memory; try a smaller network or batch."

OnMessage = Callable[[Mapping[str, Any]], None]
OnEnd = Callable[[bytes | str | None], None]


class Connection:
    """Connected from the start, to `address` or, where that is None, to a cluster of its own.

    `on_message` is called with what `bnviz.jobs.worker` sends, in Dask's event-loop thread: it must be quick.

    Raises:
        JobsError: nobody answers there, or the cluster does not start.
    """

    def __init__(self, address: str | None, on_message: OnMessage) -> None:
        from distributed import Client  # takes a second: not while a page waits for this module

        self._cluster: EmbeddedCluster | None = None if address else start_embedded()
        self.address = self._cluster.address if self._cluster else str(address)
        self._on_message = on_message
        self._futures: dict[str, Any] = {}
        self._stopped: set[str] = set()  # attempts
        self._resource: dict[str, int] | None = None  # what a task on a GPU asks for
        self._no_worker_since: float | None = None  # when it was first seen that there is no worker
        problem = ""
        try:
            own = self._cluster is not None  # then its workers can be reached, without the scheduler in between
            self._client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False, direct_to_workers=own)
            problem = self._versions()
        except Exception as error:  # which one depends on what is wrong with the address
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

    def room(self) -> tuple[int, int]:
        """How many runs can train at once (0 while workers are starting), and how many more may be sent now.

        Raises:
            JobsError: the cluster is our own, and its workers do not start.
        """
        try:
            threads, unfinished = self._ask_scheduler(scheduler_calls.threads_and_unfinished)
        except Exception:  # it takes too long, or has gone
            return 0, 0
        if threads:
            self._no_worker_since = None
        elif self._no_worker_since is None:
            self._no_worker_since = monotonic()
        elif self._cluster is not None and monotonic() - self._no_worker_since > WORKER_SECONDS:
            raise JobsError(NOT_STARTED.format(f"none for {WORKER_SECONDS:.0f} s"))
        return threads, max((1 + AHEAD) * threads - unfinished, 0)

    def running(self, attempts: Iterable[str]) -> list[str]:
        """Those of the attempts that do not wait for a worker: they train, or the scheduler has lost them."""
        by_key = {worker.task_key(attempt): attempt for attempt in attempts}
        try:
            waiting = self._ask_scheduler(scheduler_calls.waiting_tasks, list(by_key))
        except Exception:  # it takes too long, or has gone
            waiting = []
        return [attempt for key, attempt in by_key.items() if key not in waiting]

    def prepare(self, attempt: str) -> bool:
        """Get ready to start an attempt; whether another app has sent the same, which is then there to be shared.

        Raises:
            JobsError: the scheduler has gone.
        """
        try:
            known, self._resource = self._ask_scheduler(
                scheduler_calls.prepare, worker.task_key(attempt), self._client.id
            )
        except Exception as error:
            raise JobsError(LOST) from error
        return bool(known)

    def start(self, config: RunConfig, attempt: str, on_end: OnEnd, shared: bool) -> None:
        """Send a run that was prepared just now, or share it.

        `on_end` gets the record, packed, or a sentence if it failed, or None if it was cancelled or the scheduler has
        gone; in a thread of Dask's.

        Raises:
            JobsError: the scheduler has gone.
        """
        key = worker.task_key(attempt)
        try:
            self._client.subscribe_topic(key, partial(_pass_on, self._on_message))
            future = self._client.submit(
                worker.run,
                config.model_dump_json(),
                attempt,
                MEASURING_VERSION,
                key=key,
                pure=False,
                fifo_timeout=0,
                resources=self._resource if config.device == "cuda" else None,
            )
        except Exception as error:
            raise JobsError(LOST) from error
        self._futures[attempt] = future  # Dask drops a run that nobody holds the future of
        future.add_done_callback(partial(self._ended, attempt, on_end))
        if shared:
            self.catch_up(attempt)

    def catch_up(self, attempt: str) -> None:
        """Have all frames so far of a run sent as one message, with `whole` set; returns at once."""
        threading.Thread(target=self._catch_up, args=(attempt,), daemon=True).start()

    def stop(self, attempt: str) -> None:
        """Have a run stop, wherever it is, or go on without us if other apps want it.

        Returns at once; `on_end` is called in less than a second.
        """
        self._stopped.add(attempt)
        threading.Thread(target=self._stop, args=(attempt,), daemon=True).start()
        giving_up = threading.Timer(STOP_SECONDS, self._cancel, (attempt,))
        giving_up.daemon = True
        giving_up.start()

    def close(self) -> None:
        """Hang up, and end the cluster if it is this connection's own."""
        with suppress(Exception):  # there may be no client yet
            self._client.close(timeout=ANSWER_SECONDS)
        self._end_cluster()

    def _versions(self) -> str:
        """A sentence if the scheduler cannot even be asked, empty if it can."""
        try:
            self._ask_scheduler(scheduler_calls.threads_and_unfinished, seconds=CONNECT_SECONDS)
        except (ImportError, AttributeError, TypeError) as error:
            return (
                f"The scheduler at {self.address} cannot run bnviz's questions ({type(error).__name__}: {error}); "
                "install the same version of bnviz on all machines and start them again."
            )
        return ""

    def _ask_scheduler(self, question: Callable[..., Any], *arguments: Any, seconds: float = ANSWER_SECONDS) -> Any:
        return self._client.run_on_scheduler(question, *arguments, callback_timeout=seconds)

    def _catch_up(self, attempt: str) -> None:
        with suppress(Exception):  # there will be more messages, and with them another chance
            for frames in self._client.run(worker.frames_of, attempt, on_error="ignore").values():
                if frames is not None:
                    self._on_message({"attempt": attempt, "first": 0, "frames": frames, "whole": True})

    def _stop(self, attempt: str) -> None:
        with suppress(Exception):  # then the timer sees to it
            others = self._ask_scheduler(scheduler_calls.others_want, worker.task_key(attempt), self._client.id)
            heard = not others and any(self._client.run(worker.request_stop, attempt, on_error="ignore").values())
            if not heard:
                self._cancel(attempt)

    def _cancel(self, attempt: str) -> None:
        future = self._futures.get(attempt)
        if future is not None and not future.done():
            with suppress(Exception):
                future.cancel()

    def _ended(self, attempt: str, on_end: OnEnd, future: Any) -> None:
        result: bytes | str | None
        try:
            result = future.result(timeout=RESULT_SECONDS)
        except Exception as error:  # about the process or the connection: what a run says of itself comes as a result
            result = _reason(error)
        self._futures.pop(attempt, None)
        whole = isinstance(result, bytes) and attempt not in self._stopped
        self._stopped.discard(attempt)
        if whole:  # until it is in the store, the cluster knows it, and no other app has it trained once more
            on_end(result)
        with suppress(Exception):
            future.release()
            self._client.unsubscribe_topic(worker.task_key(attempt))
        if not whole:  # and no trace is left of what may soon be tried again
            on_end(result)

    def _end_cluster(self) -> None:
        if self._cluster is not None:
            self._cluster.close()


def _reason(error: Exception) -> str | None:
    """A sentence on why there is no result; None if it is worth while to ask once more."""
    if type(error).__name__ == "KilledWorker":
        return DIED
    if isinstance(error, ImportError | AttributeError | TypeError):  # it could not even be called
        return (
            f"A worker cannot run bnviz's tasks ({type(error).__name__}: {error}); install the same version of bnviz "
            "on all machines and start them again."
        )
    return None


def _pass_on(on_message: OnMessage, event: tuple[float, Any]) -> None:
    on_message(event[1])
