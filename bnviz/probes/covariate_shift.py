"""Internal covariate shift.

For each layer, the gradient of its weights before and after the layers in front of it have made the optimiser's real
step, on the same batch (Santurkar et al. 2018, Def. 2.1, Fig. 3). What changes is only what the layer is handed.
"""

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.core.record import Measurement
from bnviz.probes import Snapshot

FIGURE = "Santurkar et al. 2018, Fig. 3"
PASSES_PER_LAYER = 0.5  # forward, and back to the layer


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Dimension `weight_layer` (1 is next to the input, the output layer last); nothing is in front of the first.

    All of a layer's parameters move, its biases and its normalisation's gamma and beta too; the gradient is that of its
    weight matrix alone.
    """
    objective = snapshot.training
    layers = weight_layers(snapshot.network)
    _, gradients = objective.loss_and_gradient()
    next_parameters = snapshot.next_parameters()
    parameters = objective.parameters
    rows = []
    with objective.preserved_weights():
        for number, layer in enumerate(layers):
            before = gradients[layer[0]]
            after = before
            if number:
                with torch.no_grad():
                    for index in layers[number - 1]:
                        parameters[index].copy_(next_parameters[index])
                after = torch.autograd.grad(objective.loss(), parameters[layer[0]])[0]
            rows.append(_comparison(before, after))
    table = torch.stack(rows).cpu().numpy().astype(np.float32)  # (weight layers, 4)
    names = {
        "shift_before": "norm of the gradient before, |G|",
        "shift_after": "norm of the gradient after, |G'|",
        "shift_l2": "internal covariate shift, |G - G'|",
        "shift_cosine": "cosine between the gradients, cos(G, G')",
    }
    return {
        name: Measurement(table[:, column], ("weight_layer",), text, "1", FIGURE)
        for column, (name, text) in enumerate(names.items())
    }


def weight_layers(network: nn.Module) -> list[list[int]]:
    """Places of each layer's parameters in `network.parameters()`: first its weights, then all up to the next layer."""
    weights = {id(module.weight) for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)}
    layers: list[list[int]] = []
    for index, parameter in enumerate(network.parameters()):
        if id(parameter) in weights:
            layers.append([])
        layers[-1].append(index)
    return layers


def _comparison(before: Tensor, after: Tensor) -> Tensor:
    """|G|, |G'|, |G - G'|, cos(G, G')."""
    length, after_length = before.norm(), after.norm()
    cosine = torch.dot(before.flatten(), after.flatten()) / (length * after_length)
    return torch.stack([length, after_length, (before - after).norm(), cosine.clamp(-1, 1)])
