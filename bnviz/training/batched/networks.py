"""Several networks of one make as one batched computation: torch.func.vmap over weights that share one memory.

Each network goes on working by itself, too, on its own part of that memory. How replicas are trained, and what is
measured of them, is not known here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils._python_dispatch import TorchDispatchMode  # docs/decisions/0026

from bnviz.landscape.batched_points import NamedTensors, gradient_and_loss_function
from bnviz.landscape.objective import Criterion, LossAndGradient
from bnviz.torch_support.rng import generators_of


class Replicas:
    """R networks, alike but for their numbers: parameters and buffers are moved together into tensors (R, *shape).

    Numbers are those of each network's own pass but for rounding: products of R matrices are added up in another order.

    Args:
        networks: of one make; those that are `bnviz.training.graph_replay.recordable` are right here.
        criterion: their loss.
    """

    def __init__(self, networks: Sequence[nn.Module], criterion: Criterion) -> None:
        self.networks = networks
        self._criterion = criterion
        self._parameters = _in_one_memory([dict(network.named_parameters()) for network in networks])
        self._buffers = _in_one_memory([dict(network.named_buffers()) for network in networks])
        streams = zip(*(generators_of(network) for network in networks), strict=True)
        self._streams = _OwnStreams({own[0].initial_seed(): own for own in streams})

    @property
    def parameters(self) -> list[Tensor]:
        """(R, *shape) each, in the networks' own order. Changed in place, they change the networks."""
        return list(self._parameters.values())

    def losses_and_gradients(self, inputs: Tensor, targets: Tensor) -> LossAndGradient:
        """Losses (R,) on batches (R, batch, *shape), and gradients (R, *shape), one tensor a parameter."""
        each = gradient_and_loss_function(self.networks[0], self._criterion)
        with self._streams:
            gradients, losses = vmap(each, randomness="different")(self._parameters, self._buffers, inputs, targets)
        return losses, list(gradients.values())

    def outputs(self, inputs: Tensor, separate: bool) -> Tensor:
        """(R, samples, ...) in the mode that the first network is in; no gradients.

        `separate` says that there are other inputs (R, samples, *shape) for each; else all share them.
        """
        network = self.networks[0]

        def each(parameters: NamedTensors, buffers: NamedTensors, inputs: Tensor) -> Tensor:
            found: Tensor = functional_call(network, (parameters, buffers), (inputs,))
            return found

        with torch.no_grad(), self._streams:
            together: Tensor = vmap(each, (0, 0, 0 if separate else None), randomness="different")(
                self._parameters, self._buffers, inputs
            )
        return together


def _in_one_memory(tensors: Sequence[Mapping[str, Tensor]]) -> NamedTensors:
    """Stack what bears one name; each becomes a view of its part."""
    stacked = {}
    for name in tensors[0]:
        own = [named[name] for named in tensors]
        stacked[name] = torch.stack([one.detach() for one in own])
        for one, part in zip(own, stacked[name], strict=True):
            one.data = part
    return stacked


class _OwnStreams(TorchDispatchMode):
    """What the first replica would draw for all, each draws from its own random stream, as it does by itself.

    Streams are found by the seed of the first replica's: torch hands out its generators in a new wrapper each time.
    """

    def __init__(self, streams: Mapping[int, Sequence[torch.Generator]]) -> None:
        super().__init__()
        self._streams = streams

    def __torch_dispatch__(
        self, func: Any, _: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if named.get("generator") is None:
            return func(*args, **named)
        streams = self._streams[named.pop("generator").initial_seed()]
        size, *rest = args
        return torch.stack([func(size[1:], *rest, generator=own, **named) for own in streams])
