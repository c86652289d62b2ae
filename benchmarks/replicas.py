"""Several apps behind one scheduler and one store: do they share trainings, and a class between them?

`python -m benchmarks.replicas` starts a scheduler with workers and, connected to it, so many apps as they are, each
with its share of the sessions of `benchmarks.load`. It prints what the same class saw twice: when every app was asked
for the same runs, trainings, counted at the scheduler; when all runs were different, what that command's case
`different` prints. Everything is on this machine and shares its cores.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
from distributed import Client

from benchmarks import _load_class as classroom
from benchmarks import _load_tables as tables
from benchmarks import load
from benchmarks._load_class import ARMS, DEFAULTS, Seen
from benchmarks._load_trainings import Trained, Trainings
from bnviz.core.config import RunConfig
from bnviz.jobs.local_cluster import start_embedded
from scripts import RunningApp, running_app


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=2)
    parser.add_argument("--sessions", type=int, default=30, help="of all apps together")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between a visitor's changes of a control")
    parser.add_argument("--rounds", type=int, default=5, help="of the class in which all are different")
    options = parser.parse_args()
    count, each = options.apps, options.sessions // options.apps
    shared = [_configs(0, each)] * count
    classes = [
        [_configs(load.FIRST_SEED * (1 + place + count * number), each) for place in range(count)]
        for number in range(options.rounds)
    ]
    with _apps(count, options.workers) as (apps, counted):
        alone = asyncio.run(
            classroom.idle(apps[0].url, apps[0].pid, 1, load.ALONE_SECONDS, 2 * load.IDLE_CHANGES, counted)
        ).reactions
        idle = asyncio.run(_idle(apps, each, options.every, counted))
        same = asyncio.run(_class(apps, shared, options.every, counted))
        bare, different = [_bare(classes[0], options.workers)], []
        for configs in classes:
            different.append(asyncio.run(_class(apps, configs, options.every, counted)))
            bare.append(_bare(configs, options.workers))
    speeds = np.array([tables.updates_per_second(trained, DEFAULTS.steps) for _, trained in different])
    bares = np.array([tables.updates_per_second(trained, DEFAULTS.steps) for trained in bare])
    seen = [one for several, _ in different for one in several]
    tables.table(
        f"{count} apps, {each} sessions each, {options.workers} workers, {os.cpu_count()} cores, "
        f"{options.rounds} rounds",
        [
            ("the same runs asked for at every app: trainings", f"{same[1].started}", f"{ARMS * each}"),
            (
                "all different: trainings",
                f"{sum(trained.started for _, trained in different)}",
                f"{ARMS * each * count * options.rounds}",
            ),
            *tables.reactions(seen, {"one session": alone, "all, before, with the same results": idle}),
            ("all different: seconds until a page takes up the seed", tables.both(_all(seen, "answers")), ""),
            ("all different: seconds until its result", tables.both(_all(seen, "results")), ""),
            ("updates per second with the apps", tables.listed(speeds), ""),
            ("the same of bare workers, before and after each", tables.listed(bares), ""),
            ("the first over the mean of those before and after", tables.shares(speeds, bares), "0.9"),
            ("errors on pages", f"{len(_all(same[0], 'errors')) + len(_all(seen, 'errors'))}", "0"),
        ],
    )


def _bare(configs: Sequence[list[RunConfig]], workers: int) -> Trained:
    return load.bare_workers([one for several in configs for one in several], workers)


def _configs(first_seed: int, count: int) -> list[RunConfig]:
    return [DEFAULTS.with_changes(seed=load.FIRST_SEED + first_seed + seat) for seat in range(count)]


def _all(seen: Sequence[Seen], what: str) -> list[float]:
    return [one for each in seen for one in getattr(each, what)]


async def _idle(apps: Sequence[RunningApp], each: int, every: float, counted: Trainings) -> list[float]:
    """Reactions while nothing trains."""
    seen = await asyncio.gather(
        *(classroom.idle(app.url, app.pid, each, every, load.IDLE_CHANGES, counted) for app in apps)
    )
    return _all(seen, "reactions")


async def _class(
    apps: Sequence[RunningApp], configs: Sequence[list[RunConfig]], every: float, counted: Trainings
) -> tuple[list[Seen], Trained]:
    """What the sessions of each app saw, and what was trained for all."""
    before = counted.so_far()
    pairs = zip(apps, configs, strict=True)
    seen = await asyncio.gather(*(classroom.different(app.url, app.pid, own, every, counted, 0) for app, own in pairs))
    return seen, counted.so_far().since(before)


@contextmanager
def _apps(count: int, workers: int) -> Iterator[tuple[list[RunningApp], Trainings]]:
    """So many apps, warm, with an empty store, and what counts at their scheduler."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bnviz-replicas-"))
        stack.enter_context(load.environment(BNVIZ_WORKERS=str(workers)))
        cluster = start_embedded()
        stack.callback(cluster.close)
        client = stack.enter_context(Client(cluster.address, set_as_default=False))
        client.wait_for_workers(workers, timeout=load.WORKERS_SECONDS)
        stack.enter_context(load.environment(BNVIZ_STORE=folder, BNVIZ_SCHEDULER=cluster.address))
        apps = [stack.enter_context(running_app()) for _ in range(count)]
        for app in apps:
            asyncio.run(classroom.warmed(app.url))
        yield apps, Trainings(client)


if __name__ == "__main__":
    main()
