"""A network in float64 beside the live one, and what enters and leaves the batch norm of one of its layers.

Where a layer has none, a batch norm is put in front of its nonlinearity that changes no activation (Santurkar et al.
2018, Observation 4.3). The live network is only copied. What is made of the values is not known here.
"""

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from bnviz.landscape.objective import Objective
from bnviz.probes._theorems import matched_batch_norm, standardised
from bnviz.torch_support.rng import rng_states_of


@dataclass(frozen=True)
class Seen:
    """One forward pass: the loss, and y and z, the input and output of the layer's batch norm, with their graph.

    `gamma` (units,) and `eps` are the batch norm's, `matched` says whether it was put in. `incoming` (m, incoming) is
    what the layer's weights multiply, None where something stands between them and the batch norm.
    """

    loss: Tensor
    y: Tensor
    z: Tensor
    gamma: Tensor
    eps: float
    matched: bool
    incoming: Tensor | None


def double_twin(objective: Objective) -> Objective:
    """The same loss in float64, of a copy of the network with random streams of its own, in training mode.

    Streams start where the objective's noise says, but draw other numbers in float64 than in float32.
    """
    network = copy.deepcopy(objective.network).double().train()
    noise = [(own, state) for (own, _), (_, state) in zip(rng_states_of(network), objective.noise, strict=True)]
    targets = objective.targets.double() if objective.targets.is_floating_point() else objective.targets
    return replace(
        objective,
        network=network,
        inputs=objective.inputs.double(),
        targets=targets,
        noise=noise,
        known_loss=None,
        known_gradient=None,
    )


def hidden_blocks(network: nn.Module) -> list[nn.Module]:
    """Every hidden layer, first layer first: modules with `weights`, `norm` and `nonlinearity`."""
    names = [name for name, _ in network.named_modules() if name.endswith(".nonlinearity")]
    return [network.get_submodule(name.removesuffix(".nonlinearity")) for name in names]


def look(objective: Objective, block: nn.Module, eps: float) -> Seen:
    """One forward pass with the batch norm of `block`, or with a matched one of this `eps` put in for this pass."""
    weights = block.get_submodule("weights")
    norm = _batch_norm(block)
    caught: dict[str, Tensor] = {}

    def at_weights(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        caught.update(x=inputs[0].detach(), wx=output)

    def at_norm(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        caught.update(y=inputs[0], z=output)

    def put_in(_: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        y = inputs[0]
        z = matched_batch_norm(rows(y), eps).reshape(y.movedim(1, -1).shape).movedim(-1, 1)
        caught.update(y=y, z=z)
        return z

    handles = [weights.register_forward_hook(at_weights)]
    if norm is None:
        handles.append(block.get_submodule("nonlinearity").register_forward_pre_hook(put_in))
    else:
        handles.append(norm.register_forward_hook(at_norm))
    try:
        with torch.enable_grad():
            loss = objective.loss()
    finally:
        for handle in handles:
            handle.remove()
    y = caught["y"]
    if norm is None:
        gamma, used = standardised(rows(y.detach()), eps).deviation, eps
    else:
        gamma, used = y.new_ones(y.shape[1]) if norm.weight is None else norm.weight.detach(), norm.eps
    incoming = _patches(weights, caught["x"]) if caught["wx"] is y else None
    return Seen(loss, y, caught["z"], gamma, used, norm is None, incoming)


def rows(tensor: Tensor) -> Tensor:
    """(batch, units) as it is; (batch, maps, height, width) -> (batch * height * width, maps)."""
    return tensor if tensor.ndim == 2 else tensor.movedim(1, -1).flatten(0, -2)


def _batch_norm(block: nn.Module) -> nn.BatchNorm1d | nn.BatchNorm2d | None:
    modules = block.get_submodule("norm").modules()
    return next((module for module in modules if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)), None)


def _patches(weights: nn.Module, inputs: Tensor) -> Tensor:
    """What the weights of one unit or map multiply, once for each of its values: (m, incoming)."""
    if not isinstance(weights, nn.Conv2d):
        return inputs
    padding = weights.padding
    assert not isinstance(padding, str), "no network here pads by name"
    patches = nn.functional.unfold(inputs, weights.kernel_size, weights.dilation, padding, weights.stride)
    return patches.movedim(1, -1).flatten(0, 1)
