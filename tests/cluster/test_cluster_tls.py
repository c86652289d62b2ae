"""Over TLS: a record is the one trained anywhere else, and who has no certificate gets a sentence, soon."""

import os
import subprocess
import sys
import time

import dask
import pytest

from bnviz import RunConfig
from bnviz.jobs.service import Service
from tests.cluster.conftest import settings, trained_here
from tests.cluster.machines import MAKE_CERTIFICATES, PROJECT, make_certificates, wait_until

pytestmark = pytest.mark.slow
CONFIGS = (
    RunConfig(widths=(8,), steps=60, norm="batch"),
    RunConfig(dataset="blobs_2d", widths=(8,), steps=60, seed=3, norm="noisy_batch", curve_points=4),
)
SOON = 15  # seconds; a client gives up after four

EMBEDDED = """
import sys, time
from bnviz import RunConfig
from bnviz.jobs.service import Service
service = Service()
jobs = [service.submit(RunConfig.model_validate_json(config), "me") for config in sys.argv[1:]]
while any(job.live for job in jobs):
    time.sleep(0.01)
for job in jobs:
    print(job.record().to_bytes().hex())
service.close()
"""


def test_a_record_is_bit_for_bit_that_of_the_embedded_cluster_and_of_train(replica):
    environment = {**os.environ, "BNVIZ_SCHEDULER": "", "BNVIZ_WORKERS": "1", "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", EMBEDDED, *(config.model_dump_json() for config in CONFIGS)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as other:
        service = replica()
        jobs = [service.submit(config, "me") for config in CONFIGS]
        assert wait_until(lambda: not any(job.live for job in jobs))
        embedded = [bytes.fromhex(line) for line in other.stdout]
    assert [job.state for job in jobs] == ["finished", "finished"]
    records = [job.record().to_bytes() for job in jobs]
    assert records == embedded
    assert records == [trained_here(config) for config in CONFIGS]
    assert len(set(records)) == 2


@pytest.mark.parametrize("given", ["nothing", "no certificate", "another authority's", "no encryption"])
def test_who_has_no_certificate_is_refused_with_a_sentence(given, cluster, certificates, tmp_path):
    environment = {} if given == "nothing" else certificates
    if given == "no certificate":
        environment = {name: value for name, value in certificates.items() if "CLIENT" not in name}
    if given == "another authority's":
        environment = make_certificates(tmp_path / "other")
    address = cluster.address
    if given == "no encryption":
        address, environment = address.replace("tls://", "tcp://"), {}
    started = cluster.tasks_started()
    blank = dict.fromkeys(settings(certificates))
    with dask.config.set(blank), dask.config.set(settings(environment)):
        service = Service(address)
        asked = time.monotonic()
        job = service.submit(CONFIGS[0], "me")
        assert wait_until(lambda: not job.live, SOON)
        service.close()
    assert job.state == "failed"
    assert job.ended - asked < SOON
    assert address in job.error
    assert "BNVIZ_SCHEDULER" in job.error
    assert ("certificates" in job.error) == address.startswith("tls://")
    assert job.error.endswith(".")
    assert "\n" not in job.error
    assert cluster.tasks_started() == started


def test_only_the_owner_may_read_certificates_and_they_are_not_replaced(tmp_path):
    folder = tmp_path / "made"
    make_certificates(folder)
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == sorted(
        [
            "environment",
            *(f"{role}.{kind}" for role in ("ca", "scheduler", "worker", "client") for kind in ("key", "pem")),
        ]
    )
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    before = [file.read_bytes() for file in files]
    again = subprocess.run(["sh", str(MAKE_CERTIFICATES), str(folder)], capture_output=True, text=True)
    assert again.returncode == 1
    assert "has certificates already" in again.stderr
    assert [file.read_bytes() for file in files] == before
