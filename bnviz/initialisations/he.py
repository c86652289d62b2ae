"""He normal.

Normal weights of variance 2 / fan_in, which keeps the variance of the activations from layer to layer where ReLU sets
half of them to 0 (He et al. 2015).
"""

import math

import torch
from torch import Tensor

from bnviz.core.config import RunConfig
from bnviz.initialisations import fans


def draw(weights: Tensor, config: RunConfig, generator: torch.Generator) -> None:  # noqa: ARG001 (as all)
    """N(0, 2 / fan_in)."""
    fan_in, _ = fans(weights)
    weights.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
