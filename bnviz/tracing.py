"""Looking into a network without leaving a trace.

`traced` notes what enters each nonlinearity during one forward pass; `undisturbed` lets a forward pass be made that
changes neither running statistics nor random streams nor the mode. What is done with the values is not known here.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def traced(network: nn.Module, attached: bool = False) -> Iterator[list[Tensor]]:
    """Collect each hidden layer's pre-activation, first layer first, for as long as the context lasts.

    The list that is handed out fills during the forward pass: tensors (batch, units) or (batch, maps, height, width),
    detached from the graph unless `attached`.
    """
    seen: list[Tensor] = []

    def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0] if attached else inputs[0].detach())

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
    modules = list(network.modules())  # walked through once: for a small network that is a good part of the cost
    modes = [module.training for module in modules]
    buffers = [
        (buffer, buffer.clone()) for module in modules for buffer in module._buffers.values() if buffer is not None
    ]
    noise = states_of(_generators(modules))
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, mode in zip(modules, modes, strict=True):
            if module.training != mode:
                module.training = mode
        replay(noise)


@contextmanager
def same_noise(network: nn.Module) -> Iterator[None]:
    """On leaving, put back every random stream: enough where buffers cannot change, as in inference mode."""
    noise = noise_of(network)
    try:
        yield
    finally:
        replay(noise)


Noise = list[tuple[torch.Generator, Tensor]]
"""Random streams, each with the state to put it back into."""


def generators_of(network: nn.Module) -> list[torch.Generator]:
    """The network's random streams: always the same ones, so whoever asks often may keep the list."""
    return _generators(network.modules())


def _generators(modules: Iterable[nn.Module]) -> list[torch.Generator]:
    found = (vars(module).get("generator") for module in modules)
    return [generator for generator in found if isinstance(generator, torch.Generator)]


def states_of(generators: Sequence[torch.Generator]) -> Noise:
    """The streams as they are now: what the next forward pass will draw."""
    return [(generator, generator.get_state()) for generator in generators]


def noise_of(network: nn.Module) -> Noise:
    """The same for a network whose streams are not at hand."""
    return states_of(generators_of(network))


def replay(noise: Noise) -> None:
    """Put every stream back, so that the next forward pass draws what it drew then."""
    for generator, state in noise:
        generator.set_state(state)
