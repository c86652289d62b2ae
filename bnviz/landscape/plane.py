"""Loss over a plane in weight space.

As along a line (`bnviz.landscape.line`), weights are looked at in a copy, and batch, noise and mode are the same at
every point. What a plane adds: a fully connected layer that the batch enters as it comes gives, at W + a V + b U, no
more than X W' + a X V' + b X U'. So three products serve all points, and each point only adds them up, in much less
time where that layer is most of the network. The last bits are not those of X (W + a V + b U)', but at a = b = 0
nothing differs, bit for bit. Any other network goes through all its layers at every point; for convolutions in front,
adding up three takes as long as the one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bnviz.landscape.line import Array, in_one_row
from bnviz.landscape.objective import Objective, flat
from bnviz.torch_support.rng import preserved_state

Moved = tuple[Tensor, Tensor, Tensor, Tensor]
"""What is `origin + a * over + b * along_up` on the plane, these three, and the memory to write it to; of one shape."""


def plane(objective: Objective, first: Sequence[Tensor], second: Sequence[Tensor], across: Array, up: Array) -> Array:
    """Loss at `start + across * first + up * second`: float64 (up, across), one forward pass a point."""
    seen = []
    with (
        preserved_state(objective.network),
        in_one_row(objective.parameters) as point,
        torch.no_grad(),
        _first_layer_known(objective, first, second) as outputs,
    ):
        moved = [(point.clone(), flat(first), flat(second), point), *outputs]
        for height in up.tolist():
            at_height = [origin.add(along_up, alpha=height) for origin, _, along_up, _ in moved]
            for width in across.tolist():
                for start, (_, over, _, out) in zip(at_height, moved, strict=True):
                    torch.add(start, over, alpha=width, out=out)
                seen.append(objective.loss())
    array: Array = torch.stack(seen).double().cpu().numpy().reshape(len(up), len(across))
    return array


@contextmanager
def _first_layer_known(
    objective: Objective, first: Sequence[Tensor], second: Sequence[Tensor]
) -> Iterator[list[Moved]]:
    """Have the layer that the batch enters hand out its outputs (batch, units) from memory that others write to.

    They are handed out to be moved over the plane; none, where the network has no such layer.
    """
    found = _entered_by_the_batch(objective)
    if found is None:
        yield []
        return
    layer, inputs = found
    axes = dict(zip(map(id, objective.parameters), zip(first, second, strict=True), strict=True))
    own = [axes[id(parameter)] for parameter in layer.parameters()]  # of the weights, and of the bias if there is one
    origin = layer(inputs)
    over, along_up = (nn.functional.linear(inputs, *axis) for axis in zip(*own, strict=True))
    out = torch.empty_like(origin)
    vars(layer)["forward"] = lambda _: out  # in front of its class's
    try:
        yield [(origin, over, along_up, out)]
    finally:
        del vars(layer)["forward"]


def _entered_by_the_batch(objective: Objective) -> tuple[nn.Linear, Tensor] | None:
    """A fully connected layer whose input does not depend on any parameter, with its input (batch, features).

    Such an input has no graph. A layer that is used more than once does not count, nor one whose class is its own.
    """
    layers = [module for module in objective.network.modules() if type(module) is nn.Linear]
    entered: list[tuple[nn.Module, Tensor]] = []
    handles = [
        layer.register_forward_pre_hook(lambda module, inputs: entered.append((module, inputs[0]))) for layer in layers
    ]
    try:
        with torch.enable_grad():
            objective.loss()
    finally:
        for handle in handles:
            handle.remove()
    for layer in layers:
        inputs = [one for module, one in entered if module is layer]
        if len(inputs) == 1 and not inputs[0].requires_grad:
            return layer, inputs[0]
    return None
