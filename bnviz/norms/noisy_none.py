"""Noise without normalisation.

The standard network with the noise of noisy batch norm: the arm that Santurkar et al. 2018, Sec. 2.1, describe in words
only. Its unit means and scales are shaken at every step, and nothing puts them right.
"""

import torch
from torch import Tensor, nn

from bnviz.core.config import RunConfig
from bnviz.norms import Slot
from bnviz.norms.noisy_batch import shifting_noise


class NoiseOnly(nn.Module):
    """`shifting_noise`; off in inference unless the run says otherwise."""

    RECORDABLE = True

    def __init__(self, config: RunConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.generator = generator

    def forward(self, inputs: Tensor) -> Tensor:
        if not (self.training or self.config.noise_at_test):
            return inputs
        return shifting_noise(inputs, self.config, self.generator)


def build(slot: Slot) -> NoiseOnly:
    """Noise drawn from the slot's own stream, the same draws as noisy batch norm's."""
    return NoiseOnly(slot.config, slot.generator)
