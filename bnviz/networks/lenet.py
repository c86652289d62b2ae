"""LeNet.

Two convolutional layers (6 and 16 maps, 3x3, pooled by 2), then 120, 84 and 10 units, each hidden layer normalised
before its nonlinearity; needs 28x28 images, so choose MNIST. The widths setting does not apply.
"""

import torch
from torch import nn

from bnviz.core.config import RunConfig
from bnviz.networks import Stack, has_bias, hidden_block

INPUT_SHAPE = (1, 28, 28)
MULTIPLY_ADDS = 199_968  # per sample: 26*26*6*9 + 11*11*16*54 + 400*120 + 120*84 + 84*10


def build(
    config: RunConfig,
    input_shape: tuple[int, ...],  # noqa: ARG001 (it takes INPUT_SHAPE only)
    classes: int,
    device: torch.device,
) -> Stack:
    """(batch, 1, 28, 28) -> (batch, classes)."""
    bias = has_bias(config)
    network = Stack()
    network.add_module("hidden1", hidden_block(config, nn.Conv2d(1, 6, 3, bias=bias), "hidden1", device, pool=2))
    network.add_module("hidden2", hidden_block(config, nn.Conv2d(6, 16, 3, bias=bias), "hidden2", device, pool=2))
    network.add_module("flatten", nn.Flatten())
    network.add_module("hidden3", hidden_block(config, nn.Linear(16 * 5 * 5, 120, bias=bias), "hidden3", device))
    network.add_module("hidden4", hidden_block(config, nn.Linear(120, 84, bias=bias), "hidden4", device))
    network.add_module("output", nn.Linear(84, classes))
    return network
