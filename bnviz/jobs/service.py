"""The app's training service: submit, watch, release and stop runs.

The same run asked for by thirty students is trained once, watched by all, and kept in the store. Pages look at a Job
when they like.
"""

import threading
from collections import OrderedDict
from time import monotonic
from weakref import WeakValueDictionary

from bnviz.core import environment
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.jobs.dispatcher import Dispatcher
from bnviz.jobs.job import Job
from bnviz.jobs.result_store import ResultStore
from bnviz.jobs.visitor_presence import VisitorPresence

KEPT_BYTES = 96 * 2**20
"""Of records of jobs that have ended and are still in memory; the least recently used go first, and come back from the
store. One page shows up to twelve records, of 2 MB at most."""
SHARED_SECONDS = 60.0
"""Who asks for a run afresh that somebody else had trained so shortly before gets that one."""


class Service:
    """One per app. Any thread may call it, and no call waits for the cluster, except `close`.

    Args:
        address: of a Dask scheduler; None: that in BNVIZ_SCHEDULER or, where it is not set, a cluster on this machine,
            started on first use, that ends with this process.
        store: where results are kept; None: that of the settings.

    Attributes:
        store: see above; its `problem` is for all who wait for results to see.
        presence: is told when a visitor leaves or comes back.
        dispatcher: where jobs wait, and from where they get to workers.
    """

    def __init__(self, address: str | None = None, store: ResultStore | None = None) -> None:
        self.store = store or ResultStore()
        self.presence = VisitorPresence(self.release_all)
        self.dispatcher = Dispatcher(
            address or environment.text("BNVIZ_SCHEDULER") or None,
            arrived=lambda record, packed: self.store.put(record, packed),
            known=lambda config: self.store.get(config),
        )
        self._lock = threading.RLock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()  # by run key, the most recently used last
        self._watchers: dict[str, set[str]] = {}  # by run key: who looks at a live job, or did when it ended
        self._released: WeakValueDictionary[str, Record] = WeakValueDictionary()  # by run key, while somebody shows it

    def prepare(self) -> None:
        """Start the cluster now, so that the first run need not wait for it; returns at once."""
        self.dispatcher.prepare()

    def submit(self, config: RunConfig, watcher: str, fresh: bool = False) -> Job:
        """Ask for a run on behalf of `watcher`; the same Job for all who ask while it is live or after it finished.

        Args:
            config: what to train.
            watcher: names who looks, for `release`: a session.
            fresh: train again even if the result is known, unless somebody else has just had it trained.

        Raises:
            JobsError: the service was closed, or too many runs wait.
        """
        known = None if fresh or self._usable(config.key, watcher, fresh) else self._known(config)
        with self._lock:
            job = self._usable(config.key, watcher, fresh)
            if job is None:
                job = Job(config, fresh)
                if known is not None:
                    job.end("finished", known)
                else:
                    going = sum(watcher in self._watchers[one.key] for one in self._jobs.values() if one.live)
                    self.dispatcher.add(job, watcher, going)
                self._jobs[config.key] = job
                self._watchers[config.key] = set()
            self._jobs.move_to_end(config.key)
            self._watchers[config.key].add(watcher)
            self._drop_unused()
            return job

    def find(self, key: str) -> Job | None:
        """The latest job of a run key, None if there never was one or it is forgotten."""
        with self._lock:
            if key in self._jobs:
                self._jobs.move_to_end(key)
            return self._jobs.get(key)

    def recall(self, config: RunConfig) -> Record | None:
        """The run's result, if it has ended by itself and is kept, in memory or in the store."""
        job = self.find(config.key)
        return job.record() if job is not None and job.state == "finished" else self._known(config)

    def watch(self, key: str, watcher: str) -> None:
        """`watcher` looks at a live run, too; no effect on one that has ended."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.live:
                self._watchers[key].add(watcher)

    def release(self, key: str, watcher: str) -> None:
        """`watcher` looks no longer; a live run that nobody looks at is stopped."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.live:
                self._watchers[key].discard(watcher)
                if not self._watchers[key]:
                    self.stop(key)

    def release_all(self, watcher: str) -> None:
        """`watcher` looks at nothing any more."""
        with self._lock:
            for key in [job.key for job in self._jobs.values() if job.live and watcher in self._watchers[job.key]]:
                self.release(key, watcher)

    def stop(self, key: str) -> None:
        """Stop a run, for all who watch; what was measured is kept. No effect on one that has ended."""
        job = self._jobs.get(key)
        if job is not None:
            self.dispatcher.stop(job)

    def queue_position(self, key: str) -> int:
        """How many runs start before this one; 0 if it is next, running or not queued at all."""
        job = self._jobs.get(key)
        return len(self.dispatcher.before(job)) if job is not None else 0

    def expected_wait(self, key: str) -> float:
        """Roughly how many seconds until a queued run starts."""
        job = self._jobs.get(key)
        return self.dispatcher.expected_wait(job) if job is not None else 0.0

    def close(self) -> None:
        """Stop everything and end the cluster, if it is this service's own; safe to call again."""
        self.presence.close()
        self.dispatcher.close()

    def _usable(self, key: str, watcher: str, fresh: bool) -> Job | None:
        """The job that answers this question, if there is one."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.live:
                return job
            news = job.started is not None and job.ended is not None and monotonic() - job.ended < SHARED_SECONDS
            wanted = not fresh or (news and watcher not in self._watchers[key])
            return job if job.state == "finished" and wanted else None

    def _known(self, config: RunConfig) -> Record | None:
        """The record that was kept, the same one as long as anybody holds it: what shows it need not be drawn again."""
        return self._released.get(config.key) or self.store.get(config)

    def _drop_unused(self) -> None:
        """Let go of records that were not asked for lately."""
        ended = [(key, job) for key, job in self._jobs.items() if not job.live]
        size = sum(job.nbytes for _, job in ended)
        for key, job in ended[:-1]:
            if size <= KEPT_BYTES:
                return
            size -= job.nbytes
            if job.state == "finished":
                self._released[key] = job.record()
            del self._jobs[key], self._watchers[key]
