"""train(config): the heart of bnviz. A generator that trains one network and yields what was measured.

The caller pulls; nothing here knows who looks, or how. Networks, optimisers and losses are torch's own. Measuring never
changes the run: with or without probes, the weights are the same, bit for bit.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager as Context
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from bnviz import datasets, networks, probes
from bnviz.config import RunConfig
from bnviz.record import Frame, Measurement, Outcome
from bnviz.schedule import spread_steps
from bnviz.streams import stream
from bnviz.tracing import same_noise, traced, undisturbed

SCORING_BATCH = 1000
"""Test images scored at once: bounds memory, changes no result."""


def train(
    config: RunConfig, network: nn.Module | None = None, should_stop: Callable[[], bool] | None = None
) -> Iterator[Frame]:
    """Train one network as `config` says and yield a Frame at every scheduled step, from 0 to `config.steps`.

    A frame at step t holds what was measured after t updates. The last frame's outcome is `finished`, or `diverged` if
    the loss was no longer finite when a frame was due. `network` stands in for a freshly built one; it is trained in
    place. `should_stop` is asked before every step; once it says yes, a last frame, empty, has the outcome `stopped`.

    Raises:
        DatasetError: the data set cannot be had.
        ValueError: CUDA was asked for and there is none.
    """
    device = pick_device(config.device)
    data = datasets.load(config.dataset, config.seed, config.binarize)
    inputs, labels = _tensors(data.train, device)
    test = _tensors(data.test, device)
    if network is None:
        network = networks.build(config, tuple(inputs.shape[1:]), data.classes, device)
    optimizer = build_optimizer(config, network)
    note_at = set(spread_steps(config.steps, config.curve_points))
    measure_at = set(spread_steps(config.steps, config.probe_points)) if config.probes else set()
    trace_at = measure_at | {step - 1 for step in measure_at}
    fixed = inputs[: config.probe_samples] if config.probe_data == "fixed" else None
    previous: list[Tensor] | None = None
    parameters = list(network.parameters())

    for step, index in enumerate(batch_order(len(inputs), config, device)):
        if should_stop is not None and should_stop():  # frames can be seconds apart: too long to wait for a stop
            yield Frame(step, {}, "stopped")
            return
        batch, target = inputs.index_select(0, index), labels.index_select(0, index)
        last = step == config.steps
        tracing = step in trace_at
        values: dict[str, Measurement] = {}
        if step in note_at:  # before the batch is looked at, which moves the running statistics on
            values |= _test_curves(network, test, config.test_samples)
        shield: Context[None] = undisturbed(network) if last else nullcontext()  # the last batch is only looked at
        trace: Context[list[Tensor]] = traced(network) if tracing and fixed is None else nullcontext([])
        with shield:
            with trace as seen:
                loss = nn.functional.cross_entropy(network(batch), target)
            for parameter in parameters:
                parameter.grad = None
            loss.backward()
        if tracing and fixed is not None:
            seen = _look(network, fixed)

        if step in note_at:
            values["train_loss"] = _curve(float(loss.detach()), "cross-entropy of the mini-batch", "nat")
        if step in measure_at:
            values |= probes.measure(probes.Snapshot(step, config, network, seen, previous))
        previous = seen if tracing else None
        if values:
            outcome: Outcome = "running"
            if last:
                outcome = "finished"
                values |= _full_score(network, test)
            if not torch.isfinite(loss):
                outcome = "diverged"
            yield Frame(step, values, outcome)
            if outcome != "running":
                return
        optimizer.step()


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one and the CPU elsewhere."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device is 'cuda', but this machine has no CUDA device; use 'auto' or 'cpu'")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def build_optimizer(config: RunConfig, network: nn.Module) -> torch.optim.Optimizer:
    """torch.optim's SGD or Adam over all of the network's parameters."""
    if config.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    return torch.optim.SGD(
        network.parameters(),
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        fused=True,
    )


def batch_order(samples: int, config: RunConfig, device: torch.device) -> Iterator[Tensor]:
    """Indices of one mini-batch after the other, int64 (batch,), on `device`, for steps + 1 batches.

    Each epoch is a fresh permutation from the run's stream `order`; a last, smaller batch is left out.
    """
    generator = stream(config.seed, "order")
    given = 0
    while True:
        order = torch.randperm(samples, generator=generator).to(device)  # drawn on the CPU: alike on all devices
        for start in range(0, samples - config.batch_size + 1, config.batch_size):
            yield order[start : start + config.batch_size]
            given += 1
            if given > config.steps:
                return


def _tensors(split: datasets.Split, device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.tensor(split.inputs, device=device), torch.tensor(split.labels, device=device)


def _look(network: nn.Module, batch: Tensor) -> list[Tensor]:
    """Pre-activations of `batch` in training mode, leaving no trace."""
    with undisturbed(network), torch.no_grad(), traced(network) as seen:
        network(batch)
    return seen


def _score(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean loss and accuracy in inference mode."""
    loss = correct = 0.0
    network.eval()  # running statistics are used, not updated
    with same_noise(network), torch.no_grad():
        for start in range(0, len(inputs), SCORING_BATCH):
            part = slice(start, start + SCORING_BATCH)
            scores = network(inputs[part])
            loss += float(nn.functional.cross_entropy(scores, labels[part], reduction="sum"))
            correct += float((scores.argmax(dim=1) == labels[part]).sum())
    network.train()
    return loss / len(inputs), correct / len(inputs)


def _curve(value: float, name: str, units: str) -> Measurement:
    return Measurement(np.array(value, np.float32), (), name, units, axis="step")


def _test_curves(network: nn.Module, test: tuple[Tensor, Tensor], samples: int) -> dict[str, Measurement]:
    test_loss, accuracy = _score(network, test[0][:samples], test[1][:samples])
    return {
        "test_loss": _curve(test_loss, "cross-entropy on test images", "nat"),
        "test_accuracy": _curve(accuracy, "test accuracy", "1"),
    }


def _full_score(network: nn.Module, test: tuple[Tensor, Tensor]) -> dict[str, Measurement]:
    loss, accuracy = _score(network, *test)
    return {
        "final_test_loss": _curve(loss, "cross-entropy on all test images, at the end", "nat"),
        "final_test_accuracy": _curve(accuracy, "accuracy on all test images, at the end", "1"),
    }
