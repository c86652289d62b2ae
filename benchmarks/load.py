"""Thirty sessions on one app: how often it trains the same, how it reacts while it trains, and what it keeps.

`python -m benchmarks.load` starts the app as it is, with a store of its own that is empty, and drives it over the
websocket, as so many browsers would, without drawing anything. It prints a table for each case:

- same: all press "Train live" of the same preset at once: trainings, counted at the scheduler, and seconds until both
  results are on a page;
- different: each trains another seed and meanwhile changes the unit that it looks at every 10 s: seconds until the end
  of the script run that shows it, beside one session alone and beside all of them while nothing trains; updates per
  second beside the same runs handed to the same number of workers without an app, before and after, as machines are now
  quicker and now slower; `--steps 3000` has everything train five times as long as a page does by itself, so that the
  first second, in which all begin, counts for less;
- mixed: sessions come, look, train, stop, leave and come back: how each kind of process grows over the second half.

All of it shares the machine's cores: the app, its workers, and the sessions themselves, whose share is printed. It does
not say how long a browser takes to draw what it gets; `benchmarks.browser` does.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import psutil

from benchmarks import _load_class as classroom
from benchmarks._load_class import DEFAULTS, Seen
from benchmarks._load_memory import KINDS, Memory
from benchmarks._load_trainings import Trained, Trainings, trainings
from bnviz import presets
from bnviz.config import RunConfig
from bnviz.jobs.service import Service
from scripts import RunningApp, running_app

CASES = ("same", "different", "mixed")
IDLE_CHANGES = 5
ALONE_SECONDS = 1.0  # between the changes of one visitor alone
FIRST_SEED = 1000
LOG_CHARACTERS = 6000  # of the app's log, from its first traceback on


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=CASES, choices=CASES, metavar=" ".join(CASES))
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between a visitor's changes of a control")
    parser.add_argument(
        "--steps", type=int, default=DEFAULTS.steps, help="updates of each run, where all are different"
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="of mixed use")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the app ends with this, too
    print(f"{options.sessions} sessions, {options.workers} workers, {psutil.cpu_count()} cores", flush=True)
    if "same" in options.cases:
        print_same(options.sessions, options.workers)
    if "different" in options.cases:
        print_different(options.sessions, options.workers, options.every, options.steps)
    if "mixed" in options.cases:
        print_mixed(options.sessions, options.workers, options.minutes)


def print_same(sessions: int, workers: int) -> None:
    """The same preset for all."""
    with _app(workers) as (app, counted):
        seen = asyncio.run(classroom.same(app.url, app.pid, sessions, counted))
    table(
        f"same: {sessions} sessions press the same",
        [
            ("trainings, for two arms", f"{seen.trained.started}", "2"),
            ("seconds from press to result, p50 and p95", both(seen.results), ""),
            *_common(seen),
        ],
    )


def print_different(sessions: int, workers: int, every: float, steps: int) -> None:
    """Another seed for each."""
    configs = [DEFAULTS.model_copy(update={"seed": FIRST_SEED + seat, "steps": steps}) for seat in range(sessions)]
    bare = [bare_workers(configs, workers)]
    with _app(workers) as (app, counted):
        alone = asyncio.run(classroom.idle(app.url, app.pid, 1, ALONE_SECONDS, 2 * IDLE_CHANGES, counted))
        idle = asyncio.run(classroom.idle(app.url, app.pid, sessions, every, IDLE_CHANGES, counted))
        busy = asyncio.run(classroom.different(app.url, app.pid, configs, every, counted))
    bare.append(bare_workers(configs, workers))
    speed, *bares = [trained.done * steps / trained.seconds for trained in (busy.trained, *bare)]
    table(
        f"different: {sessions} sessions, {steps} updates with another seed each, another unit every {every:g} s",
        [
            ("reaction of one session alone, nothing trains, p50 and p95 s", both(alone.reactions), ""),
            (f"reaction of {sessions} sessions, nothing trains", both(idle.reactions), ""),
            (f"reaction of {sessions} sessions, everything trains", both(busy.reactions), ""),
            ("so many reactions", f"{len(busy.reactions)}", ""),
            ("the last over the first", ratios(busy.reactions, alone.reactions), "2"),
            ("the last over the second", ratios(busy.reactions, idle.reactions), "2"),
            ("seconds until the page takes up the new seed, p50 and p95", both(busy.answers), ""),
            ("updates per second with the app", f"{speed:.0f}", ""),
            ("the same of bare workers, before and after", "{:.0f} and {:.0f}".format(*bares), ""),
            ("the first over the mean of the second", f"{speed / np.mean(bares):.2f}", "0.9"),
            ("seconds from change of the seed to result, p50 and p95", both(busy.results), ""),
            (
                "the app's processor seconds for one reaction, alone",
                f"{alone.used['app'] / len(alone.reactions):.2f}",
                "",
            ),
            *_common(busy),
        ],
    )


def print_mixed(sessions: int, workers: int, minutes: float) -> None:
    """Coming and going."""
    with _app(workers) as (app, counted):
        seen, memory = asyncio.run(_mixed_and_watched(app, sessions, minutes * 60, counted))
    rows = []
    for kind in KINDS:
        sizes = [f"{sizes[kind][0]:.0f}, {sizes[kind][-1]:.0f}" for sizes in (memory.resident, memory.proportional)]
        rows.append((f"{kind}: resident MB, first and last; proportional", "; ".join(sizes), ""))
        rows.append((f"{kind}: MB per minute, second half", f"{memory.slope(kind):+.2f}", ""))
    rows.append(("trainings that began", f"{seen.trained.started}", ""))
    table(f"mixed: {sessions} sessions for {minutes:g} minutes", [*rows, *_common(seen)[1:]])  # visitors stop some


def bare_workers(configs: Sequence[RunConfig], workers: int) -> Trained:
    """Both arms of all, handed to the workers by themselves."""
    with (
        tempfile.TemporaryDirectory() as folder,
        environment(BNVIZ_STORE=folder, BNVIZ_SCHEDULER="", BNVIZ_WORKERS=str(workers)),
    ):
        service = Service()
        try:
            service.prepare()
            with trainings(os.getpid()) as counted:
                _train_all(service, [DEFAULTS.model_copy(update={"steps": 20, "seed": FIRST_SEED - 1})])
                before = counted.so_far()
                _train_all(service, configs)
                return counted.so_far().since(before)
        finally:
            service.close()


def table(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Print it as Markdown."""
    print(f"\n| {title} | measured | goal |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def _train_all(service: Service, configs: Sequence[RunConfig]) -> None:
    jobs = []
    for seat, base in enumerate(configs):
        for arm in presets.PAIR.values():
            jobs.append(service.submit(base.model_copy(update=arm), f"seat {seat}"))
    while any(job.live for job in jobs):
        time.sleep(0.05)


async def _mixed_and_watched(app: RunningApp, sessions: int, seconds: float, counted: Trainings) -> tuple[Seen, Memory]:
    memory = Memory(app.pid)
    watching = asyncio.create_task(memory.watch())
    seen = await classroom.mixed(app.url, app.pid, sessions, seconds, counted)
    watching.cancel()
    memory.sample()
    return seen, memory


@contextmanager
def _app(workers: int) -> Iterator[tuple[RunningApp, Trainings]]:
    """The app with an empty store, its workers there; afterwards its log's first tracebacks are printed."""
    with (
        tempfile.TemporaryDirectory(prefix="bnviz-load-") as folder,
        environment(BNVIZ_STORE=folder, BNVIZ_SCHEDULER=""),
        running_app(workers) as app,
    ):
        asyncio.run(classroom.warmed(app.url))
        with trainings(app.pid) as counted:
            yield app, counted
        told = app.log.read_text(errors="replace")
        if "Traceback" in told:  # visitors do not see what went wrong
            print(told[told.index("Traceback") :][:LOG_CHARACTERS], file=sys.stderr)


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """These environment variables, and afterwards what they were."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _common(seen: Seen) -> list[tuple[str, str, str]]:
    cores = ", ".join(f"{kind} {seen.used.get(kind, 0.0) / seen.took:.2f}" for kind in (*KINDS, "sessions"))
    failed = seen.trained.started - seen.trained.done
    errors = ", ".join(f"{count} x {error}" for error, count in Counter(seen.errors).most_common(5)) or "none"
    return [
        ("trainings that did not come back", f"{failed}", "0"),
        ("errors on pages", f"{len(seen.errors)}: {errors}", "0"),
        (f"cores in use, over {seen.took:.0f} s", cores, ""),
    ]


def both(values: Sequence[float]) -> str:
    """Median and 95 % quantile."""
    return "{:.2f} and {:.2f}".format(*np.percentile(values, (50, 95))) if values else "none"


def ratios(values: Sequence[float], others: Sequence[float]) -> str:
    """Median over median, and 95 % over 95 %."""
    if not values:  # few sessions have their results before anybody has changed a control
        return "none"
    return "{:.2f} and {:.2f}".format(*np.percentile(values, (50, 95)) / np.percentile(others, (50, 95)))


if __name__ == "__main__":
    main()
