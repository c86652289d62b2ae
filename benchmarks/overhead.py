"""What measuring costs: train() without probes, with the default probes and with all, over a bare PyTorch loop.

`python -m benchmarks.overhead` trains the same network on the same data for the same number of updates, each way in
turn, on one thread, and prints ratios of processor seconds. train() makes its tensors and its network, scores test
samples at up to 40 steps and all of them at the end, and yields frames; the bare loop does none of that, but in the
last column scores as many samples as often. All probes are too slow for whole runs: what they take at one step is
measured in a run of ten updates, and counted as often as a whole run measures. A second table shows one update's parts.
"""

import itertools
from functools import partial
from time import process_time

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks import bare, cases
from benchmarks.tables import Table, Values, Work, print_tables, seconds
from bnviz import datasets
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.measurement_schedule import spread_steps
from bnviz.training import train
from bnviz.training.graph_replay import RecordedPass, eager_step
from bnviz.training.mini_batches import batch_order
from bnviz.training.optimizers import Optimizer

COLUMNS = ("no probes", "default probes", "all probes", "no probes, over a bare loop that scores")
DEFAULT_GOAL = "<= 1.20"
BLOCK = 200  # updates timed at a time
ABOUT = (
    "Runs in seconds on the processor, one thread, against a bare PyTorch loop of the same network, batches and "
    "updates, that scores and measures nothing; in the last column it scores as many test samples as often. train() "
    "also makes its tensors and scores: on MNIST 2000 images at up to 40 steps and 10 000 at the end, with batch norm "
    "those once more with population statistics. Probes measure at up to 60 steps (10x100: 24); the 25 linear layers "
    "train for a quarter of their updates. All probes are all but the plane. Medians and quartiles of {pairs} rounds."
)
PARTS = (
    f"3x100 sigmoid on digits, batch 60, one thread, blocks of {BLOCK} updates in turn. train() records the pass once "
    "and repeats it without autograd; eager is the update it makes where probes measure. Medians and quartiles of "
    "{pairs} rounds."
)


def tables(pairs: int) -> list[Table]:
    """Runs by network and norm, and the parts of one update."""
    torch.set_num_threads(1)
    chosen, left_out = cases.available()
    rows: dict[str, tuple[Values, ...]] = {}
    goals: dict[tuple[str, str], str] = {}
    for case in chosen:
        for norm, name in cases.NORMS.items():
            config = case.config.model_copy(update={"norm": norm, "device": "cpu"})
            few = config.model_copy(update={"steps": 5})
            bare.seconds(few), _run(few)  # the first ones are slow
            rows[case.name + name] = tuple(zip(*(_round(config) for _ in range(pairs)), strict=True))
            goals |= {(case.name + name, COLUMNS[0]): case.goal, (case.name + name, COLUMNS[1]): DEFAULT_GOAL}
    about = f"{ABOUT.format(pairs=pairs)} {left_out}".strip()
    whole = Table("overhead", "What measuring costs", about, "seconds over the bare loop's", COLUMNS, rows, goals)
    return [whole, _parts(pairs)]


def _round(config: RunConfig) -> Values:
    """A value for each column."""
    loop = bare.seconds(config, process_time)
    none = _run(config.model_copy(update={"probes": ()}))
    default = _run(config)
    measured = len(spread_steps(config.steps, config.probe_points))
    everything = none + _all_probes(config) * measured
    return none / loop, default / loop, everything / loop, none / (loop + _scoring(config))


def _run(config: RunConfig) -> float:
    return seconds(lambda: list(train(config)))


def _all_probes(config: RunConfig) -> float:
    """Seconds that all probes but those of a whole run's path take at one step."""
    names = registry.names("probes")
    probes = tuple(name for name in names if not registry.describe("probes", name).constants.get("NEEDS_PATH", False))
    short = config.model_copy(update={"steps": 10, "probe_points": 2, "curve_points": 2})
    return (_run(short.model_copy(update={"probes": probes})) - _run(short.model_copy(update={"probes": ()}))) / 2


def _scoring(config: RunConfig) -> float:
    """Seconds that a bare loop takes to score as many test samples as often as a run does."""
    network, _, _ = bare.prepare(config)
    inputs, labels = bare.tensors(config, datasets.load(config.dataset, config.seed, config.binarize).test)
    some = slice(config.test_samples)
    often = len(spread_steps(config.steps, config.curve_points))
    curves = seconds(lambda: bare.score(network, inputs[some], labels[some]), often)
    return curves + seconds(lambda: bare.score(network, inputs, labels))


def _parts(pairs: int) -> Table:
    columns: dict[str, dict[str, Values]] = {}
    for norm, name in (("none", "no normalisation"), ("batch", "batch norm")):
        works = _updates(RunConfig(norm=norm, steps=10**6))
        rounds = [{part: seconds(work, BLOCK) for part, work in works.items()} for _ in range(1 + pairs)][1:]
        columns[name] = {part: tuple(took[part] / took["bare"] for took in rounds) for part in works}
    parts = [part for part in works if part != "bare"]
    rows = {part: tuple(column[part] for column in columns.values()) for part in parts}
    about = PARTS.format(pairs=pairs)
    return Table("overhead", "Where an update's time goes", about, "of the bare update", tuple(columns), rows)


def _updates(config: RunConfig) -> dict[str, Work]:
    """By name, work that makes one update or a part of it, each on a network of its own."""
    return {
        "bare": _bare_update(config),
        "matrix products": _products(config),
        "forward": _forward(config),
        "eager": _own_update(config, recorded=False),
        "train()": _own_update(config, recorded=True),
    }


def _bare_update(config: RunConfig) -> Work:
    network, inputs, labels = bare.prepare(config)
    optimizer = torch.optim.SGD(network.parameters(), lr=config.learning_rate)
    batches = itertools.cycle(torch.randperm(len(inputs)).split(config.batch_size)[:-1])

    def update() -> None:
        index = next(batches)
        optimizer.zero_grad()
        cross_entropy(network(inputs[index]), labels[index]).backward()
        optimizer.step()

    return update


def _own_update(config: RunConfig, recorded: bool) -> Work:
    network, inputs, labels = bare.prepare(config)
    batches = batch_order(len(inputs), config, torch.device("cpu"))
    optimizer = Optimizer(config, list(network.parameters()))
    eager = partial(eager_step, network, cross_entropy)
    step = RecordedPass(eager) if recorded else eager

    def update() -> None:
        index = next(batches)
        optimizer.step(step(inputs.index_select(0, index), labels.index_select(0, index))[1])

    return update


def _forward(config: RunConfig) -> Work:
    network, inputs, labels = bare.prepare(config)
    batches = batch_order(len(inputs), config, torch.device("cpu"))

    def forward() -> None:
        index = next(batches)
        cross_entropy(network(inputs.index_select(0, index)), labels.index_select(0, index))

    return forward


def _products(config: RunConfig) -> Work:
    """The products of the forward pass, of the weights' gradients, and of the inputs' but in the first layer."""
    network, _, _ = bare.prepare(config)
    weights = [layer.weight.detach() for layer in network if isinstance(layer, nn.Linear)]
    before = [torch.randn(config.batch_size, weight.shape[1]) for weight in weights]
    after = [torch.randn(config.batch_size, weight.shape[0]) for weight in weights]

    def products() -> None:
        for place, weight in enumerate(weights):
            torch.mm(before[place], weight.t())
            torch.mm(after[place].t(), before[place])
            if place:
                torch.mm(after[place], weight)

    return products


if __name__ == "__main__":
    print_tables(__doc__, tables)
