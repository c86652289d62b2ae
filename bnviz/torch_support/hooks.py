"""Hooks that record what enters each nonlinearity during a forward pass."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


@contextmanager
def record_pre_activations(network: nn.Module, attached: bool = False) -> Iterator[list[Tensor]]:
    """Collect each hidden layer's pre-activation, first layer first, for as long as the context lasts.

    Yields a list that fills during the forward pass: tensors (batch, units) or (batch, maps, height, width), detached
    from the graph unless `attached`.
    """
    pre_activations: list[Tensor] = []

    def record(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        pre_activations.append(inputs[0] if attached else inputs[0].detach())

    handles = [
        module.register_forward_pre_hook(record)
        for name, module in network.named_modules()
        if name.endswith(".nonlinearity")
    ]
    try:
        yield pre_activations
    finally:
        for handle in handles:
            handle.remove()
