"""Layers whose products are of bfloat16: half the memory to read, and the quick units of a GPU.

Weights stay in single precision, as do their gradients and everything between layers: only the operands of a layer's
product are rounded to bfloat16's 8 bits, forward and backward (mixed precision, Micikevicius et al. 2018, with a number
format that needs no scaling of the loss). What else a network does is not known here.
"""

import torch
from torch import Tensor, nn


class Bfloat16Linear(nn.Linear):
    """(batch, inputs) -> (batch, outputs), both float32; what comes in float64 is not rounded."""

    RECORDABLE = True

    def forward(self, values: Tensor) -> Tensor:
        if values.dtype != torch.float32:  # a copy in which theorems are looked at
            return super().forward(values)
        return nn.functional.linear(values.bfloat16(), self.weight.bfloat16(), _rounded(self.bias)).float()


class Bfloat16Conv2d(nn.Conv2d):
    """(batch, maps, height, width) -> the same of other sizes, as above; only with zero padding is it rounded."""

    RECORDABLE = True

    def forward(self, values: Tensor) -> Tensor:
        if values.dtype != torch.float32 or self.padding_mode != "zeros":
            return super().forward(values)
        weight, bias = self.weight.bfloat16(), _rounded(self.bias)
        product = nn.functional.conv2d(
            values.bfloat16(),
            weight,
            bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )
        return product.float()


KINDS: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: Bfloat16Linear, nn.Conv2d: Bfloat16Conv2d}


def in_bfloat16(network: nn.Module) -> nn.Module:
    """The same network, in place, with such layers for torch's own: same parameters, same names.

    Convolutions on a GPU get their weights with the maps last, as its units for bfloat16 want them.
    """
    for module in network.modules():
        module.__class__ = KINDS.get(type(module), type(module))
    if any(parameter.is_cuda for parameter in network.parameters()):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub lacks this one
    return network


def _rounded(bias: Tensor | None) -> Tensor | None:
    return None if bias is None else bias.bfloat16()
