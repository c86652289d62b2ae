"""Named random streams, and contexts that put a network's streams, buffers and mode back.

Every use of chance in a run has its own generator. A stream depends on the run's seed and on its name alone, never on
what else was drawn. So two arms of a comparison see the same data order and start from the same shared weights,
whatever layers only one of them has.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

RngStates = list[tuple[torch.Generator, Tensor]]
"""Random streams, each with the state to restore."""


def stream_seed(seed: int, *name: str | int) -> int:
    """63 bits that depend on the seed and the stream's name only."""
    text = "/".join(str(part) for part in (seed, *name))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *name: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh torch generator for the named stream, on the given device."""
    return torch.Generator(device=device).manual_seed(stream_seed(seed, *name))


def generators_of(network: nn.Module) -> list[torch.Generator]:
    """The random streams that the network's modules draw from; the list never changes for one network."""
    return _generators(network.modules())


def states_of(generators: Sequence[torch.Generator]) -> RngStates:
    """The streams' present states, which decide what the next forward pass draws."""
    return [(generator, generator.get_state()) for generator in generators]


def rng_states_of(network: nn.Module) -> RngStates:
    """The present states of the network's own streams."""
    return states_of(generators_of(network))


def restore_rng_states(states: RngStates) -> None:
    """Put every stream back, so that the next forward pass draws what it drew then."""
    for generator, state in states:
        generator.set_state(state)


@contextmanager
def preserved_rng_states(network: nn.Module) -> Iterator[None]:
    """Put back every random stream on leaving; enough in inference mode, where buffers cannot change."""
    states = rng_states_of(network)
    try:
        yield
    finally:
        restore_rng_states(states)


@contextmanager
def preserved_state(network: nn.Module) -> Iterator[None]:
    """Put back every buffer, every random stream and every module's mode on leaving, bit for bit."""
    modules = list(network.modules())  # one walk: for a small network the walk is a good part of the cost
    modes = [module.training for module in modules]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    states = states_of(_generators(modules))
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, mode in zip(modules, modes, strict=True):
            if module.training != mode:
                module.training = mode
        restore_rng_states(states)


def _generators(modules: Iterable[nn.Module]) -> list[torch.Generator]:
    found = (vars(module).get("generator") for module in modules)
    return [generator for generator in found if isinstance(generator, torch.Generator)]
