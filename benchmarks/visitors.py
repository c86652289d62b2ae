"""What visitors take from training: `python -m benchmarks.visitors [FOLDER ...]`.

Two processes train, stepped back as workers are, while ten sessions of an app change what they look at, once a second
each: four of them the seed, between two that are known, for which all of the page is run, six the unit. By turns of two
seconds there are no visitors, or those of this app, or of another checkout of bnviz that is named, so that all have
their share of the machine's better and worse moments. With `--asyncio` each app is there once more, without uvloop.
Printed is what is left of the updates per second, and what visitors waited.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import _load_class as classroom
from benchmarks._load_tab import Tab
from benchmarks.load import environment, table
from bnviz.config import RunConfig
from bnviz.jobs.worker import NICE
from scripts import PROJECT_FOLDER, RunningApp, running_app

TRAINERS = 2
SESSIONS, WITH_SEEDS = 10, 4
SEEDS = (1, 2)
SECONDS, SETTLING_SECONDS = 1.7, 0.3
THINKING_SECONDS = 1.0


@dataclass
class Turns:
    """What was seen in an app's turns: updates per second, cores that it used, and seconds of each reaction."""

    updates: list[float] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)
    reactions: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="other checkouts, run by this one's packages")
    parser.add_argument("--asyncio", action="store_true", help="each app once more, with Python's own event loop")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    folders = [PROJECT_FOLDER, *(folder.resolve() for folder in options.folders)]
    chosen = [(folder, uvloop) for folder in folders for uvloop in ((True, False) if options.asyncio else (True,))]
    counters = [multiprocessing.Value("q", 0, lock=False) for _ in range(TRAINERS)]
    with ExitStack() as stack:
        apps = [stack.enter_context(_app(*one)) for one in chosen]
        for app in apps:
            asyncio.run(_prepared(app))
        for counter in counters:
            trainer = multiprocessing.Process(target=_train, args=(counter,), daemon=True)
            trainer.start()
            stack.callback(trainer.kill)
        while not all(counter.value for counter in counters):
            time.sleep(0.1)
        alone, turns = asyncio.run(_in_turn(apps, options.rounds, lambda: sum(one.value for one in counters)))
    for (folder, uvloop), seen in zip(chosen, turns, strict=True):
        left = np.array(seen.updates) / np.array(alone)
        error = left.std() / len(left) ** 0.5
        table(
            f"{folder}, {'uvloop' if uvloop else 'asyncio'}",
            [
                ("updates per second, of those without visitors", f"{np.median(left):.3f} ± {error:.3f}", ""),
                ("cores that the app uses", f"{np.mean(seen.cores):.2f}", ""),
                (
                    "reaction, p50 and p95 ms",
                    "{:.0f} {:.0f} {:.0f} {:.0f}".format(*np.percentile(seen.reactions, (50, 80, 90, 95)) * 1000),
                    "",
                ),
            ],
        )


@contextmanager
def _app(folder: Path, uvloop: bool) -> Iterator[RunningApp]:
    with tempfile.TemporaryDirectory(prefix="bnviz-visitors-") as own:
        if not uvloop:  # Streamlit finds this first
            (Path(own) / "uvloop.py").write_text("raise ModuleNotFoundError\n")
        path = os.pathsep.join((own, str(folder)))
        with (
            environment(BNVIZ_STORE=f"{own}/store", BNVIZ_SCHEDULER="", PYTHONPATH=path),
            running_app(1, folder=folder) as app,
        ):
            yield app


async def _in_turn(
    apps: Sequence[RunningApp], rounds: int, updates: Callable[[], int]
) -> tuple[list[float], list[Turns]]:
    seen, alone = [Turns() for _ in apps], Turns()
    turn: list[Turns] = [alone]
    visitors = []
    for app, own in zip(apps, seen, strict=True):
        for seat, tab in enumerate(await classroom.opened(app.url, SESSIONS)):
            visitors.append(asyncio.create_task(_visit(tab, seat < WITH_SEEDS, own, turn)))
    for _ in range(rounds):
        for own, process in [(alone, os.getpid()), *((one, app.pid) for one, app in zip(seen, apps, strict=True))]:
            turn[0] = own
            await asyncio.sleep(SETTLING_SECONDS)
            began, done, used = time.perf_counter(), updates(), _used(process)
            await asyncio.sleep(SECONDS)
            took = time.perf_counter() - began
            own.updates.append((updates() - done) / took)
            own.cores.append((_used(process) - used) / took)
    for visitor in visitors:
        visitor.cancel()
    return alone.updates, seen


async def _visit(tab: Tab, with_seeds: bool, own: Turns, turn: Sequence[Turns]) -> None:
    place, chance = 0, random.Random(id(tab))
    while True:
        await asyncio.sleep(chance.uniform(0, 2 * THINKING_SECONDS))  # or the same would meet each time
        if turn[0] is not own:
            continue
        place += 1
        if with_seeds:
            await _seed(tab, SEEDS[place % 2])
        else:
            own.reactions.append(await classroom.look_at(tab, 1 + place % classroom.UNITS))


async def _prepared(app: RunningApp) -> None:
    """Have the seeds trained that visitors change between."""
    await classroom.warmed(app.url)
    [tab] = await classroom.opened(app.url, 1)
    for seed in SEEDS:
        await _seed(tab, seed)
        await tab.until(partial(classroom.rests, tab))
    await tab.close()


async def _seed(tab: Tab, seed: int) -> None:
    await tab.enter(f"{classroom.PAGE}.seed", seed, lambda: f"seed={seed}" in tab.query)


def _used(process: int) -> float:
    return float(sum(psutil.Process(process).cpu_times()[:2]))


def _train(counter: Any) -> None:
    """One run after the other, and count the updates."""
    import torch

    from bnviz.training import train

    def count() -> bool:
        counter.value += 1
        return False

    torch.set_num_threads(1)
    os.nice(NICE)
    seed = 0
    while True:
        seed += 1
        for _ in train(RunConfig(norm="batch", seed=seed), should_stop=count):
            pass


if __name__ == "__main__":
    main()
