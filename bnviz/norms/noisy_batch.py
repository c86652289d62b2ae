"""Noisy batch norm.

Batch norm, and then noise whose own mean and scale are drawn anew at every step, so that each unit's distribution
shifts all the time (Santurkar et al. 2018, Sec. 2.1, Fig. 2).
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from bnviz.core.config import RunConfig
from bnviz.norms import Slot
from bnviz.norms import batch as batch_norm

OPTIONS = {
    "noise_mean": {
        "type": "number",
        "default": 0.5,
        "minimum": 0.0,
        "maximum": 10.0,
        "step": 0.1,
        "label": "Shift of units, n_μ",
        "help": "n_mu: unit shifts are drawn from [-n_mu, n_mu] each step",
    },
    "noise_scale": {
        "type": "number",
        "default": 1.25,
        "minimum": 1.0,
        "maximum": 10.0,
        "step": 0.05,
        "label": "Scale of units, n_σ",
        "help": "n_sigma: unit scales are drawn from [1, n_sigma]",
    },
    "noise_spread_mean": {
        "type": "number",
        "default": 0.1,
        "minimum": 0.0,
        "maximum": 10.0,
        "step": 0.05,
        "label": "Spread of a sample's shift, r_μ",
        "help": "r_mu: spread of a sample's shift about the unit's",
    },
    "noise_spread_scale": {
        "type": "number",
        "default": 0.1,
        "minimum": 0.0,
        "maximum": 10.0,
        "step": 0.05,
        "label": "Spread of a sample's scale, r_σ",
        "help": "r_sigma: std of a sample's scale about the unit's",
    },
    "noise_per": {
        "type": "choice",
        "default": "unit",
        "choices": {"unit": "each unit", "layer": "each layer"},
        "label": "Noise drawn for",
        "help": "draw the noise's own mean and scale per unit or layer",
    },
    "noise_at_test": {
        "type": "boolean",
        "default": False,
        "label": "Noise also when test images are scored",
        "help": "keep the noise on when the test images are scored",
    },
}

SUBSUMES_BIAS = True
RUNNING_STATISTICS = True


@dataclass(frozen=True)
class Noise:
    """The noise's settings, as a run has them; `per_layer`: one mean and scale for all units of a layer."""

    mean: float
    scale: float
    spread_mean: float
    spread_scale: float
    per_layer: bool
    at_test: bool

    @classmethod
    def of(cls, config: RunConfig) -> Self:
        """The noise that the options of `config` describe."""
        return cls(
            mean=config.option("noise_mean"),
            scale=config.option("noise_scale"),
            spread_mean=config.option("noise_spread_mean"),
            spread_scale=config.option("noise_spread_scale"),
            per_layer=config.option("noise_per") == "layer",
            at_test=config.option("noise_at_test"),
        )


class NoisyBatchNorm(nn.Module):
    """Batch norm followed by `shifting_noise`; the noise is off in inference unless the run says otherwise."""

    RECORDABLE = True

    def __init__(self, slot: Slot) -> None:
        super().__init__()
        self.norm = batch_norm.build(slot)
        self.noise = Noise.of(slot.config)
        self.generator = slot.generator

    def forward(self, inputs: Tensor) -> Tensor:
        normalised: Tensor = self.norm(inputs)
        if not (self.training or self.noise.at_test):
            return normalised
        return shifting_noise(normalised, self.noise, self.generator)


def shifting_noise(values: Tensor, noise: Noise, generator: torch.Generator) -> Tensor:
    """Scale and shift each value at random, about a mean and a scale that are random too, and shared by the batch.

    For unit j: mu_j ~ U(-n_mu, n_mu) and sigma_j ~ U(1, n_sigma); for sample i of it (in a feature map: for each
    position): m_ij ~ U(mu_j - r_mu, mu_j + r_mu) and s_ij ~ N(sigma_j, r_sigma); the result is s_ij * value + m_ij.
    No gradient flows into the noise. `values` is (batch, units) or (batch, maps, height, width), as is the result.
    """

    def uniform(low: float, high: float, shape: tuple[int, ...]) -> Tensor:
        drawn = torch.rand(shape, generator=generator, device=values.device, dtype=values.dtype)
        return low + (high - low) * drawn

    units = 1 if noise.per_layer else values.shape[1]
    shared = (1, units, *(1 for _ in values.shape[2:]))
    mean = uniform(-noise.mean, noise.mean, shared)
    scale = uniform(1.0, noise.scale, shared)
    shift = mean + uniform(-noise.spread_mean, noise.spread_mean, tuple(values.shape))
    spread = torch.randn(values.shape, generator=generator, device=values.device, dtype=values.dtype)
    return (scale + noise.spread_scale * spread) * values + shift


def build(slot: Slot) -> NoisyBatchNorm:
    """Batch norm with noise behind it, drawn from the slot's own stream."""
    return NoisyBatchNorm(slot)
