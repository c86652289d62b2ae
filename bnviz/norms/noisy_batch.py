"""Noisy batch norm.

Batch norm, and then noise whose own mean and scale are drawn anew at every step, so that each unit's distribution
shifts all the time (Santurkar et al. 2018, Sec. 2.1, Fig. 2).
"""

import torch
from torch import Tensor, nn

from bnviz.core.config import RunConfig
from bnviz.norms import Slot
from bnviz.norms import batch as batch_norm

SUBSUMES_BIAS = True
RUNNING_STATISTICS = True


class NoisyBatchNorm(nn.Module):
    """Batch norm followed by `shifting_noise`; the noise is off in inference unless the run says otherwise."""

    RECORDABLE = True

    def __init__(self, slot: Slot) -> None:
        super().__init__()
        self.norm = batch_norm.build(slot)
        self.config = slot.config
        self.generator = slot.generator

    def forward(self, inputs: Tensor) -> Tensor:
        normalised: Tensor = self.norm(inputs)
        if not (self.training or self.config.noise_at_test):
            return normalised
        return shifting_noise(normalised, self.config, self.generator)


def shifting_noise(values: Tensor, config: RunConfig, generator: torch.Generator) -> Tensor:
    """Scale and shift each value at random, about a mean and a scale that are random too, and shared by the batch.

    For unit j: mu_j ~ U(-n_mu, n_mu) and sigma_j ~ U(1, n_sigma); for sample i of it (in a feature map: for each
    position): m_ij ~ U(mu_j - r_mu, mu_j + r_mu) and s_ij ~ N(sigma_j, r_sigma); the result is s_ij * value + m_ij.
    No gradient flows into the noise. `values` is (batch, units) or (batch, maps, height, width), as is the result.
    """

    def uniform(low: float, high: float, shape: tuple[int, ...]) -> Tensor:
        drawn = torch.rand(shape, generator=generator, device=values.device, dtype=values.dtype)
        return low + (high - low) * drawn

    units = values.shape[1] if config.noise_per == "unit" else 1
    shared = (1, units, *(1 for _ in values.shape[2:]))
    mean = uniform(-config.noise_mean, config.noise_mean, shared)
    scale = uniform(1.0, config.noise_scale, shared)
    shift = mean + uniform(-config.noise_spread_mean, config.noise_spread_mean, tuple(values.shape))
    spread = torch.randn(values.shape, generator=generator, device=values.device, dtype=values.dtype)
    return (scale + config.noise_spread_scale * spread) * values + shift


def build(slot: Slot) -> NoisyBatchNorm:
    """Batch norm with noise behind it, drawn from the slot's own stream."""
    return NoisyBatchNorm(slot)
