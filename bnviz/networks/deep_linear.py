"""Deep linear network.

Fully connected layers with no nonlinearity and no bias, whatever activation is chosen; the function it computes is
linear but its loss landscape is not (Santurkar et al. 2018, Sec. 2.2, use one of 25 layers).
"""

import math

import torch
from torch import nn

from bnviz.core.config import RunConfig
from bnviz.networks import Stack, hidden_block

ACTIVATION = "identity"
"""Whatever activation is chosen."""


def build(config: RunConfig, input_shape: tuple[int, ...], classes: int, device: torch.device) -> Stack:
    """(batch, *input_shape) -> (batch, classes)."""
    linear = config.model_copy(update={"activation": ACTIVATION})
    network = Stack()
    network.add_module("flatten", nn.Flatten())
    before = math.prod(input_shape)
    for number, width in enumerate(config.widths, start=1):
        name = f"hidden{number}"
        network.add_module(name, hidden_block(linear, nn.Linear(before, width, bias=False), name, device))
        before = width
    network.add_module("output", nn.Linear(before, classes, bias=False))
    return network
