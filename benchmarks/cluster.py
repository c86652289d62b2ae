"""A cluster of two machines against one of one: how much faster is it, and are the records those of no cluster?

`python -m benchmarks.cluster` plays the machines with processes of their own on this one, that talk over TLS. The same
runs are trained by both clusters in turn, so that a machine whose speed drifts slows both alike; their records, and
those of the embedded cluster, are compared bit for bit. The app and the schedulers take their share of this machine's
cores, which they would not on machines of their own.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bnviz.core.config import RunConfig
from bnviz.jobs.service import Service
from tests.cluster.machines import Machines, make_certificates, wait_until

RUNS = 8
GOAL = 1.8
SECONDS = 600


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is timed")
    parser.add_argument("--steps", type=int, default=1500, help="updates of each run")
    options = parser.parse_args()
    rounds = [_configs(options.steps, first) for first in range(0, options.rounds * RUNS, RUNS)]
    warm = _configs(2, 0)[:2]
    os.environ["BNVIZ_STORE"] = "none"  # or a second call would have nothing to train
    os.environ.pop("BNVIZ_SCHEDULER", None)
    embedded = Service()
    reference = _timed(embedded, rounds[0])[1]
    embedded.close()

    with tempfile.TemporaryDirectory() as folder:
        certificates = make_certificates(Path(folder) / "certificates")
        os.environ.update(certificates)
        import dask

        dask.config.refresh()  # it has read the environment before
        clusters = [Machines(Path(folder) / name, certificates) for name in ("one", "two")]
        try:
            for number, machines in enumerate(clusters, start=1):
                machines.start_scheduler()
                machines.have_workers(number)
            services = [Service(machines.address) for machines in clusters]
            for service in services:
                _timed(service, warm)
            results = [[_timed(service, configs) for service in services] for configs in rounds]
            for service in services:
                service.close()
        finally:
            for machines in clusters:
                machines.close()

    seconds = list(zip(*([result[0] for result in both] for both in results), strict=True))
    ratios = [one / two for one, two in zip(*seconds, strict=True)]
    same = all(one[1] == two[1] for one, two in results) and results[0][0][1] == reference
    print(f"{RUNS} runs of {options.steps} updates, {options.rounds} rounds, {os.cpu_count()} cores; median (range)\n")
    print("| | seconds |\n|---|---|")
    for name, values in zip(("one worker", "two workers"), seconds, strict=True):
        print(f"| {name} | {_summary(values)} |")
    print(f"| **speed-up** (goal {GOAL}) | {_summary(ratios)} |")
    print(f"| records bit for bit those of the embedded cluster | {'yes' if same else 'NO'} |")


def _configs(steps: int, first_seed: int) -> list[RunConfig]:
    """Without probes or many curve points: what is timed is training, shared out."""
    return [RunConfig(steps=steps, seed=seed, norm="batch") for seed in range(first_seed, first_seed + RUNS)]


def _timed(service: Service, configs: Sequence[RunConfig]) -> tuple[float, list[bytes]]:
    """Seconds from asking until all have ended, and their records."""
    began = time.perf_counter()
    jobs = [service.submit(config, "benchmark") for config in configs]
    assert wait_until(lambda: not any(job.live for job in jobs), SECONDS, pause=0.05)
    seconds = time.perf_counter() - began
    assert [job.state for job in jobs] == ["finished"] * len(jobs), [job.error for job in jobs]
    return seconds, [job.record().to_bytes() for job in jobs]


def _summary(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
