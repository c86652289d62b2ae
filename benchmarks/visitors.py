"""What visitors take from training, and training from visitors: `python -m benchmarks.visitors [FOLDER ...]`.

Two processes train, stepped back as workers are, while ten sessions of an app change what they look at, once a second
each: four of them the seed, between two that are known, for which all of the page is run, six the unit. By turns of two
seconds there are no visitors, or those of this app, or of another checkout of bnviz that is named, so that all have
their share of the machine's better and worse moments. With `--asyncio` each app is there once more, without uvloop.
With `--nice` there are turns of this app, too, in which nothing trains, or two others that have only a niceness.
Printed is what is left of the updates per second, and what visitors waited.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import _load_class as classroom
from benchmarks._load_tab import Tab
from benchmarks._load_tables import table
from benchmarks.load import environment
from bnviz.core.config import RunConfig
from bnviz.jobs import thread_priority
from scripts import PROJECT_FOLDER, RunningApp, running_app

TRAINERS = 2
SESSIONS, WITH_SEEDS = 10, 4
SEEDS = (1, 2)
SECONDS, SETTLING_SECONDS = 1.7, 0.3
THINKING_SECONDS = 1.0
BACK, NICE = "trained by what stepped back", f"trained with niceness {thread_priority.NICE}"
STEPS_BACK: Mapping[str, Callable[[], object]] = {
    BACK: thread_priority.lower_priority,
    NICE: partial(os.nice, thread_priority.NICE),
}
Trainers = list[tuple[multiprocessing.Process, Any]]


@dataclass
class Turns:
    """What was seen in all turns of a kind: updates per second, cores that the app used, seconds of each reaction."""

    title: str
    app: RunningApp | None
    training: str
    updates: list[float] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)
    reactions: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="other checkouts, run by this one's packages")
    parser.add_argument("--asyncio", action="store_true", help="each app once more, with Python's own event loop")
    parser.add_argument("--nice", action="store_true", help="nothing trains, or what trains has only a niceness")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    folders = [PROJECT_FOLDER, *(folder.resolve() for folder in options.folders)]
    chosen = [(folder, uvloop) for folder in folders for uvloop in ((True, False) if options.asyncio else (True,))]
    with ExitStack() as stack:
        apps = [stack.enter_context(_app(*one)) for one in chosen]
        for app in apps:
            asyncio.run(_prepared(app))
        compared = (BACK, NICE) if options.nice else (BACK,)
        trainers = {name: stack.enter_context(_trainers(STEPS_BACK[name])) for name in compared}
        alone = {name: Turns("no visitors", None, name) for name in compared}
        turns = [
            Turns(f"{folder}, {'uvloop' if uvloop else 'asyncio'}", app, BACK)
            for (folder, uvloop), app in zip(chosen, apps, strict=True)
        ]
        if options.nice:
            turns += [Turns(turns[0].title, apps[0], how) for how in (NICE, "nothing trains")]
        asyncio.run(_in_turn([*alone.values(), *turns], trainers, options.rounds))
    for seen in turns:
        table(f"{seen.title}; {seen.training}", _rows(seen, alone))


def _rows(seen: Turns, alone: Mapping[str, Turns]) -> list[tuple[str, str, str]]:
    rows = []
    if seen.training in alone:
        left = np.array(seen.updates) / np.array(alone[seen.training].updates)
        share = f"{np.median(left):.3f} ± {left.std() / len(left) ** 0.5:.3f}"
        rows.append(("updates per second, of those without visitors", share, ""))
    waited = "{:.0f} and {:.0f}".format(*np.percentile(seen.reactions, (50, 95)) * 1000)
    return [
        *rows,
        ("cores that the app uses", f"{np.mean(seen.cores):.2f}", ""),
        ("reaction, p50 and p95 ms", waited, ""),
        ("so many reactions", f"{len(seen.reactions)}", ""),
    ]


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


@contextmanager
def _trainers(step: Callable[[], object]) -> Iterator[Trainers]:
    """Processes that train, and count their updates; they wait to be let go on."""
    started: Trainers = []
    try:
        for _ in range(TRAINERS):
            counter = multiprocessing.Value("q", 0, lock=False)
            process = multiprocessing.Process(target=_train, args=(counter, step), daemon=True)
            process.start()
            started.append((process, counter))
        while not all(counter.value for _, counter in started):
            time.sleep(0.1)
        _let_train(started, goes_on=False)
        yield started
    finally:
        for process, _ in started:
            process.kill()


def _let_train(trainers: Trainers, goes_on: bool) -> None:
    for process, _ in trainers:
        assert process.pid is not None, "it was started"
        os.kill(process.pid, signal.SIGCONT if goes_on else signal.SIGSTOP)


async def _in_turn(turns: Sequence[Turns], trainers: Mapping[str, Trainers], rounds: int) -> None:
    now: list[Turns] = [turns[0]]
    visitors = []
    for app in {id(own.app): own.app for own in turns if own.app is not None}.values():
        for seat, tab in enumerate(await classroom.opened(app.url, SESSIONS)):
            visitors.append(asyncio.create_task(_visit(tab, seat < WITH_SEEDS, app, now)))
    for _ in range(rounds):
        for own in turns:
            now[0] = own
            training = trainers.get(own.training, [])
            _let_train(training, goes_on=True)
            await asyncio.sleep(SETTLING_SECONDS)
            process = os.getpid() if own.app is None else own.app.pid
            began, done, used = time.perf_counter(), _updates(training), _used(process)
            await asyncio.sleep(SECONDS)
            took = time.perf_counter() - began
            own.updates.append((_updates(training) - done) / took)
            own.cores.append((_used(process) - used) / took)
            _let_train(training, goes_on=False)
    for visitor in visitors:
        visitor.cancel()


async def _visit(tab: Tab, with_seeds: bool, app: RunningApp, now: Sequence[Turns]) -> None:
    place, chance = 0, random.Random(id(tab))
    while True:
        await asyncio.sleep(chance.uniform(0, 2 * THINKING_SECONDS))  # or the same ones would meet every time
        turn = now[0]
        if turn.app is not app:
            continue
        place += 1
        if with_seeds:
            await _seed(tab, SEEDS[place % 2])
        else:
            turn.reactions.append(await classroom.look_at(tab, 1 + place % classroom.UNITS))


def _updates(trainers: Trainers) -> int:
    return sum(counter.value for _, counter in trainers)


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


def _train(counter: Any, step: Callable[[], object]) -> None:
    """One run after the other, and count the updates."""
    import torch

    from bnviz.training import train

    def count() -> bool:
        counter.value += 1
        return False

    torch.set_num_threads(1)
    step()
    seed = 0
    while True:
        seed += 1
        for _ in train(RunConfig(norm="batch", seed=seed), should_stop=count):
            pass


if __name__ == "__main__":
    main()
