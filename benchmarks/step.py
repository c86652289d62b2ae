"""Where one update's time goes, and ways to make it cheaper, each as a ratio to the bare loop's update.

`python -m benchmarks.step` times blocks of updates of the default networks in turn, one thread, and prints medians with
quartiles; seconds are the process's own on the processor:

- matrix products: those of the forward and the backward pass alone, which every way has to make;
- forward: the mini-batch, the network and the loss, with the graph for autograd;
- by the network: as `bnviz.training` makes an update that is looked into: index_select, no `.grad`, SGD's
  fused kernel;
- train(): as it makes all others: the pass recorded once and made again without autograd;
- one addition: the same, with all of SGD as one `torch._foreach_add_`.

Nothing is scored or measured here; `benchmarks.overhead` says what that costs.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks import bare
from benchmarks.tables import Table, Values, alone
from bnviz.core.config import RunConfig
from bnviz.training.graph_replay import RecordedPass, eager_step
from bnviz.training.mini_batches import batch_order
from bnviz.training.optimizers import Optimizer

BLOCK = 200  # updates timed at a time
ABOUT = (
    f"3x100 sigmoid on digits, batch 60, one thread, blocks of {BLOCK} updates in turn; which ways there are, the "
    "module's first lines tell, and which are not in use, [log.md](log.md). Recording takes {recordings}. Medians "
    "and quartiles of {pairs} rounds."
)
Step = Callable[[], object]


def tables(pairs: int) -> list[Table]:
    """One row for each way."""
    torch.set_num_threads(1)
    columns: dict[str, dict[str, Values]] = {}
    recordings = []
    for norm, name in (("none", "no normalisation"), ("batch", "batch norm")):
        config = RunConfig(norm=norm, steps=10**6)
        steps = ways(config)
        recordings.append(f"{1000 * statistics.median(_recording(config) for _ in range(pairs)):.0f} ms")
        rounds = [{way: _block(step) for way, step in steps.items()} for _ in range(pairs)]
        columns[name] = {way: tuple(seconds[way] / seconds["bare"] for seconds in rounds) for way in steps}
    rows = {way: tuple(column[way] for column in columns.values()) for way in steps if way != "bare"}
    about = ABOUT.format(pairs=pairs, recordings=" and ".join(recordings))
    return [Table("step", "Where an update's time goes", about, "of the bare update", tuple(columns), rows)]


def ways(config: RunConfig) -> dict[str, Step]:
    """Each way's update, on a network of its own."""

    def one_addition(weights: list[Tensor], gradient: list[Tensor]) -> None:
        torch._foreach_add_(weights, gradient, alpha=-config.learning_rate)

    return {
        "bare": _bare(config),
        "matrix products": _products(config),
        "forward": _forward(config),
        "by the network": _ours(config, again=False),
        "train()": _ours(config),
        "one addition": _ours(config, move=one_addition),
    }


def _recording(config: RunConfig) -> float:
    """Seconds that the first pass takes, which is recorded, the function that it becomes included."""
    network, inputs, labels = bare.prepare(config)
    began = time.process_time()
    RecordedPass(partial(eager_step, network, cross_entropy))(inputs[: config.batch_size], labels[: config.batch_size])
    return time.process_time() - began


def _block(step: Step) -> float:
    step()
    began = time.process_time()
    for _ in range(BLOCK):
        step()
    return time.process_time() - began


def _bare(config: RunConfig) -> Step:
    network, inputs, labels = bare.prepare(config)
    optimizer = torch.optim.SGD(network.parameters(), lr=config.learning_rate)
    batches = itertools.cycle(torch.randperm(len(inputs)).split(config.batch_size)[:-1])

    def step() -> None:
        index = next(batches)
        optimizer.zero_grad()
        cross_entropy(network(inputs[index]), labels[index]).backward()
        optimizer.step()

    return step


def _ours(
    config: RunConfig, again: bool = True, move: Callable[[list[Tensor], list[Tensor]], object] | None = None
) -> Step:
    """bnviz's update: the pass recorded and made `again`, or made by the network; then its optimiser, or `move`."""
    network, inputs, labels = bare.prepare(config)
    batches = batch_order(len(inputs), config, torch.device("cpu"))
    recorded, optimizer = (
        RecordedPass(partial(eager_step, network, cross_entropy)),
        Optimizer(config, list(network.parameters())),
    )
    weights = [parameter.detach() for parameter in network.parameters()]

    def step() -> None:
        index = next(batches)
        batch = inputs.index_select(0, index), labels.index_select(0, index)
        _, gradient = recorded(*batch) if again else eager_step(network, cross_entropy, *batch)
        if move is None:
            optimizer.step(gradient)
        else:
            move(weights, gradient)

    return step


def _forward(config: RunConfig) -> Step:
    network, inputs, labels = bare.prepare(config)
    batches = batch_order(len(inputs), config, torch.device("cpu"))

    def step() -> None:
        index = next(batches)
        cross_entropy(network(inputs.index_select(0, index)), labels.index_select(0, index))

    return step


def _products(config: RunConfig) -> Step:
    """Forward, gradient of the weights, gradient of what came in; of the last not for the first layer."""
    network, _, _ = bare.prepare(config)
    layers = [layer.weight.detach() for layer in network if isinstance(layer, nn.Linear)]
    before = [torch.randn(config.batch_size, weight.shape[1]) for weight in layers]
    after = [torch.randn(config.batch_size, weight.shape[0]) for weight in layers]

    def step() -> None:
        for place, weight in enumerate(layers):
            torch.mm(before[place], weight.t())
            torch.mm(after[place].t(), before[place])
            if place:
                torch.mm(after[place], weight)

    return step


if __name__ == "__main__":
    alone(__doc__, tables, pairs=15)
