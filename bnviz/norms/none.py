"""No normalisation.

The standard network: a pre-activation enters its nonlinearity as it is.
"""

from torch import nn

from bnviz.norms import Slot


def build(slot: Slot) -> nn.Module:  # noqa: ARG001 (as every normalisation's)
    """A module that returns its input."""
    return nn.Identity()
