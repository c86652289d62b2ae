"""Noise without normalisation.

The standard network with the noise of noisy batch norm: the arm that Santurkar et al. 2018, Sec. 2.1, describe in words
only. Its unit means and scales are shaken at every step, and nothing puts them right.
"""

import torch
from torch import Tensor, nn

from bnviz.norms import Slot
from bnviz.norms.noisy_batch import Noise, shifting_noise

OPTIONS_OF = "noisy_batch"


class NoiseOnly(nn.Module):
    """`shifting_noise`; off in inference unless the run says otherwise."""

    RECORDABLE = True

    def __init__(self, noise: Noise, generator: torch.Generator) -> None:
        super().__init__()
        self.noise = noise
        self.generator = generator

    def forward(self, inputs: Tensor) -> Tensor:
        if not (self.training or self.noise.at_test):
            return inputs
        return shifting_noise(inputs, self.noise, self.generator)


def build(slot: Slot) -> NoiseOnly:
    """Noise drawn from the slot's own stream, the same draws as noisy batch norm's."""
    return NoiseOnly(Noise.of(slot.config), slot.generator)
