"""Gradient flow.

For each layer, the norms of its weights, of their gradient, of what enters its nonlinearity and of the gradient with
respect to that: how signals and gradients grow or fade with depth (Yang et al. 2019, Sec. 3, on batch norm at
initialisation).
"""

import numpy as np
import torch
from torch import Tensor

from bnviz.core.record import Measurement
from bnviz.probes import Snapshot
from bnviz.probes.covariate_shift import weight_layers
from bnviz.torch_support.hooks import record_pre_activations

SOURCE = "Yang et al. 2019, Sec. 3"
PASSES = 1


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Norms over the whole batch: `weight_layer` for weights, `layer` (hidden ones) for pre-activations."""
    objective = snapshot.training
    layers = weight_layers(snapshot.network)
    _, gradients = objective.loss_and_gradient()
    with objective.preserved_weights():
        with record_pre_activations(snapshot.network, attached=True) as tensors:
            loss = objective.loss()
        arriving = torch.autograd.grad(loss, tensors)
    weights = [objective.parameters[layer[0]].detach() for layer in layers]

    def norms(tensors: list[Tensor], dim: str, name: str) -> Measurement:
        values = torch.stack([tensor.detach().norm() for tensor in tensors])
        return Measurement(values.cpu().numpy().astype(np.float32), (dim,), name, "1", SOURCE)

    return {
        "weight_norm": norms(weights, "weight_layer", "norm of the weights, |W|"),
        "weight_gradient_norm": norms(
            [gradients[layer[0]] for layer in layers], "weight_layer", "norm of the weights' gradient"
        ),
        "pre_activation_norm": norms(tensors, "layer", "norm of the pre-activations of the batch"),
        "pre_activation_gradient_norm": norms(list(arriving), "layer", "norm of the gradient at the pre-activations"),
    }
