"""A float64 copy of the network, and the inputs and outputs of the batch norm of one of its layers.

A layer without batch norm gets a matched one in front of its nonlinearity, which changes no activation (Santurkar et
al. 2018, Observation 4.3).
"""

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from bnviz.landscape.objective import Objective
from bnviz.probes._theorems import matched_batch_norm, standardised
from bnviz.torch_support.rng import rng_states_of


@dataclass(frozen=True)
class ForwardPass:
    """Tensors of one forward pass, with their graph.

    Attributes:
        loss: scalar.
        y: input of the layer's batch norm.
        z: output of the layer's batch norm.
        gamma: of the batch norm, (units,).
        eps: of the batch norm.
        matched: whether the batch norm was inserted.
        incoming: inputs of the layer's weights, (m, incoming); None if the weights do not feed the batch norm directly.
    """

    loss: Tensor
    y: Tensor
    z: Tensor
    gamma: Tensor
    eps: float
    matched: bool
    incoming: Tensor | None


def double_twin(objective: Objective) -> Objective:
    """Return the same loss in float64, with a copy of the network in training mode and its own random streams.

    The streams start at the objective's noise states, but draw other numbers in float64 than in float32.
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
    """Return every hidden layer, first layer first: modules with `weights`, `norm` and `nonlinearity`."""
    names = [name for name, _ in network.named_modules() if name.endswith(".nonlinearity")]
    return [network.get_submodule(name.removesuffix(".nonlinearity")) for name in names]


def forward_pass(objective: Objective, block: nn.Module, eps: float) -> ForwardPass:
    """Run a forward pass with the batch norm of `block`, or with an inserted matched one of the given `eps`."""
    weights = block.get_submodule("weights")
    norm = _batch_norm(block)
    tensors: dict[str, Tensor] = {}

    def keep_weights(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        tensors.update(x=inputs[0].detach(), wx=output)

    def keep_norm(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        tensors.update(y=inputs[0], z=output)

    def insert_norm(_: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        y = inputs[0]
        z = matched_batch_norm(rows(y), eps).reshape(y.movedim(1, -1).shape).movedim(-1, 1)
        tensors.update(y=y, z=z)
        return z

    handles = [weights.register_forward_hook(keep_weights)]
    if norm is None:
        handles.append(block.get_submodule("nonlinearity").register_forward_pre_hook(insert_norm))
    else:
        handles.append(norm.register_forward_hook(keep_norm))
    try:
        with torch.enable_grad():
            loss = objective.loss()
    finally:
        for handle in handles:
            handle.remove()
    y = tensors["y"]
    if norm is None:
        gamma, used_eps = standardised(rows(y.detach()), eps).deviation, eps
    else:
        gamma, used_eps = y.new_ones(y.shape[1]) if norm.weight is None else norm.weight.detach(), norm.eps
    incoming = _patches(weights, tensors["x"]) if tensors["wx"] is y else None
    return ForwardPass(loss, y, tensors["z"], gamma, used_eps, norm is None, incoming)


def rows(tensor: Tensor) -> Tensor:
    """(batch, units) as it is; (batch, maps, height, width) -> (batch * height * width, maps)."""
    return tensor if tensor.ndim == 2 else tensor.movedim(1, -1).flatten(0, -2)


def _batch_norm(block: nn.Module) -> nn.BatchNorm1d | nn.BatchNorm2d | None:
    modules = block.get_submodule("norm").modules()
    return next((module for module in modules if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)), None)


def _patches(weights: nn.Module, inputs: Tensor) -> Tensor:
    """Inputs of one unit's or map's weights for each of its values: (m, incoming)."""
    if not isinstance(weights, nn.Conv2d):
        return inputs
    padding = weights.padding
    assert not isinstance(padding, str), "no network here pads by name"
    patches = nn.functional.unfold(inputs, weights.kernel_size, weights.dilation, padding, weights.stride)
    return patches.movedim(1, -1).flatten(0, 1)
