"""Networks: one file each; every hidden layer is weights, normalisation, nonlinearity, in that order.

A network's file has a function `build(config, input_shape, classes, device) -> torch.nn.Module` made of the blocks
below, and may set INPUT_SHAPE (if it takes only one) and MULTIPLY_ADDS (per sample). A module of its own that does the
same to every batch says RECORDABLE = True in its class, and is trained sooner (`bnviz.training.graph_replay`). Weights
are drawn here, each from the random stream that bears its own name, so that arms share what they have in common.
"""

import torch
from torch import Tensor, nn

from bnviz import initialisations, norms
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.nonlinearities import NONLINEARITIES
from bnviz.networks._bfloat16 import in_bfloat16 as in_bfloat16
from bnviz.torch_support.rng import stream


def build(config: RunConfig, input_shape: tuple[int, ...], classes: int, device: torch.device) -> nn.Module:
    """The network that `config` describes, initialised, in training mode, on `device`."""
    network: nn.Module = registry.load("networks", config.network).build(config, input_shape, classes, device)
    initialise(network, config)
    network.to(device)
    return in_bfloat16(network) if config.precision == "bfloat16" else network


class Stack(nn.Sequential):
    """A Sequential of Sequentials, run without entering each inner one, which small networks feel: same function."""

    RECORDABLE = True

    def forward(self, values: Tensor) -> Tensor:
        for block in self:
            for module in block if isinstance(block, nn.Sequential) else (block,):
                values = module(values)
        return values


def hidden_block(
    config: RunConfig, weights: nn.Linear | nn.Conv2d, name: str, device: torch.device, pool: int = 0
) -> nn.Sequential:
    """One hidden layer: `weights`, then the run's normalisation, its nonlinearity, and max pooling if `pool` > 0.

    The nonlinearity's submodule is named `nonlinearity`: its input is what probes call the pre-activation.
    """
    features = weights.out_features if isinstance(weights, nn.Linear) else weights.out_channels
    spatial = 0 if isinstance(weights, nn.Linear) else 2
    slot = norms.Slot(config, features, spatial, stream(config.seed, "noise", name, device=device))
    block = nn.Sequential()
    block.add_module("weights", weights)
    block.add_module("norm", norms.build(slot))
    block.add_module("nonlinearity", getattr(nn, NONLINEARITIES[config.activation].torch_name)())
    if pool:
        block.add_module("pool", nn.MaxPool2d(pool))
    return block


def has_bias(config: RunConfig) -> bool:
    """Whether a hidden layer keeps its bias; a normalisation that subtracts the mean makes it redundant."""
    return not norms.subsumes_bias(config.norm)


def initialise(network: nn.Module, config: RunConfig) -> None:
    """Draw every weight matrix from the stream of its own name; biases 0; normalisations keep gamma = 1, beta = 0."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            with torch.no_grad():
                initialisations.draw(module.weight, config, stream(config.seed, "init", name))
                if module.bias is not None:
                    module.bias.zero_()
