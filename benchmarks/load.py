"""Thirty sessions on one app: how often it trains the same, how it reacts while it trains, and what it keeps.

`python -m benchmarks.load` starts the app as it is, with a store of its own that is empty, and drives it over the
websocket, as so many browsers would, without drawing anything. It prints a table for each case:

- same: all press "Train live" of the same preset at once: trainings, counted at the scheduler, and seconds until both
  results are on a page;
- different: each trains another seed and meanwhile changes the unit that it looks at every 10 s: seconds until the end
  of the script run that shows it, with and without the first second, in which all have pressed and not all have been
  answered, beside those while nothing trains: of one session alone; of all before, who look at the same results, which
  are drawn once; and of all afterwards, who look at their own; updates per second beside the same runs handed to the
  same number of workers without an app, before and after, as machines are now quicker and now slower; `--steps 3000`
  has everything train five times as long as a page does by itself, so that beginning and end count for less;
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
from contextlib import ExitStack, contextmanager

import numpy as np
import psutil
import uvloop
from distributed import Client

from benchmarks import _load_class as classroom
from benchmarks import _load_tables as tables
from benchmarks._load_class import DEFAULTS, Seen
from benchmarks._load_memory import KINDS, Memory
from benchmarks._load_trainings import Trained, Trainings, trainings
from bnviz.core import presets
from bnviz.core.config import RunConfig
from bnviz.jobs.local_cluster import start_embedded
from bnviz.jobs.service import Service
from scripts import RunningApp, running_app

CASES = ("same", "different", "mixed")
IDLE_CHANGES = 5
ALONE_SECONDS = 1.0  # between the changes of one visitor alone
FIRST_SEED = 1000
WORKERS_SECONDS = 60
LOG_CHARACTERS = 6000  # of the app's log, from its first traceback on


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", type=_case, metavar=" ".join(CASES), help="all, if none is named")
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between a visitor's changes of a control")
    parser.add_argument(
        "--steps", type=int, default=DEFAULTS.steps, help="updates of each run, where all are different"
    )
    parser.add_argument("--rounds", type=int, default=5, help="so often, where all are different")
    parser.add_argument("--minutes", type=float, default=5.0, help="of mixed use")
    options = parser.parse_args()
    cases = options.cases or CASES
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the app ends with this, too
    print(f"{options.sessions} sessions, {options.workers} workers, {psutil.cpu_count()} cores", flush=True)
    if "same" in cases:
        print_same(options.sessions, options.workers)
    if "different" in cases:
        print_different(options.sessions, options.workers, options.every, options.steps, options.rounds)
    if "mixed" in cases:
        print_mixed(options.sessions, options.workers, options.minutes)


def _case(name: str) -> str:
    """With `choices`, argparse refuses to be given none."""
    if name not in CASES:
        raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(CASES)}")
    return name


def print_same(sessions: int, workers: int) -> None:
    """The same preset for all."""
    with _app(workers) as (app, counted):
        seen = uvloop.run(classroom.same(app.url, app.pid, sessions, counted))
    tables.table(
        f"same: {sessions} sessions press the same",
        [
            ("trainings, for two arms", f"{seen.trained.started}", "2"),
            ("seconds from press to result, p50 and p95", tables.both(seen.results), ""),
            *_common([seen]),
        ],
    )


def print_different(sessions: int, workers: int, every: float, steps: int, rounds: int) -> None:
    """Another seed for each, in so many rounds, and each round's runs once more without an app, in turn."""
    classes = [
        [DEFAULTS.with_changes(seed=FIRST_SEED * (1 + number) + seat, steps=steps) for seat in range(sessions)]
        for number in range(rounds)
    ]
    with _app(workers) as (app, counted):
        alone = uvloop.run(classroom.idle(app.url, app.pid, 1, ALONE_SECONDS, 2 * IDLE_CHANGES, counted))
        idle = uvloop.run(classroom.idle(app.url, app.pid, sessions, every, IDLE_CHANGES, counted))
        bare, busy = [bare_workers(classes[0], workers)], []
        for configs in classes:
            busy.append(uvloop.run(classroom.different(app.url, app.pid, configs, every, counted)))
            bare.append(bare_workers(configs, workers))
    speeds = np.array([tables.updates_per_second(seen.trained, steps) for seen in busy])
    bares = np.array([tables.updates_per_second(trained, steps) for trained in bare])
    tables.table(
        f"different: {sessions} sessions, {steps} updates with another seed each, another unit every {every:g} s, "
        f"{rounds} rounds",
        [
            *tables.reactions(
                busy,
                {
                    "one session": alone.reactions,
                    "all, before, with the same results": idle.reactions,
                    "all, afterwards, each with its own": [one for seen in busy for one in seen.afterwards],
                },
            ),
            (
                "seconds until the page takes up the new seed, p50 and p95",
                tables.both([one for seen in busy for one in seen.answers]),
                "",
            ),
            ("updates per second with the app", tables.listed(speeds), ""),
            ("the same of bare workers, before and after each", tables.listed(bares), ""),
            ("the first over the mean of those before and after", tables.shares(speeds, bares), "0.9"),
            (
                "seconds from change of the seed to result, p50 and p95",
                tables.both([one for seen in busy for one in seen.results]),
                "",
            ),
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
        seen, memory = uvloop.run(_mixed_and_watched(app, sessions, minutes * 60, counted))
    rows = []
    for kind in KINDS:
        sizes = [f"{sizes[kind][0]:.0f}, {sizes[kind][-1]:.0f}" for sizes in (memory.resident, memory.proportional)]
        rows.append((f"{kind}: resident MB, first and last; proportional", "; ".join(sizes), ""))
        rows.append((f"{kind}: MB per minute, second half", f"{memory.slope(kind):+.2f}", ""))
    rows.append(("trainings that began", f"{seen.trained.started}", ""))
    tables.table(
        f"mixed: {sessions} sessions for {minutes:g} minutes", [*rows, *_common([seen])[1:]]
    )  # visitors stop some


def bare_workers(configs: Sequence[RunConfig], workers: int) -> Trained:
    """Both arms of all, handed to the workers by themselves."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(environment(BNVIZ_STORE=folder, BNVIZ_WORKERS=str(workers)))
        cluster = start_embedded()
        stack.callback(cluster.close)
        stack.enter_context(environment(BNVIZ_SCHEDULER=cluster.address))
        client = stack.enter_context(Client(cluster.address, set_as_default=False))
        client.wait_for_workers(workers, timeout=WORKERS_SECONDS)
        service = Service()
        stack.callback(service.close)
        counted = Trainings(client)
        _train_all(service, [DEFAULTS.with_changes(steps=20, seed=FIRST_SEED - 1)])
        before = counted.so_far()
        _train_all(service, configs)
        return counted.so_far().since(before)


def _train_all(service: Service, configs: Sequence[RunConfig]) -> None:
    jobs = []
    for seat, base in enumerate(configs):
        for arm in presets.PAIR.values():
            jobs.append(service.submit(base.with_changes(**arm), f"seat {seat}"))
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
        uvloop.run(classroom.warmed(app.url))
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


def _common(seen: Sequence[Seen]) -> list[tuple[str, str, str]]:
    took = sum(one.took for one in seen)
    used = {kind: sum(one.used.get(kind, 0.0) for one in seen) / took for kind in (*KINDS, "sessions")}
    cores = ", ".join(f"{kind} {share:.2f}" for kind, share in used.items())
    failed = sum(one.trained.started - one.trained.done for one in seen)
    told = Counter(error for one in seen for error in one.errors)
    errors = ", ".join(f"{count} x {error}" for error, count in told.most_common(5)) or "none"
    return [
        ("trainings that did not come back", f"{failed}", "0"),
        ("errors on pages", f"{told.total()}: {errors}", "0"),
        (f"cores in use, over {took:.0f} s", cores, ""),
    ]


if __name__ == "__main__":
    main()
