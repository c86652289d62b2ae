"""Watched: the runs as one visitor sees them: what goes on, what is known, and what this visitor has stopped.

A run that one visitor stops may go on for others; who stopped it keeps what was measured until then. Reads jobs and the
gallery; asks for nothing and draws nothing.
"""

from collections.abc import MutableMapping
from dataclasses import replace

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.jobs.service import Job, Service
from bnviz.records import gallery

STOPPED_KEPT = 12
"""Of one visitor's stopped runs on a page, those stopped last: three arms with three seeds, and a few more."""


class Watched:
    """
    Args, the first two attributes as well:
        service: the app's.
        watcher: names the visitor's session.
        stopped: what was measured of each run that the visitor stopped, by run key; kept in the visitor's session.
    """

    def __init__(self, service: Service, watcher: str, stopped: MutableMapping[str, Record]) -> None:
        self.service = service
        self.watcher = watcher
        self._stopped = stopped

    def job(self, config: RunConfig) -> Job | None:
        """The run's job; None if there is none, or it goes on only for others."""
        job = self.service.find(config.key)
        return None if job is not None and job.live and config.key in self._stopped else job

    def record(self, config: RunConfig) -> Record | None:
        """What is known of the run: what was measured when it was stopped; its job's, so far; the gallery's."""
        job = self.service.find(config.key)
        if config.key in self._stopped and (job is None or job.state != "stopped"):
            return self._stopped[config.key]
        return job.record() if job is not None else gallery.find(config)

    def training(self, config: RunConfig) -> bool:
        """Whether it waits or trains."""
        job = self.job(config)
        return job is not None and job.live

    def is_stopped(self, config: RunConfig) -> bool:
        """Whether this visitor stopped it, and did not ask for it again."""
        return config.key in self._stopped

    def stop(self, config: RunConfig) -> None:
        """Stop it for this visitor, and altogether if nobody else watches; one that was just stopped stays so."""
        job = self.job(config)
        if job is not None and (job.live or job.state == "stopped"):
            self._stopped[config.key] = replace(job.record(), outcome="stopped")
            while len(self._stopped) > STOPPED_KEPT:
                del self._stopped[next(iter(self._stopped))]
            self.service.release(config.key, self.watcher)
