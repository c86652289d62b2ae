"""What a GPU makes of the same train(): one run, 64 runs as one batch, a line's lengths at once, and LeNet.

`python -m benchmarks.gpu` times each in turn, in seconds of the wall until the device has done its work: train() over a
bare PyTorch loop on the same device, over itself with kernels launched one by one instead of as a CUDA graph, and over
itself on one core; 64 replicas (8 learning rates x 8 seeds) over one run, and over 64 runs one by one; a line's 8
lengths in one batched pass over one after the other; LeNet on MNIST for 20 epochs, in single precision and with
products in bfloat16. `--device cpu` does the same on the processor, where nothing is captured. `--steps` shortens runs.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import fmean
from unittest.mock import patch

import torch

from benchmarks import bare, cases
from benchmarks.tables import Table, Values, Work, command_line, seconds
from bnviz import networks
from bnviz.core.config import RunConfig
from bnviz.landscape.line import at_once, one_by_one, step_lengths
from bnviz.landscape.objective import Objective, flat
from bnviz.torch_support.rng import preserved_state
from bnviz.training import graph_replay, train
from bnviz.training.batched.training import train_together
from bnviz.training.task import Task
from bnviz.training.training_loop import pick_device

SIDE, ALONE = 8, 4  # learning rates and seeds; single runs that are timed
EPOCHS = 20
POINTS, LINE_BATCH = 8, 128
PRECISIONS = {"float32": "", "bfloat16": ", products in bfloat16"}
SINGLE = ("train() over a bare loop", "over itself without CUDA graph", "over the CPU's")
MANY = ("64 over one", "over 64, one by one")
SECONDS_GOAL, REPLICAS_GOAL = "<= 10", "<= 4"
UNIT = "seconds over seconds"


def main() -> None:
    """Measure and print."""
    parser = command_line(__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="(%(default)s)")
    parser.add_argument("--steps", type=int, help="updates of every run, instead of its own")
    options = parser.parse_args()
    try:
        device = pick_device(options.device)
    except ValueError:
        parser.exit(1, "There is no CUDA device here, so there is nothing to measure; --device cpu shows the rest.\n")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "the processor"
    print(f"On {name}, torch {torch.__version__}.\n")
    for table in tables(options.pairs, device, options.steps):
        print(table.markdown(), flush=True)


def tables(pairs: int, device: torch.device, steps: int | None = None) -> Iterator[Table]:
    """Each of the four as soon as it is measured; LeNet's only where MNIST can be had."""
    torch.set_num_threads(1)
    chosen, left_out = cases.available()
    changes = {"device": device.type, "probes": ()} | ({"steps": steps} if steps else {})
    runs = {
        case.name + row: case.config.model_copy(update=changes | {"norm": norm})
        for case in chosen
        for norm, row in cases.NORMS.items()
    }
    about = f"Medians and quartiles of {pairs} rounds. {left_out}".strip()
    single = {name: _single(config, device, pairs) for name, config in runs.items()}
    yield Table("gpu", "One run", about, UNIT, SINGLE, single)
    replicas = {name: _replicas(runs[name], pairs) for name in tuple(runs)[:2]}
    yield Table("gpu", "Replicas", about, UNIT, MANY, replicas, {(name, MANY[0]): REPLICAS_GOAL for name in replicas})
    lines = {name: _lines(config, device, pairs) for name, config in runs.items()}
    yield Table("gpu", "A line's lengths", about, UNIT, ("at once over one by one",), lines)
    if not left_out:
        whole = _lenet(device, steps)
        goals = {(name, "whole run"): SECONDS_GOAL for name in whole}
        yield Table("gpu", "LeNet", "With the default probes, once each.", "s", ("whole run",), whole, goals)


def _single(config: RunConfig, device: torch.device, pairs: int) -> tuple[Values, ...]:
    network, *data = bare.prepare(config)
    network.to(device)
    inputs, labels = (tensor.to(device) for tensor in data)
    works: list[Work] = [lambda: _run(config), lambda: bare.loop(config, network, inputs, labels)]
    if device.type == "cuda":
        works.append(lambda: patch.object(graph_replay, "CapturedPass", lambda compute, _: compute)(_run)(config))
        works.append(lambda: _run(config.model_copy(update={"device": "cpu"})))
    rounds = _rounds(works, device, pairs)
    ratios: list[Values] = [tuple(took[0] / took[other] for took in rounds) for other in range(1, len(works))]
    return *ratios, *([()] * (len(SINGLE) - len(ratios)))


def _replicas(config: RunConfig, pairs: int) -> tuple[Values, ...]:
    rates = [config.learning_rate * 2.0**power for power in range(-SIDE // 2, SIDE // 2)]
    many = [config.model_copy(update={"learning_rate": rate, "seed": seed}) for rate in rates for seed in range(SIDE)]
    works: list[Work] = [lambda: list(train_together(many)), *(partial(_run, one) for one in many[:ALONE])]
    rounds = _rounds(works, torch.device(config.device), pairs)
    ratios = tuple(took[0] / fmean(took[1:]) for took in rounds)
    return ratios, tuple(ratio / len(many) for ratio in ratios)


def _lines(config: RunConfig, device: torch.device, pairs: int) -> tuple[Values, ...]:
    task = Task.load(config, device)
    network = networks.build(config, tuple(task.inputs.shape[1:]), task.classes, device)
    objective = Objective.of(network, *task.fixed(LINE_BATCH), task.criterion)
    direction = flat(objective.gradient()[1])
    lengths = step_lengths(0.5, 4.0, POINTS) * config.learning_rate

    def measure(way: Callable[..., object]) -> None:
        with preserved_state(network):
            way(objective, direction, direction, lengths)

    rounds = _rounds([partial(measure, at_once), partial(measure, one_by_one)], device, pairs)
    return (tuple(took[0] / took[1] for took in rounds),)


def _lenet(device: torch.device, steps: int | None) -> dict[str, tuple[Values, ...]]:
    (config,) = (case.config for case in cases.CASES if case.config.network == "lenet")
    whole = EPOCHS * (60_000 // config.batch_size)
    found: dict[str, tuple[Values, ...]] = {}
    for (norm, row), (precision, how) in itertools.product(cases.NORMS.items(), PRECISIONS.items()):
        changes = {"device": device.type, "norm": norm, "steps": steps or whole, "precision": precision}
        run = config.model_copy(update=changes)
        found[f"{run.steps} updates of LeNet{row}{how}"] = (tuple(_rounds([partial(_run, run)], device, 1)[0]),)
    return found


def _run(config: RunConfig) -> None:
    for _ in train(config):
        pass


def _rounds(works: Sequence[Work], device: torch.device, pairs: int) -> list[list[float]]:
    """Seconds of each work, all of them in turn; the first round does not count."""

    def whole(work: Work) -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return [[seconds(partial(whole, work), clock=time.perf_counter) for work in works] for _ in range(1 + pairs)][1:]


if __name__ == "__main__":
    main()
