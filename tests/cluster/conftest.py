"""One cluster for all tests of this folder: over TLS, scheduler and workers each as on a machine of its own."""

from collections.abc import Callable, Iterator, Mapping

import dask
import distributed  # noqa: F401  its defaults must be there before they are set otherwise
import pytest

from bnviz import Record, RunConfig
from bnviz.jobs.service import Service
from bnviz.jobs.worker import resolve_device
from bnviz.training import train
from tests.cluster.machines import Machines, make_certificates

LONG = {"dataset": "blobs_2d", "widths": (8,), "steps": 6000, "curve_points": 100, "probes": ()}  # some seconds


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The same for Dask in this process, which has read its environment already."""
    return {name.removeprefix("DASK_").lower().replace("__", "."): value for name, value in environment.items()}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment that names them."""
    return make_certificates(tmp_path_factory.mktemp("certificates") / "of the cluster")


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory, certificates: dict[str, str]) -> Iterator[Machines]:
    """A scheduler and a worker that is on its way; workers that a test starts stay, and those it kills are gone."""
    machines = Machines(tmp_path_factory.mktemp("machines"), certificates)
    machines.start_scheduler()
    machines.start_worker()
    yield machines
    machines.close()


@pytest.fixture
def cluster(machines: Machines, certificates: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """The machines with a worker or more that have nothing to do, and a client's certificate for this process."""
    monkeypatch.setenv("BNVIZ_STORE", "none")  # what replicas share here, they share through the scheduler
    with dask.config.set(settings(certificates)):
        machines.have_workers(1)
        yield machines


@pytest.fixture
def replica(cluster: Machines) -> Iterator[Callable[[], Service]]:
    """Start a replica of the app, as far as jobs are concerned."""
    services: list[Service] = []

    def start() -> Service:
        services.append(Service(cluster.address))
        return services[-1]

    yield start
    for service in services:
        service.close()


def trained_here(config: RunConfig) -> bytes:
    """The record that this process gets, as a file that has been read once: the order of what is in it may change."""
    return Record.from_bytes(Record.from_frames(config, train(resolve_device(config))).to_bytes()).to_bytes()
