"""Batch norm.

Standardises each unit over the mini-batch, then scales by gamma and shifts by beta, both learned
(Ioffe & Szegedy 2015, Alg. 1; per feature map in convolutional layers, Sec. 3.2). PyTorch's own module.
"""

from torch import nn

from bnviz.norms import Slot

SUBSUMES_BIAS = True
RUNNING_STATISTICS = True


def build(slot: Slot) -> nn.BatchNorm1d | nn.BatchNorm2d:
    """torch's BatchNorm1d for (batch, units), BatchNorm2d for (batch, maps, height, width)."""
    kind = nn.BatchNorm2d if slot.spatial else nn.BatchNorm1d
    config = slot.config
    return kind(slot.features, eps=config.norm_eps, momentum=config.norm_momentum, affine=config.norm_affine)
