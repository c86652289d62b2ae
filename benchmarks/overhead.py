"""What measuring costs: train() without probes, with the default probes and with all, over a bare PyTorch loop.

`python -m benchmarks.overhead` trains the same network on the same data for the same number of updates, each way in
turn, on one thread, and prints ratios of processor seconds. train() makes its tensors and its network, scores test
samples at up to 40 steps and all of them at the end, and yields frames; the bare loop does none of that, but in the
last column scores as many samples as often. All probes are too slow for whole runs: what they take at one step is
measured in a run of ten updates, and counted as often as a run measures. Further tables: single updates, results.
"""

import gzip
import itertools
from functools import partial
from time import process_time

import torch
from torch.nn.functional import cross_entropy

from benchmarks import bare, cases
from benchmarks.tables import Table, Values, Work, print_tables, ratios, seconds
from bnviz import datasets
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.measurement_schedule import spread_steps
from bnviz.core.record import Record
from bnviz.figures import unit_distribution
from bnviz.records import gallery
from bnviz.training import train
from bnviz.training.graph_replay import RecordedPass, eager_step
from bnviz.training.mini_batches import batch_order
from bnviz.training.optimizers import Optimizer

COLUMNS = ("no probes", "default probes", "all probes", "no probes, over a bare loop that scores")
BLOCK = 200  # updates timed at a time
TIMES = 5  # in a row, of what takes some milliseconds
ABOUT = (
    "Runs in seconds on the processor, one thread, against a bare PyTorch loop of the same network, batches and "
    "updates, that scores and measures nothing; in the last column it scores as many test samples as often. train() "
    "also makes its tensors and scores: on MNIST 2000 images at up to 40 steps and 10 000 at the end, with batch norm "
    "those once more with population statistics. Probes measure at up to 60 steps (10x100: 24); the 25 linear layers "
    "train for a quarter of their updates. All probes are all but the plane. Medians and quartiles of {pairs} rounds."
)
RESULTS = (
    "Of a default run with batch norm. Workers send and the store keeps what is packed without compression; the other "
    "is gzip's quickest. Medians and quartiles of {pairs} rounds."
)
ONE_UPDATE = (
    f"3x100 sigmoid on digits, batch 60, one thread, blocks of {BLOCK} updates in turn; train() records the pass once "
    "and repeats it without autograd. Medians and quartiles of {pairs} rounds."
)


def tables(pairs: int) -> list[Table]:
    """Runs by network and norm, single updates, and results on their way to the screen."""
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
            goal = "<= 1.00" if config.network == "lenet" else "<= 0.85"
            goals |= {(case.name + name, COLUMNS[0]): goal, (case.name + name, COLUMNS[1]): "<= 1.20"}
    about = f"{ABOUT.format(pairs=pairs)} {left_out}".strip()
    whole = Table("overhead", "What measuring costs", about, "seconds over the bare loop's", COLUMNS, rows, goals)
    return [whole, _one_update(pairs), _results(pairs)]


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
    data = datasets.load(config.dataset, config.seed, **config.options_of("dataset"))
    inputs, labels = bare.tensors(config, data.test)
    some = slice(config.test_samples)
    often = len(spread_steps(config.steps, config.curve_points))
    curves = seconds(lambda: bare.score(network, inputs[some], labels[some]), often)
    return curves + seconds(lambda: bare.score(network, inputs, labels))


def _one_update(pairs: int) -> Table:
    configs = [RunConfig(norm=norm, steps=10**6) for norm in cases.NORMS]
    row = tuple(ratios(_own_update(config), _bare_update(config), pairs, BLOCK) for config in configs)
    about, columns = ONE_UPDATE.format(pairs=pairs), ("no normalisation", "batch norm")
    return Table("overhead", "One update", about, "of the bare update", columns, {"train()": row})


def _results(pairs: int) -> Table:
    """What becomes of a result on its way from a worker to the screen."""
    config = RunConfig(norm="batch")
    record = Record.from_frames(config, train(config))
    plain, small = (gallery.packed(record, level) for level in (0, 1))
    records = {"standard": record}
    draws = [partial(draw, records, "standard", 3, 17) for draw in (unit_distribution.bands, unit_distribution.history)]

    rows: dict[str, tuple[Work, Work]] = {
        "packed, over packed and compressed": (partial(gallery.packed, record, 0), partial(gallery.packed, record, 1)),
        "unpacked, over the same of compressed": (
            partial(gzip.decompress, plain),
            partial(gzip.decompress, small),
        ),
        "a unit's charts, over the same by plotly's objects": (
            lambda: [draw().to_json() for draw in draws],
            lambda: [draw().figure().to_json() for draw in draws],
        ),
    }
    figures = {name: (ratios(ours, theirs, pairs, TIMES),) for name, (ours, theirs) in rows.items()}
    return Table("overhead", "Results on their way", RESULTS.format(pairs=pairs), "", ("ratio",), figures)


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


def _own_update(config: RunConfig) -> Work:
    network, inputs, labels = bare.prepare(config)
    batches = batch_order(len(inputs), config, torch.device("cpu"))
    optimizer = Optimizer(config, list(network.parameters()))
    step = RecordedPass(partial(eager_step, network, cross_entropy))

    def update() -> None:
        index = next(batches)
        _, gradient = step(inputs.index_select(0, index), labels.index_select(0, index))
        optimizer.step(gradient)

    return update


if __name__ == "__main__":
    print_tables(__doc__, tables)
