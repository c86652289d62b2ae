"""The run client: what a session has stopped stays known to it, as far as it is kept."""

from types import SimpleNamespace

import xarray as xr

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.ui.run_client import STOPPED_KEPT, RunClient
from bnviz.ui.session import PageState


class Service:
    """In place of the service: every run goes on."""

    def find(self, key: str) -> SimpleNamespace:
        return SimpleNamespace(live=True, state="running", record=lambda: Record(RunConfig(), xr.Dataset()))

    def release(self, key: str, watcher: str) -> None:
        pass


def test_stop_keeps_the_last_stopped_records() -> None:
    state = PageState()
    client = RunClient(Service(), "me", state)  # type: ignore[arg-type]
    configs = [RunConfig(seed=seed) for seed in range(STOPPED_KEPT + 3)]
    client.stop(configs)
    assert list(state.stopped) == [config.key for config in configs[3:]]
    assert client.job(configs[0]) is not None
    assert client.job(configs[-1]) is None, "it goes on for others only"
    record = client.record(configs[-1])
    assert record is not None
    assert record.outcome == "stopped"
