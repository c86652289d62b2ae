"""A line to one Dask scheduler: how a run gets to a worker, and its frames and its record back.

The only module of the app's process that talks to Dask. It does not know what is queued, who watches, or what a frame
is. Everything here may take its time, so it is called from a thread of the service, never from a page's script.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from bnviz.jobs import worker
from bnviz.jobs.cluster import EmbeddedCluster, JobsError, start_embedded

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 2.0  # a scheduler that takes longer to answer a small question is taken for dead
RESULT_SECONDS = 30.0  # a record has some MB
STOP_SECONDS = 0.7  # a worker that has not stopped by then is busy with one very long step, and is given up
KEPT_MESSAGES = 4  # of each topic a scheduler keeps the last 1000 unless told, hundreds of MB of frames
LOST = "The connection to the training processes was lost while this ran; start it again."
DIED = "The process that trained this died twice, perhaps for want of memory; try a smaller network or batch."

OnMessage = Callable[[Mapping[str, Any]], None]
OnEnd = Callable[[bytes | str], None]


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
        self._futures: dict[str, Any] = {}
        try:
            self._client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
        except Exception as error:  # which one depends on what is wrong with the address
            self._end_cluster()
            raise JobsError(
                f"The scheduler at {self.address} does not answer ({type(error).__name__}); start one there, or set "
                "BNVIZ_SCHEDULER to the address of one that runs, or unset it to train on this machine."
            ) from error
        # Named after the client, so that the scheduler forgets it, an hour after the client has gone.
        self._topic = self._client.id
        with suppress(Exception):  # a scheduler without bnviz keeps more, but works
            self._client.run_on_scheduler(_keep_few_messages, self._topic)
        self._client.subscribe_topic(self._topic, partial(_pass_on, on_message))

    @property
    def alive(self) -> bool:
        """Whether runs can be sent."""
        return self._client.status == "running" and not (self._cluster and self._cluster.process.poll() is not None)

    def slots(self) -> int:
        """How many runs can go on at once; 0 while workers are starting."""
        try:
            threads = self._client.sync(self._client.scheduler.ncores, callback_timeout=ANSWER_SECONDS)
        except OSError:  # a timeout is one, too
            return 0
        return sum(threads.values())

    def start(self, config_json: str, attempt: str, on_end: OnEnd) -> None:
        """Send a run; `on_end` gets its record as a file, or a sentence if it failed, in a thread of Dask's.

        Raises:
            JobsError: the scheduler has gone.
        """
        try:
            future = self._client.submit(
                worker.run, config_json, attempt, self._topic, key=f"bnviz-{attempt}", pure=False, fifo_timeout=0
            )
        except Exception as error:
            raise JobsError(LOST) from error
        self._futures[attempt] = future  # Dask drops a run that nobody holds the future of
        future.add_done_callback(partial(self._ended, attempt, on_end))

    def stop(self, attempt: str) -> None:
        """Have a run stop, wherever it is; returns at once, `on_end` is called when it has, in less than a second."""
        threading.Thread(target=self._tell_to_stop, args=(attempt,), daemon=True).start()
        giving_up = threading.Timer(STOP_SECONDS, self._cancel, (attempt,))
        giving_up.daemon = True
        giving_up.start()

    def close(self) -> None:
        """Hang up, and end the cluster if it is this connection's own."""
        with suppress(Exception):
            self._client.unsubscribe_topic(self._topic)  # or the scheduler would try to report the hanging up to us
            self._client.close(timeout=ANSWER_SECONDS)
        self._end_cluster()

    def _tell_to_stop(self, attempt: str) -> None:
        with suppress(Exception):  # then the timer sees to it
            self._client.run(worker.tell_to_stop, attempt, on_error="ignore")

    def _cancel(self, attempt: str) -> None:
        future = self._futures.get(attempt)
        if future is not None and not future.done():
            with suppress(Exception):
                future.cancel()

    def _ended(self, attempt: str, on_end: OnEnd, future: Any) -> None:
        try:
            result = future.result(timeout=RESULT_SECONDS)
        except Exception as error:  # of Dask's, about the process or the connection: the run's own come as results
            result = DIED if type(error).__name__ == "KilledWorker" else LOST
        self._futures.pop(attempt, None)
        with suppress(Exception):
            future.release()
        on_end(result)

    def _end_cluster(self) -> None:
        if self._cluster is not None:
            self._cluster.close()


def _pass_on(on_message: OnMessage, event: tuple[float, Any]) -> None:
    """Dask reports on the client under the same topic; those messages are not ours."""
    message = event[1]
    if isinstance(message, dict) and "attempt" in message:
        on_message(message)


def _keep_few_messages(topic: str, dask_scheduler: Any) -> None:
    """Runs in the scheduler: bound one topic's history. Dask's own setting is for all topics, before it starts."""
    dask_scheduler._broker._topics[topic].events = deque(maxlen=KEPT_MESSAGES)
