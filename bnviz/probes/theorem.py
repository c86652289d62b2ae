"""The theorems, live.

Both sides of Theorems 4.1, 4.2 and 4.4 and of Lemma 4.5 for the units of a network in training, on its mini-batch and
in float64 (Santurkar et al. 2018, Sec. 4). A layer without batch norm gets a matched one (Observation 4.3),
one layer at a time. The theorems compare networks that compute the same; they say nothing about two networks
that were trained apart.
"""

import copy

import torch
from torch import Tensor, nn

from bnviz.core.record import Measurement
from bnviz.networks import initialise
from bnviz.probes import Snapshot
from bnviz.probes._matched import ForwardPass, double_twin, forward_pass, hidden_blocks, rows
from bnviz.probes._theorems import (
    alignment,
    bn_curvature,
    bn_gradient_norm,
    lemma_45,
    projected,
    spectral_norm,
    standardised,
)

SOURCE = "Santurkar et al. 2018"
PASSES = 10
PASSES_PER_LAYER = 4  # one forward and several backward passes per layer, in float64

CURVATURE_UNITS = 6
"""Units per layer, evenly spread, in which Theorem 4.2 is measured; each costs two passes."""

QUANTITIES = {
    "theorem_plain_gradient": ("gradient behind batch norm, |dL/dz|", "Thm. 4.1"),
    "theorem_bn_gradient": ("gradient in front of batch norm, |dL/dy|", "Thm. 4.1"),
    "theorem_41_right": ("what Theorem 4.1 says it is", "Thm. 4.1"),
    "theorem_41_residual": ("difference of the squares / (γ/s)² |g|²", "Thm. 4.1"),
    "theorem_alignment": ("alignment ⟨g, ŷ⟩/m of gradient and activation", "Thm. 4.2"),
    "theorem_ratio": ("share of the gradient that is let through, |Pg| / |g|", "Thm. 4.1"),
    "theorem_42_left": ("curvature along v = dL/dy, v' (d²L/dy²) v", "Thm. 4.2"),
    "theorem_42_right": ("what Theorem 4.2 says it is", "Thm. 4.2"),
    "theorem_42_unreduced": ("the same without the term that reduces it, (γ/s)² v' H v", "Thm. 4.2"),
    "theorem_42_residual": ("difference / sum of the terms' absolute values", "Thm. 4.2"),
    "theorem_44_left": ("largest |dL/dw|² of all inputs with |X| ≤ λ", "Thm. 4.4"),
    "theorem_44_right": ("what Theorem 4.4 says it is", "Thm. 4.4"),
    "theorem_44_actual": ("|dL/dw|² with the layer's own input", "Thm. 4.4"),
    "lemma_45_left": ("squared distance from the start to the nearest multiple of the weights", "Lemma 4.5"),
    "lemma_45_right": ("its bound, from the distance to the weights", "Lemma 4.5"),
}
LOSS_CHANGE = "largest change of the loss by a batch norm that should change nothing"


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Dimensions `layer` and `unit` (a feature map in convolutional layers).

    All values are NaN if the loss is not finite. A value is NaN where it is undefined: a unit that never varies or gets
    no gradient, a layer with more than the weights in front of its batch norm (Theorem 4.4), weights that point away
    from their start (Lemma 4.5), no inserted batch norm (the change of the loss).
    """
    objective = double_twin(snapshot.training)
    blocks = hidden_blocks(objective.network)
    weights = _weights(objective.network)
    with torch.no_grad():
        before = objective.loss()
    layers: list[dict[str, Tensor]] = [{} for _ in blocks]
    changes = []
    if before.isfinite():
        starts = _weights(_initial_network(snapshot))
        for layer, block, start, current in zip(layers, blocks, starts, weights, strict=True):
            layer_pass = forward_pass(objective, block, snapshot.config.norm_eps)
            layer.update(_sides(layer_pass))
            layer["lemma_45_left"], layer["lemma_45_right"] = lemma_45(start, current)
            if layer_pass.matched:
                changes.append(float((layer_pass.loss.detach() - before).abs()))

    def unitwise(name: str) -> Measurement:
        table = torch.full((len(blocks), max(map(len, weights))), torch.nan)
        for row, layer in zip(table, layers, strict=True):
            if name in layer:
                row[: len(layer[name])] = layer[name]
        text, place = QUANTITIES[name]
        return Measurement(table.numpy(), ("layer", "unit"), text, "1", f"{SOURCE}, {place}")

    change = torch.tensor(max(changes, default=torch.nan), dtype=torch.float32).numpy()
    return {name: unitwise(name) for name in QUANTITIES} | {
        "theorem_matched_loss_change": Measurement(change, (), LOSS_CHANGE, "1", f"{SOURCE}, Obs. 4.3")
    }


def _sides(layer_pass: ForwardPass) -> dict[str, Tensor]:
    """Both sides of Theorems 4.1, 4.2 and 4.4 in one layer: float64 (units,) each."""
    in_front, behind = torch.autograd.grad(layer_pass.loss, [layer_pass.y, layer_pass.z], create_graph=True)
    y, g, v = (rows(tensor.detach()) for tensor in (layer_pass.y, behind, in_front))
    plain, left = g.norm(dim=0), v.norm(dim=0)
    right = bn_gradient_norm(g, y, layer_pass.gamma, layer_pass.eps)
    most = plain * (layer_pass.gamma / standardised(y, layer_pass.eps).deviation).abs()  # without the subtracted terms
    sides = {
        "theorem_plain_gradient": plain,
        "theorem_bn_gradient": left,
        "theorem_41_right": right,
        "theorem_41_residual": (left**2 - right**2).abs() / most**2,
        "theorem_alignment": alignment(g, y, layer_pass.eps),
        "theorem_ratio": left / most,
    }
    if layer_pass.incoming is not None:
        square = spectral_norm(layer_pass.incoming) ** 2
        sides["theorem_44_left"], sides["theorem_44_right"] = square * left**2, square * right**2
        sides["theorem_44_actual"] = (layer_pass.incoming.T @ v).square().sum(0)
    return sides | _curvatures(layer_pass, in_front, behind)


def _curvatures(layer_pass: ForwardPass, in_front: Tensor, behind: Tensor) -> dict[str, Tensor]:
    """Both sides of Theorem 4.2, and its first term: float64 (units,), NaN but in CURVATURE_UNITS of them.

    The two gradients come with their graph: v' (d2L/dy_j dy_j) v is how <dL/dy_j, v> changes as y_j moves along v.
    """
    y, g, v = (rows(tensor.detach()) for tensor in (layer_pass.y, behind, in_front))
    kept = projected(v, y, layer_pass.eps)
    left, through = (torch.full_like(layer_pass.gamma, torch.nan) for _ in range(2))
    for unit in torch.linspace(0, len(left) - 1, min(len(left), CURVATURE_UNITS)).round().long().tolist():
        left[unit] = _curvature(in_front, layer_pass.y, v[:, unit], unit)
        through[unit] = _curvature(behind, layer_pass.z, kept[:, unit], unit)
    terms = bn_curvature(g, y, layer_pass.gamma, layer_pass.eps, v, through)
    right = terms.sum(0)
    residual = (left - right).abs() / terms.abs().sum(0)
    return {
        "theorem_42_left": left,
        "theorem_42_right": right,
        "theorem_42_unreduced": terms[0],
        "theorem_42_residual": residual,
    }


def _curvature(gradient: Tensor, values: Tensor, direction: Tensor, unit: int) -> Tensor:
    """Curvature of the loss along one unit's values: the gradient with respect to `at`, differentiated once more."""
    slope = rows(gradient)[:, unit] @ direction
    changes = torch.autograd.grad(slope, values, retain_graph=True, materialize_grads=True)[0]
    return rows(changes)[:, unit] @ direction


def _initial_network(snapshot: Snapshot) -> nn.Module:
    """A copy of the network with its initial weights, drawn again in float32 on the CPU."""
    network = copy.deepcopy(snapshot.network).to("cpu", torch.float32)
    initialise(network, snapshot.config)
    return network


def _weights(network: nn.Module) -> list[Tensor]:
    """Each hidden layer's weights, one row (incoming,) a unit or feature map: float64, on the CPU."""
    return [
        block.get_parameter("weights.weight").detach().double().cpu().flatten(1) for block in hidden_blocks(network)
    ]
