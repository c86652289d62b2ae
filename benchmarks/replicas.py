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
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from distributed import Client

from benchmarks import _load_class as classroom
from benchmarks import load
from benchmarks._load_class import ARMS, DEFAULTS, Seen
from benchmarks._load_trainings import Trained, Trainings
from bnviz.config import RunConfig
from bnviz.jobs.cluster import start_embedded
from scripts import RunningApp, running_app

SECONDS = 60.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=2)
    parser.add_argument("--sessions", type=int, default=30, help="of all apps together")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between a visitor's changes of a control")
    options = parser.parse_args()
    each = options.sessions // options.apps
    shared = [_configs(0, each)] * options.apps
    apart = [_configs(1000 * (1 + place), each) for place in range(options.apps)]
    bare = load.bare_workers([one for several in apart for one in several], options.workers)
    with _apps(options.apps, options.workers) as (apps, counted):
        alone = asyncio.run(
            classroom.idle(apps[0].url, apps[0].pid, 1, load.ALONE_SECONDS, 2 * load.IDLE_CHANGES, counted)
        ).reactions
        same = asyncio.run(_class(apps, shared, options.every, counted))
        different = asyncio.run(_class(apps, apart, options.every, counted))
    speeds = [trained.done * DEFAULTS.steps / trained.seconds for trained in (different[1], bare)]
    load.table(
        f"{options.apps} apps, {each} sessions each, {options.workers} workers, {os.cpu_count()} cores",
        [
            ("the same runs asked for at every app: trainings", f"{same[1].started}", f"{ARMS * each}"),
            ("all different: trainings", f"{different[1].started}", f"{ARMS * each * options.apps}"),
            ("reaction of one session alone, nothing trains, p50 and p95 s", load.both(alone), ""),
            ("all different: reaction", load.both(reactions := _all(different[0], "reactions")), ""),
            ("the last over the first", load.ratios(reactions, alone), "2"),
            ("all different: seconds until a page takes up the seed", load.both(_all(different[0], "answers")), ""),
            ("all different: seconds until its result", load.both(_all(different[0], "results")), ""),
            ("updates per second, with apps and with bare workers", f"{speeds[0]:.0f} and {speeds[1]:.0f}", ""),
            ("their ratio", f"{speeds[0] / speeds[1]:.2f}", "0.9"),
            ("errors on pages", f"{len(_all(same[0], 'errors')) + len(_all(different[0], 'errors'))}", "0"),
        ],
    )


def _configs(first_seed: int, count: int) -> list[RunConfig]:
    return [DEFAULTS.model_copy(update={"seed": load.FIRST_SEED + first_seed + seat}) for seat in range(count)]


def _all(seen: Sequence[Seen], what: str) -> list[float]:
    return [one for each in seen for one in getattr(each, what)]


async def _class(
    apps: Sequence[RunningApp], configs: Sequence[list[RunConfig]], every: float, counted: Trainings
) -> tuple[list[Seen], Trained]:
    """What the sessions of each app saw, and what was trained for all."""
    before = counted.so_far()
    pairs = zip(apps, configs, strict=True)
    seen = await asyncio.gather(*(classroom.different(app.url, app.pid, own, every, counted) for app, own in pairs))
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
        end = time.monotonic() + SECONDS
        while len(client.scheduler_info()["workers"]) < workers and time.monotonic() < end:
            time.sleep(0.2)
        stack.enter_context(load.environment(BNVIZ_STORE=folder, BNVIZ_SCHEDULER=cluster.address))
        apps = [stack.enter_context(running_app()) for _ in range(count)]
        for app in apps:
            asyncio.run(classroom.warmed(app.url))
        yield apps, Trainings(client)


if __name__ == "__main__":
    main()
