"""Normalisations: one file each, applied to a pre-activation before its nonlinearity.

A normalisation's file has a function `build(slot) -> torch.nn.Module` and may set SUBSUMES_BIAS = True, which leaves
out the preceding layer's bias because the normalisation cancels it (Ioffe & Szegedy 2015, Sec. 3.2), and
RUNNING_STATISTICS = True, if test samples are normalised with averages that norm_momentum moves. A module of its own
that does the same to every batch says RECORDABLE = True in its class, and is trained sooner
(`bnviz.training.graph_replay`).
"""

from dataclasses import dataclass

import torch

from bnviz.core import registry
from bnviz.core.config import RunConfig


@dataclass(frozen=True)
class Slot:
    """The place a normalisation is built for.

    `features` is the number of units (dense) or feature maps (convolutional); `spatial` the number of image dimensions
    behind them, 0 or 2; `generator` the named random stream of this place, on the run's device.
    """

    config: RunConfig
    features: int
    spatial: int
    generator: torch.Generator


def build(slot: Slot) -> torch.nn.Module:
    """The module that `slot.config.norm` names."""
    module: torch.nn.Module = registry.load("norms", slot.config.norm).build(slot)
    return module


def subsumes_bias(name: str) -> bool:
    """Whether the normalisation cancels a bias in front of it."""
    return bool(registry.describe("norms", name).constants.get("SUBSUMES_BIAS", False))
