"""Ask for a page's runs, stop them and look them up, on behalf of one browser session.

A run that one session stops may go on for others; the session that stopped it keeps what was measured until then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import streamlit as st

from bnviz.core.config import RunConfig
from bnviz.core.environment import EnvironmentVariableError
from bnviz.core.record import Record
from bnviz.jobs.errors import JobsError
from bnviz.jobs.job import Job
from bnviz.jobs.service import Service
from bnviz.records import gallery
from bnviz.ui.session import PageState, service, session, stay_connected

STOPPED_KEPT = 12
"""Stopped runs whose measurements a page keeps in a session: three arms with three seeds, and a few more."""


class RunClient:
    """The runs of one page as one session sees them.

    Args:
        service: the app's.
        watcher: names the session.
        state: the session's state on the page.
    """

    def __init__(self, service: Service, watcher: str, state: PageState) -> None:
        self.service = service
        self._watcher = watcher
        self._state = state

    def ask(self, configs: Iterable[RunConfig]) -> None:
        """Have these runs trained unless they are known; release those that the page asked for before and needs no
        more."""
        wanted = {config.key: config for config in configs}
        for key in self._state.asked - wanted.keys():
            self.service.release(key, self._watcher)
        self._state.asked = set(wanted)
        self._state.restarted = {key: step for key, step in self._state.restarted.items() if key in wanted}
        for key, config in wanted.items():
            job = self.service.find(key)
            if key in self._state.stopped or (job is None and gallery.find(config) is not None):
                continue
            if job is not None and job.state != "stopped":
                self.service.watch(key, self._watcher)
                continue
            if job is not None and job.step > 0:
                self._state.restarted[key] = job.step
            self._submit(config)

    def train_again(self, configs: Iterable[RunConfig]) -> None:
        """Train the runs afresh, whatever is known of them."""
        self._state.stopped.clear()
        self._state.restarted.clear()
        self._state.trained = True
        for config in configs:
            self._submit(config, fresh=True)

    def stop(self, configs: Iterable[RunConfig]) -> None:
        """Stop the runs for this session, and altogether if nobody else watches them; what was measured is kept."""
        stopped = self._state.stopped
        for config in configs:
            job = self.job(config)
            if job is not None and (job.live or job.state == "stopped"):
                stopped[config.key] = replace(job.record(), outcome="stopped")
                while len(stopped) > STOPPED_KEPT:
                    del stopped[next(iter(stopped))]
                self.service.release(config.key, self._watcher)

    def job(self, config: RunConfig) -> Job | None:
        """The run's job; None if there is none, or if it goes on only for others."""
        job = self.service.find(config.key)
        return None if job is not None and job.live and config.key in self._state.stopped else job

    def record(self, config: RunConfig) -> Record | None:
        """What is known of the run: the measurements until this session stopped it, its job's so far, or the
        gallery's."""
        job = self.service.find(config.key)
        if config.key in self._state.stopped and (job is None or job.state != "stopped"):
            return self._state.stopped[config.key]
        return job.record() if job is not None else gallery.find(config)

    def is_live(self, config: RunConfig) -> bool:
        """Whether the run waits or trains."""
        job = self.job(config)
        return job is not None and job.live

    @property
    def restarted(self) -> Mapping[str, int]:
        """By run key, the update at which a run had been stopped that trains again."""
        return self._state.restarted

    def _submit(self, config: RunConfig, fresh: bool = False) -> None:
        try:
            self.service.submit(config, self._watcher, fresh=fresh)
        except (JobsError, EnvironmentVariableError) as error:
            st.error(str(error))


def run_client(page: str) -> RunClient:
    """The client for a page's runs in the current session."""
    stay_connected()
    return RunClient(service(), session().name, session().page(page))
