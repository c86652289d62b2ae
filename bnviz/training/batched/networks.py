"""Several networks of one architecture as one batched computation: torch.func.vmap over stacked weights.

Each network still works by itself, on its own part of the stacked memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils._python_dispatch import TorchDispatchMode  # decision 0027

from bnviz.landscape.batched_points import NamedTensors, gradient_and_loss_function
from bnviz.landscape.objective import Criterion, LossAndGradient
from bnviz.torch_support.rng import generators_of


class Replicas:
    """R networks of one architecture, whose parameters and buffers become views of tensors (R, *shape).

    Results equal each network's own up to rounding: batched matrix products add up in another order.

    Args:
        networks: of one architecture, `bnviz.training.graph_replay.recordable`.
        criterion: their loss.
    """

    def __init__(self, networks: Sequence[nn.Module], criterion: Criterion) -> None:
        self.networks = networks
        self._criterion = criterion
        self._parameters = _stacked([dict(network.named_parameters()) for network in networks])
        self._buffers = _stacked([dict(network.named_buffers()) for network in networks])
        generators = zip(*(generators_of(network) for network in networks), strict=True)
        self._separate_draws = _SeparateDraws({group[0].initial_seed(): group for group in generators})

    @property
    def parameters(self) -> list[Tensor]:
        """Tensors (R, *shape) in the networks' order; in-place changes change the networks."""
        return list(self._parameters.values())

    def losses_and_gradients(self, inputs: Tensor, targets: Tensor) -> LossAndGradient:
        """Losses (R,) on batches (R, batch, *shape), and gradients (R, *shape), one tensor for each parameter."""
        single = gradient_and_loss_function(self.networks[0], self._criterion)
        with self._separate_draws:
            gradients, losses = vmap(single, randomness="different")(self._parameters, self._buffers, inputs, targets)
        return losses, list(gradients.values())

    def outputs(self, inputs: Tensor, separate: bool) -> Tensor:
        """Outputs (R, samples, ...) in the first network's mode, without gradients.

        Inputs are (R, samples, *shape) if `separate`; otherwise all networks share inputs (samples, *shape).
        """
        network = self.networks[0]

        def single(parameters: NamedTensors, buffers: NamedTensors, inputs: Tensor) -> Tensor:
            result: Tensor = functional_call(network, (parameters, buffers), (inputs,))
            return result

        with torch.no_grad(), self._separate_draws:
            outputs: Tensor = vmap(single, (0, 0, 0 if separate else None), randomness="different")(
                self._parameters, self._buffers, inputs
            )
        return outputs


def _stacked(tensors: Sequence[Mapping[str, Tensor]]) -> NamedTensors:
    """Stack the tensors of each name (R, *shape); each given tensor becomes a view of its part."""
    stacked = {}
    for name in tensors[0]:
        parts = [named[name] for named in tensors]
        stacked[name] = torch.stack([tensor.detach() for tensor in parts])
        for tensor, view in zip(parts, stacked[name], strict=True):
            tensor.data = view
    return stacked


class _SeparateDraws(TorchDispatchMode):
    """Replace each random draw of the first replica by one draw of every replica, from its own random stream.

    Streams are found by the seed of the first replica's, because torch makes a new Generator object for each call.
    """

    def __init__(self, generators: Mapping[int, Sequence[torch.Generator]]) -> None:
        super().__init__()
        self._generators = generators

    def __torch_dispatch__(
        self, func: Any, _: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if named.get("generator") is None:
            return func(*args, **named)
        generators = self._generators[named.pop("generator").initial_seed()]
        size, *rest = args
        return torch.stack([func(size[1:], *rest, generator=generator, **named) for generator in generators])
