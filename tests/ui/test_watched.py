"""What a visitor has stopped, as far as it is kept."""

from types import SimpleNamespace

import xarray as xr

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.ui.watched import STOPPED_KEPT, Watched


class Service:
    """In place of the service: every run goes on."""

    def find(self, key: str) -> SimpleNamespace:
        return SimpleNamespace(live=True, state="running", record=lambda: Record(RunConfig(), xr.Dataset()))

    def release(self, key: str, watcher: str) -> None:
        pass


def test_of_many_runs_that_were_stopped_the_last_are_kept() -> None:
    stopped: dict[str, Record] = {}
    watched = Watched(Service(), "me", stopped)  # type: ignore[arg-type]
    configs = [RunConfig(seed=seed) for seed in range(STOPPED_KEPT + 3)]
    for config in configs:
        watched.stop(config)
    assert list(stopped) == [config.key for config in configs[3:]]
    assert [watched.is_stopped(config) for config in configs[:4]] == [False] * 3 + [True]
