"""Initialisations: one file each, how the weights of a layer are drawn before training.

An initialisation's file has a function `draw(weights, config, generator)` that fills a tensor of weights in place:
(outputs, inputs) of a dense layer, (maps, input maps, height, width) of a convolution. Biases start at 0
(`bnviz.networks`).
"""

import math

import torch
from torch import Tensor

from bnviz.core import registry
from bnviz.core.config import RunConfig


def draw(weights: Tensor, config: RunConfig, generator: torch.Generator) -> None:
    """Fill `weights` in the way that `config.init` names; all random numbers come from `generator`."""
    registry.load("initialisations", config.init).draw(weights, config, generator)


def fans(weights: Tensor) -> tuple[int, int]:
    """How many inputs feed one output (fan_in), and how many outputs one input feeds (fan_out)."""
    receptive = math.prod(weights.shape[2:])
    return weights.shape[1] * receptive, weights.shape[0] * receptive
