"""Where one update's time goes, and ways to make it cheaper, each as a ratio to the bare loop's update.

`python -m benchmarks.step` times blocks of updates of the default networks in turn, one thread, and prints medians with
quartiles; seconds are the process's own on the processor:

- matrix products: those of the forward and the backward pass alone, which every way has to make;
- forward: the mini-batch, the network and the loss, with the graph for autograd;
- train(): as `bnviz.training` makes it: index_select, no gradients to clear, SGD's fused kernel;
- one addition: the same, with all of SGD as one `torch._foreach_add_`;
- recorded: forward and backward as recorded once with make_fx and called without autograd; recording is timed, too.

Nothing is scored or measured here; `benchmarks.overhead` says what that costs.
"""

import itertools
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import cross_entropy

from benchmarks import bare
from benchmarks.tables import Table, Values, alone
from bnviz.config import RunConfig
from bnviz.training import batch_order

BLOCK = 200  # updates timed at a time
ABOUT = (
    f"3x100 sigmoid on digits, batch 60, one thread, blocks of {BLOCK} updates in turn; which ways there are, the "
    "module's first lines tell, and which are not in use, [log.md](log.md). Recording took {recordings}. Medians "
    "and quartiles of {pairs} rounds."
)
Step = Callable[[], object]


def tables(pairs: int) -> list[Table]:
    """One row for each way."""
    torch.set_num_threads(1)
    columns: dict[str, dict[str, Values]] = {}
    recordings = []
    for norm, name in (("none", "no normalisation"), ("batch", "batch norm")):
        steps, recording = ways(RunConfig(norm=norm, steps=10**6))
        recordings.append(f"{recording:.2f} s")
        rounds = [{way: _block(step) for way, step in steps.items()} for _ in range(pairs)]
        columns[name] = {way: tuple(seconds[way] / seconds["bare"] for seconds in rounds) for way in steps}
    rows = {way: tuple(column[way] for column in columns.values()) for way in steps if way != "bare"}
    about = ABOUT.format(pairs=pairs, recordings=" and ".join(recordings))
    return [Table("step", "Where an update's time goes", about, "of the bare update", tuple(columns), rows)]


def ways(config: RunConfig) -> tuple[dict[str, Step], float]:
    """Each way's update, on a network of its own, and the seconds that recording took."""
    began = time.process_time()
    recorded = _recorded(config)
    recording = time.process_time() - began
    steps = {
        "bare": _bare(config),
        "matrix products": _products(config),
        "forward": _eager(config, lambda _network, _loss: None),
        "train()": _eager(config, _Fused(config)),
        "one addition": _eager(config, _one_addition(config.learning_rate)),
        "recorded": recorded,
    }
    return steps, recording


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


def _eager(config: RunConfig, update: Callable[[nn.Module, Tensor], object]) -> Step:
    network, inputs, labels = bare.prepare(config)
    batches = batch_order(len(inputs), config, torch.device("cpu"))

    def step() -> None:
        index = next(batches)
        loss = cross_entropy(network(inputs.index_select(0, index)), labels.index_select(0, index))
        update(network, loss)

    return step


class _Fused:
    """What train() does with a loss."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._optimizer: torch.optim.Optimizer | None = None

    def __call__(self, network: nn.Module, loss: Tensor) -> None:
        if self._optimizer is None:
            self._optimizer = torch.optim.SGD(network.parameters(), self._config.learning_rate, fused=True)
            self._parameters = list(network.parameters())
        for parameter in self._parameters:
            parameter.grad = None
        loss.backward()
        self._optimizer.step()


def _one_addition(rate: float) -> Callable[[nn.Module, Tensor], None]:
    def update(network: nn.Module, loss: Tensor) -> None:
        parameters: list[Tensor] = list(network.parameters())
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-rate)

    return update


def _recorded(config: RunConfig) -> Step:
    network, inputs, labels = bare.prepare(config)
    names, parameters = zip(*network.named_parameters(), strict=True)
    buffers = dict(network.named_buffers())

    def pass_(weights: list[Tensor], state: dict[str, Tensor], batch: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(names, weights, strict=True)) | state
        loss = cross_entropy(torch.func.functional_call(network, named, (batch,)), target)
        return loss, *torch.autograd.grad(loss, weights)

    batches = batch_order(len(inputs), config, torch.device("cpu"))
    first = next(batches)
    graph = make_fx(pass_)(list(parameters), buffers, inputs[first], labels[first])
    graph.graph.eliminate_dead_code()
    graph.recompile()
    weights = [parameter.detach() for parameter in parameters]

    def step() -> None:
        index = next(batches)
        with torch.no_grad():
            _, *gradients = graph(weights, buffers, inputs.index_select(0, index), labels.index_select(0, index))
            torch._foreach_add_(weights, gradients, alpha=-config.learning_rate)

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
