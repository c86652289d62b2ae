"""What a GPU makes of the same train(): the one command to measure the GPU path with, on a machine that has one.

`python -m benchmarks.gpu` prints four tables; each ratio is of things taken in turn. Seconds are those of the wall,
until the device has done all its work.

- train() over a bare PyTorch loop on the same device that measures nothing; over itself with the recorded pass
  launched kernel by kernel, not as one CUDA graph; and over itself on one core of the machine's processor;
- 64 replicas, 8 learning rates x 8 seeds, as one batch, over one run alone (goal <= 4), and over 64 runs one by one,
  which are put together from a few;
- a line's 8 lengths in one batched pass over one after the other;
- LeNet on MNIST for 20 epochs, in seconds (goal <= 10), in single precision and with products in bfloat16.

`--device cpu` runs the same on the processor, where nothing is captured: to see what replicas give there, and that the
command works. `--steps` shortens all runs.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import fmean
from unittest.mock import patch

import torch

from benchmarks import bare, cases
from benchmarks.tables import Table, Values
from bnviz import networks
from bnviz.core.config import RunConfig
from bnviz.landscape.line import at_once, one_by_one, step_lengths
from bnviz.landscape.objective import Objective, flat
from bnviz.torch_support.rng import preserved_state
from bnviz.training import graph_replay, train
from bnviz.training.batched.training import train_together
from bnviz.training.task import Task
from bnviz.training.training_loop import pick_device

PAIRS = 7
RATES, SEEDS, ALONE = 8, 8, 4
EPOCHS = 20
POINTS, LINE_BATCH = 8, 128
PRECISIONS = {"float32": "", "bfloat16": ", products in bfloat16"}
SINGLE = ("train() over a bare loop", "over itself without CUDA graph", "over the CPU's")
SECONDS_GOAL, REPLICAS_GOAL = "<= 10", "<= 4"

Work = Callable[[], object]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="(%(default)s)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each is measured (%(default)s)")
    parser.add_argument("--steps", type=int, help="updates of every run, instead of its own")
    given = parser.parse_args()
    try:
        device = pick_device(given.device)
    except ValueError:
        parser.exit(1, "There is no CUDA device here, so there is nothing to measure; --device cpu shows the rest.\n")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "the processor"
    print(f"On {name}, torch {torch.__version__}.\n")
    for table in tables(given.pairs, device, given.steps):
        print(table.markdown(), flush=True)


def tables(pairs: int, device: torch.device, steps: int | None = None) -> Iterator[Table]:
    """All four, each as soon as it is measured; those with MNIST only where it can be had."""
    torch.set_num_threads(1)
    chosen, left_out = cases.available()
    changes = {"device": device.type, "probes": ()} | ({"steps": steps} if steps else {})
    runs = {
        case.name + row: case.config.with_changes(**(changes | {"norm": norm}))
        for case in chosen
        for norm, row in cases.NORMS.items()
    }
    about = f"Medians and quartiles of {pairs} rounds. {left_out}".strip()
    first = tuple(runs)[:2]
    title = "seconds over seconds"
    single = {name: _single(config, device, pairs) for name, config in runs.items()}
    yield Table("gpu", "One run", about, title, SINGLE, single)
    many = ("64 over one", "over 64, one by one")
    replicas = {name: _replicas(runs[name], pairs) for name in first}
    goals = {(name, many[0]): REPLICAS_GOAL for name in first}
    yield Table("gpu", "Replicas", about, title, many, replicas, goals)
    lines = {name: _lines(config, device, pairs) for name, config in runs.items()}
    yield Table("gpu", "A line's lengths", about, title, ("at once over one by one",), lines)
    if not left_out:
        whole = _lenet(device, steps)
        goals = {(name, "whole run"): SECONDS_GOAL for name in whole}
        yield Table("gpu", "LeNet", "With the default probes, once each.", "s", ("whole run",), whole, goals)


def _single(config: RunConfig, device: torch.device, pairs: int) -> tuple[Values, ...]:
    network, inputs, labels = bare.prepare(config)
    network.to(device)
    there = inputs.to(device), labels.to(device)
    works: list[Work] = [lambda: _run(config), lambda: bare.loop(config, network, *there)]
    if device.type == "cuda":
        works.append(lambda: patch.object(graph_replay, "CapturedPass", _not_captured)(_run)(config))
        works.append(lambda: _run(config.with_changes(device="cpu")))
    rounds = _rounds(works, device, pairs)
    ratios: list[Values] = [tuple(one[0] / one[other] for one in rounds) for other in range(1, len(works))]
    return *ratios, *([()] * (len(SINGLE) - len(ratios)))


def _not_captured(compute: Callable[..., object], _: object) -> Callable[..., object]:
    return compute


def _replicas(config: RunConfig, pairs: int) -> tuple[Values, ...]:
    rates = [config.learning_rate * 2.0**power for power in range(-RATES // 2, RATES // 2)]
    many = [config.with_changes(learning_rate=rate, seed=seed) for rate in rates for seed in range(SEEDS)]
    works: list[Work] = [partial(_run_together, many), *(partial(_run, one) for one in many[:ALONE])]
    rounds = _rounds(works, torch.device(config.device), pairs)
    ratios = tuple(one[0] / fmean(one[1:]) for one in rounds)
    return ratios, tuple(ratio / len(many) for ratio in ratios)


def _lines(config: RunConfig, device: torch.device, pairs: int) -> tuple[Values, ...]:
    task = Task.load(config, device)
    network = networks.build(config, tuple(task.inputs.shape[1:]), task.classes, device)
    objective = Objective.of(network, *task.fixed(LINE_BATCH), task.criterion)
    here = flat(objective.gradient()[1])
    lengths = step_lengths(0.5, 4.0, POINTS) * config.learning_rate

    def look(way: Callable[..., object]) -> Work:
        def looked() -> None:
            with preserved_state(network):
                way(objective, here, here, lengths)

        return looked

    rounds = _rounds([look(at_once), look(one_by_one)], device, pairs)
    return (tuple(one[0] / one[1] for one in rounds),)


def _lenet(device: torch.device, steps: int | None) -> dict[str, tuple[Values, ...]]:
    (config,) = (case.config for case in cases.CASES if case.config.network == "lenet")
    whole = EPOCHS * (60_000 // config.batch_size)
    found: dict[str, tuple[Values, ...]] = {}
    for (norm, row), (precision, how) in itertools.product(cases.NORMS.items(), PRECISIONS.items()):
        changes = {"device": device.type, "norm": norm, "steps": steps or whole, "precision": precision}
        run = config.with_changes(**changes)
        [[seconds]] = _rounds([partial(_run, run)], device, 1)
        found[f"{run.steps} updates of LeNet{row}{how}"] = ((seconds,),)
    return found


def _run(config: RunConfig) -> None:
    for _ in train(config):
        pass


def _run_together(configs: Sequence[RunConfig]) -> None:
    for _ in train_together(configs):
        pass


def _rounds(works: Sequence[Work], device: torch.device, pairs: int) -> list[list[float]]:
    """Seconds of each work, all of them in turn; the first time does not count."""
    for work in works:
        _seconds(work, device)
    return [[_seconds(work, device) for work in works] for _ in range(pairs)]


def _seconds(work: Work, device: torch.device) -> float:
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
