"""Gradient flow against a forward pass by hand; how gradients grow with depth against Yang et al. 2019."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz import Record, RunConfig, datasets, networks
from bnviz.analysis import quantities
from bnviz.core import registry
from bnviz.training import train
from bnviz.training.mini_batches import batch_order

CPU = torch.device("cpu")
CLOSE = {"rtol": 1e-5, "atol": 1e-7}  # records are in float32


def run(**settings: Any) -> tuple[Record, nn.Module]:
    config = RunConfig(**{"device": "cpu", "probes": ("gradient_flow",)} | settings)
    network = networks.build(config, (1, 8, 8), 10, CPU)
    return Record.from_frames(config, train(config, network)), network


@pytest.mark.parametrize("norm", registry.names("norms"))
def test_norms_match_a_pass_by_hand(norm: str) -> None:
    record, network = run(norm=norm, widths=(6, 5), init_std=0.3, steps=4, precision="float64")
    data = datasets.load("digits", 0).train
    *_, index = batch_order(1500, record.config, CPU)
    twin: Any = copy.deepcopy(network)
    values = torch.tensor(data.inputs)[index].double().flatten(1)
    entering = []
    for block in (twin.hidden1, twin.hidden2):
        values = block.norm(block.weights(values))
        values.retain_grad()
        entering.append(values)
        values = torch.sigmoid(values)
    nn.functional.cross_entropy(twin.output(values), torch.tensor(data.labels)[index]).backward()
    weights = [twin.hidden1.weights.weight, twin.hidden2.weights.weight, twin.output.weight]
    last = record.data.isel(probe_step=-1)
    np.testing.assert_allclose(last["weight_norm"], [weight.detach().norm() for weight in weights], **CLOSE)
    np.testing.assert_allclose(last["weight_gradient_norm"], [weight.grad.norm() for weight in weights], **CLOSE)
    np.testing.assert_allclose(last["pre_activation_norm"], [value.detach().norm() for value in entering], **CLOSE)
    gradients = [value.grad.norm() for value in entering]
    np.testing.assert_allclose(last["pre_activation_gradient_norm"], gradients, **CLOSE)


def growth(**settings: Any) -> float:
    record, _ = run(activation="relu", widths=(256,) * 40, batch_size=128, steps=1, **settings)
    return float(quantities.growth_per_layer(record).isel(probe_step=0))


def test_gradients_grow_with_depth_only_with_batch_norm() -> None:
    """Self-test 12: sqrt(pi / (pi - 1)) = 1.21 a layer (Yang et al. 2019); He et al. 2015 chose theirs to have 1."""
    assert 1.15 <= growth(norm="batch", init="he") <= 1.25
    assert 0.95 <= growth(norm="none", init="he") <= 1.05
