"""Losses and gradients of one network at many points in weight space, computed as one batch."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from bnviz.landscape.objective import Criterion, LossAndGradient

NamedTensors = dict[str, Tensor]


def losses_and_gradients_at(
    network: nn.Module, criterion: Criterion, points: Sequence[Tensor], inputs: Tensor, targets: Tensor
) -> LossAndGradient:
    """Losses (K,) and gradients (K, *shape) of one network on one batch at K places: parameters (K, *shape) each.

    In the mode the network is in, with the same noise at every place; its random streams move on, its buffers do not.
    """
    names = [name for name, _ in network.named_parameters()]
    places = len(points[0])
    buffers = {name: buffer.expand(places, *buffer.shape).clone() for name, buffer in network.named_buffers()}
    each = vmap(gradient_and_loss_function(network, criterion), (0, 0, None, None), randomness="same")
    gradients, losses = each(dict(zip(names, points, strict=True)), buffers, inputs, targets)
    return losses, list(gradients.values())


def gradient_and_loss_function(network: nn.Module, criterion: Criterion) -> Callable[..., tuple[NamedTensors, Tensor]]:
    """(parameters, buffers, inputs, targets) -> gradients by name, loss."""

    def loss(parameters: NamedTensors, buffers: NamedTensors, inputs: Tensor, targets: Tensor) -> Tensor:
        return criterion(functional_call(network, (parameters, buffers), (inputs,)), targets)

    return grad_and_value(loss)
