"""The loss of one network on one batch with one draw of noise, as a function of its weights.

Every look around in weight space evaluates an `Objective`, so that the batch, the noise and the mode are the same at
every point. `bnviz.landscape.line` and `bnviz.landscape.plane` move the weights.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from bnviz.torch_support.rng import RngStates, preserved_state, restore_rng_states, rng_states_of

Criterion = Callable[[Tensor, Tensor], Tensor]

LossAndGradient = tuple[Tensor, list[Tensor]]
"""The loss, and its gradient, one tensor a parameter."""


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared distance |output - target|^2, mean over the samples: (samples, outputs) twice -> ()."""
    return (outputs - targets).square().sum(dim=1).mean()


CRITERIA: dict[str, Criterion] = {"classes": nn.functional.cross_entropy, "values": squared_error}
"""The loss, by what is to be learned."""


@dataclass(frozen=True)
class Objective:
    """`criterion(network(inputs), targets)` in the mode the network is in, with `noise` replayed at every call.

    `known_loss` and `known_gradient` are those at the weights as they are, where the training has them already.
    """

    network: nn.Module
    inputs: Tensor
    targets: Tensor
    criterion: Criterion
    noise: RngStates = field(repr=False)
    known_loss: Tensor | None = None
    known_gradient: Sequence[Tensor] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, network: nn.Module, inputs: Tensor, targets: Tensor, criterion: Criterion) -> "Objective":
        """On this batch, with the noise that the network would draw next."""
        return cls(network, inputs, targets, criterion, rng_states_of(network))

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """All of the network's, in its own order."""
        return list(self.network.parameters())

    def loss(self) -> Tensor:
        """At the weights as they are now; a scalar with its graph, if gradients are enabled."""
        restore_rng_states(self.noise)
        return self.criterion(self.network(self.inputs), self.targets)

    def gradient(self) -> tuple[Tensor, list[Tensor]]:
        """Loss and gradient at the weights as they are now, one tensor a parameter; `.grad` is not touched."""
        with torch.enable_grad():
            loss = self.loss()
            return loss.detach(), list(torch.autograd.grad(loss, self.parameters))

    def loss_and_gradient(self) -> tuple[Tensor, Sequence[Tensor]]:
        """Loss and gradient at the weights the objective was made with: not asked for again if they are known."""
        if self.known_loss is not None and self.known_gradient is not None:
            return self.known_loss, self.known_gradient
        return self.gradient()

    @contextmanager
    def preserved_weights(self) -> Iterator[list[Tensor]]:
        """Look around inside; on leaving, weights, buffers, random streams and mode are put back, bit for bit.

        Hands out a copy of every parameter: the point that one looks from.
        """
        parameters = self.parameters
        start = [parameter.detach().clone() for parameter in parameters]
        try:
            with preserved_state(self.network):
                yield start
        finally:
            move(parameters, start)


def move(parameters: Sequence[Tensor], to: Sequence[Tensor]) -> None:
    """Copy values into parameters, in place."""
    with torch.no_grad():
        for parameter, value in zip(parameters, to, strict=True):
            parameter.copy_(value)


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """All entries in one row."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
