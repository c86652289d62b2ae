"""Looking into a network without leaving a trace.

`traced` notes what enters each nonlinearity during one forward pass; `undisturbed` lets a forward pass be made that
changes neither running statistics nor random streams nor the mode. What is done with the values is not known here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def traced(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collect each hidden layer's pre-activation, first layer first, for as long as the context lasts.

    The list that is handed out fills during the forward pass: tensors (batch, units) or (batch, maps, height, width),
    detached from the graph.
    """
    seen: list[Tensor] = []

    def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0].detach())

    handles = [
        module.register_forward_pre_hook(note)
        for name, module in network.named_modules()
        if name.endswith(".nonlinearity")
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """On leaving, put back every buffer, every random stream and the mode (training or inference), bit for bit."""
    training = network.training
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    try:
        with same_noise(network):
            yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        network.train(training)


@contextmanager
def same_noise(network: nn.Module) -> Iterator[None]:
    """On leaving, put back every random stream: enough where buffers cannot change, as in inference mode."""
    generators = [g for m in network.modules() if isinstance(g := getattr(m, "generator", None), torch.Generator)]
    states = [generator.get_state() for generator in generators]
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
