"""Xavier (Glorot) normal.

Normal weights of variance 2 / (fan_in + fan_out): a compromise between keeping the variance of the activations and that
of the gradients from layer to layer (Glorot & Bengio 2010).
"""

import math

import torch
from torch import Tensor

from bnviz.core.config import RunConfig
from bnviz.initialisations import fans


def draw(weights: Tensor, config: RunConfig, generator: torch.Generator) -> None:  # noqa: ARG001 (as all)
    """N(0, 2 / (fan_in + fan_out))."""
    weights.normal_(0.0, math.sqrt(2.0 / sum(fans(weights))), generator=generator)
