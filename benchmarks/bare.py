"""The bare loop: the default networks trained in plain PyTorch, as a good engineer would write it, measuring nothing.

`python -m benchmarks.bare` trains both arms one after the other and prints the seconds of the training alone.
"""

import time

import torch
from torch import nn

from bnviz import datasets
from bnviz.config import RunConfig


def prepare(config: RunConfig) -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """The network and the training data of `config`, a multi-layer perceptron with or without batch norm."""
    torch.manual_seed(config.seed)
    data = datasets.load(config.dataset, config.seed, config.binarize).train
    inputs, labels = torch.tensor(data.inputs).flatten(1), torch.tensor(data.labels)
    activation = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}[config.activation]
    layers: list[nn.Module] = []
    before = inputs.shape[1]
    for width in config.widths:
        layers.append(nn.Linear(before, width, bias=config.norm == "none"))
        if config.norm == "batch":
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation())
        before = width
    layers.append(nn.Linear(before, data.labels.max() + 1))
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=config.init_std)
    return network, inputs, labels


def loop(config: RunConfig, network: nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    """`config.steps` updates of SGD on shuffled mini-batches."""
    optimizer = torch.optim.SGD(network.parameters(), lr=config.learning_rate)
    step = 0
    while True:
        for index in torch.randperm(len(inputs)).split(config.batch_size):
            if len(index) < config.batch_size:
                continue
            if step == config.steps:
                return
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[index]), labels[index]).backward()
            optimizer.step()
            step += 1


def timed(config: RunConfig) -> float:
    """Seconds of the loop alone."""
    prepared = prepare(config)
    began = time.perf_counter()
    loop(config, *prepared)
    return time.perf_counter() - began


if __name__ == "__main__":
    torch.set_num_threads(1)
    timed(RunConfig(steps=20))  # the first steps of a process are slow
    for norm in ("none", "batch"):
        print(f"{norm}: {timed(RunConfig(norm=norm)):.3f} s")
