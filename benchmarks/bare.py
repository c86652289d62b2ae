"""The bare loop: bnviz's networks trained in plain PyTorch, as a good engineer would write it, measuring nothing."""

import math
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnviz import datasets
from bnviz.core import presets
from bnviz.core.config import RunConfig

Loss = Callable[[Tensor, Tensor], Tensor]


def prepare(config: RunConfig) -> tuple[nn.Sequential, Tensor, Tensor]:
    """The network and the training data of `config`: an MLP, a deep linear network or LeNet, norm none or batch.

    Inputs are (samples, features), for LeNet (samples, 1, 28, 28).
    """
    torch.manual_seed(config.seed)
    data = datasets.load(config.dataset, config.seed, **config.options_of("dataset"))
    inputs, labels = tensors(config, data.train)
    layers = lenet(config) if config.network == "lenet" else _dense(config, inputs.shape[1], data.classes)
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            _initialise(layer, config)
    return network, inputs, labels


def tensors(config: RunConfig, split: datasets.Split) -> tuple[Tensor, Tensor]:
    """Inputs, flattened for all networks but LeNet, and labels or target values."""
    inputs = torch.tensor(split.inputs)
    return inputs if config.network == "lenet" else inputs.flatten(1), torch.tensor(split.labels)


def loss_of(labels: Tensor) -> Loss:
    """Cross-entropy for classes; for values the squared distance, mean over the samples."""
    return _squared_distance if labels.is_floating_point() else nn.functional.cross_entropy


def loop(
    config: RunConfig, network: nn.Sequential, inputs: Tensor, labels: Tensor, order: torch.Generator | None = None
) -> None:
    """`config.steps` updates of SGD on mini-batches, shuffled in each epoch, by `order` if it is given."""
    optimizer = torch.optim.SGD(network.parameters(), lr=config.learning_rate)
    loss = loss_of(labels)
    step = 0
    while True:
        for index in torch.randperm(len(inputs), generator=order, device=inputs.device).split(config.batch_size):
            if len(index) < config.batch_size:
                continue
            if step == config.steps:
                return
            optimizer.zero_grad()
            loss(network(inputs[index]), labels[index]).backward()
            optimizer.step()
            step += 1


def score(network: nn.Module, inputs: Tensor, labels: Tensor, batch: int = 1000) -> tuple[float, float]:
    """Mean loss and, for classes, accuracy (else 0) in inference mode."""
    total = correct = 0.0
    loss = loss_of(labels)
    network.eval()
    with torch.no_grad():
        for images, truth in zip(inputs.split(batch), labels.split(batch), strict=True):
            outputs = network(images)
            total += loss(outputs, truth).item() * len(images)
            if not truth.is_floating_point():
                correct += (outputs.argmax(1) == truth).sum().item()
    network.train()
    return total / len(inputs), correct / len(inputs)


def seconds(config: RunConfig, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the loop alone."""
    prepared = prepare(config)
    began = clock()
    loop(config, *prepared)
    return clock() - began


def _squared_distance(outputs: Tensor, values: Tensor) -> Tensor:
    return nn.functional.mse_loss(outputs, values, reduction="sum") / len(values)


def _dense(config: RunConfig, before: int, outputs: int) -> list[nn.Module]:
    linear = config.network == "deep_linear"
    layers: list[nn.Module] = []
    for width in config.widths:
        layers.append(nn.Linear(before, width, bias=not linear and config.norm == "none"))
        if config.norm == "batch":
            layers.append(nn.BatchNorm1d(width))
        if not linear:
            layers.append(_activation(config))
        before = width
    return [*layers, nn.Linear(before, outputs, bias=not linear)]


def lenet(config: RunConfig) -> list[nn.Module]:
    """Layers of LeNet for inputs (samples, 1, 28, 28)."""
    bias = config.norm == "none"
    layers: list[nn.Module] = []
    for before, maps in ((1, 6), (6, 16)):
        norm = [nn.BatchNorm2d(maps)] if config.norm == "batch" else []
        layers += [nn.Conv2d(before, maps, 3, bias=bias), *norm, _activation(config), nn.MaxPool2d(2)]
    layers.append(nn.Flatten())
    dense = config.model_copy(update={"network": "mlp", "widths": (120, 84)})
    return [*layers, *_dense(dense, 16 * 5 * 5, 10)]


def _activation(config: RunConfig) -> nn.Module:
    return {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}[config.activation]()


def _initialise(layer: nn.Linear | nn.Conv2d, config: RunConfig) -> None:
    receptive = math.prod(layer.weight.shape[2:])
    fan_out, fan_in = layer.weight.shape[0] * receptive, layer.weight.shape[1] * receptive
    spread = {"normal": config.option("init_std") ** 2, "xavier": 2 / (fan_in + fan_out), "he": 2 / fan_in}
    nn.init.normal_(layer.weight, std=math.sqrt(spread[config.init]))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def main() -> None:
    """Train a page's two arms, one after the other; print the seconds of the training alone."""
    torch.set_num_threads(1)
    arms = [presets.DEFAULTS[sys.argv[1]].model_copy(update=arm) for arm in presets.PAIR.values()]
    for arm in arms:
        seconds(arm.model_copy(update={"steps": 20}))  # the first steps of a process are slow
    print(sum(seconds(arm) for arm in arms))


if __name__ == "__main__":
    main()
