"""Multi-layer perceptron.

Fully connected layers of the widths you choose, and a linear layer to the classes
(Ioffe & Szegedy 2015, Sec. 4.1: three hidden layers of 100 sigmoid units).
"""

import math

import torch
from torch import nn

from bnviz.core.config import RunConfig
from bnviz.networks import Stack, has_bias, hidden_block


def build(config: RunConfig, input_shape: tuple[int, ...], classes: int, device: torch.device) -> Stack:
    """(batch, *input_shape) -> (batch, classes)."""
    network = Stack()
    network.add_module("flatten", nn.Flatten())
    before = math.prod(input_shape)
    for number, width in enumerate(config.widths, start=1):
        name = f"hidden{number}"
        weights = nn.Linear(before, width, bias=has_bias(config))
        network.add_module(name, hidden_block(config, weights, name, device))
        before = width
    network.add_module("output", nn.Linear(before, classes))
    return network
