"""The line probe on a real run: at the right point, on the right batch, with the noise of the very step."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnviz import Record, RunConfig, datasets, networks
from bnviz.core import registry
from bnviz.landscape.line import random_direction
from bnviz.landscape.objective import Objective
from bnviz.training import train
from bnviz.training.mini_batches import batch_order

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {
    "widths": (6, 5),
    "init_std": 0.3,
    "steps": 4,
    "batch_size": 30,
    "precision": "float64",
    "device": "cpu",
    "probes": ("landscape_line",),
    "probe_points": 50,
    "probe_samples": 70,
    "line_points": 3,
}
CLOSE = {"rtol": 1e-6, "atol": 1e-7}  # records are in float32


def run(**settings: Any) -> tuple[Record, nn.Module]:
    """The record, and the network as it is before the last batch, which is only looked at."""
    config = RunConfig(**SMALL | settings)
    network = networks.build(config, (1, 8, 8), 10, CPU)
    return Record.from_frames(config, train(config, network)), network


def last_batch(config: RunConfig) -> tuple[Tensor, Tensor]:
    data = datasets.load("digits", config.seed).train
    *_, index = batch_order(len(data.inputs), config, CPU)
    chosen = torch.arange(config.probe_samples) if config.probe_data == "fixed" else index
    return torch.tensor(data.inputs)[chosen].double(), torch.tensor(data.labels)[chosen]


def stepped(network: nn.Module, config: RunConfig, direction: list[Tensor], length: float) -> tuple[float, Tensor]:
    """Loss and gradient of a deep copy, in the noise that it draws next, after the step."""
    twin = copy.deepcopy(network)
    for parameter, step in zip(twin.parameters(), direction, strict=True):
        parameter.data -= length * step
    inputs, labels = last_batch(config)
    loss = nn.functional.cross_entropy(twin(inputs), labels)
    loss.backward()
    return float(loss.detach()), torch.cat([parameter.grad.flatten() for parameter in twin.parameters()])


@pytest.mark.parametrize("along", ["gradient", "random"])
@pytest.mark.parametrize("probe_data", ["batch", "fixed"])
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_line_matches_deep_copies_of_the_network(norm: str, probe_data: str, along: str) -> None:
    record, network = run(norm=norm, probe_data=probe_data, line_along=along)
    config = record.config
    if along == "gradient":
        twin = copy.deepcopy(network)
        inputs, labels = last_batch(config)
        nn.functional.cross_entropy(twin(inputs), labels).backward()
        direction = [parameter.grad for parameter in twin.parameters()]
    else:
        objective = Objective.of(network, *last_batch(config), nn.functional.cross_entropy)
        direction = random_direction(objective, config.seed, "line")
    lengths = config.learning_rate * np.array([0.5, 2.25, 4.0])
    loss_here, here = stepped(network, config, direction, 0.0)
    seen = [stepped(network, config, direction, length) for length in lengths]
    last = record.data.isel(probe_step=-1)
    reach = float(torch.cat([step.flatten() for step in direction]).norm())
    np.testing.assert_allclose(last["line_alpha"], lengths, **CLOSE)
    np.testing.assert_allclose(last["line_distance"], lengths * reach, **CLOSE)
    np.testing.assert_allclose(last["line_loss"], [loss for loss, _ in seen], **CLOSE)
    np.testing.assert_allclose(last["line_gradient_change"], [(there - here).norm() for _, there in seen], **CLOSE)
    cosines = [float(there @ here / there.norm() / here.norm()) for _, there in seen]
    np.testing.assert_allclose(last["line_cosine"], cosines, **CLOSE)
    np.testing.assert_allclose(last["line_loss_here"], loss_here, **CLOSE)
    np.testing.assert_allclose(last["line_gradient_norm"], here.norm(), **CLOSE)


def test_step_lengths_scale_with_learning_rate_or_not() -> None:
    lengths = {"line_from": 0.05, "line_to": 0.4, "learning_rate": 2.0}
    relative, absolute = (run(line_in=way, **lengths)[0].data["line_alpha"] for way in ("learning_rate", "absolute"))
    np.testing.assert_allclose(absolute, np.broadcast_to([0.05, 0.225, 0.4], (5, 3)), rtol=1e-6)
    np.testing.assert_allclose(relative, 2 * absolute, rtol=1e-6)
    dln = run(line_from=0.01, line_to=30.0, line_points=8)[0].data["line_alpha"]
    np.testing.assert_allclose(dln[0], 0.1 * np.geomspace(0.01, 30, 8), rtol=1e-6)


@pytest.mark.parametrize("norm", registry.names("norms"))
def test_learning_rate_0_leaves_line_constant(norm: str) -> None:
    data = run(norm=norm, learning_rate=0.0)[0].data
    assert (data["line_loss"] == data["line_loss_here"]).all()
    assert (data["line_gradient_change"] == 0).all()
    assert (data["line_distance"] == 0).all()


def test_loss_at_the_weights_is_the_training_loss() -> None:
    data = run(norm="noisy_batch")[0].data
    both = np.intersect1d(data["step"], data["probe_step"])
    np.testing.assert_array_equal(data["line_loss_here"].sel(probe_step=both), data["train_loss"].sel(step=both))


def test_diverging_run_is_measured_to_its_end() -> None:
    probes = ("landscape_line", "covariate_shift", "gradient_flow")
    settings: dict[str, Any] = {"network": "deep_linear", "init": "he", "learning_rate": 100.0, "probes": probes}
    record, _ = run(**settings, steps=200, probe_points=500, curve_points=500)
    assert record.outcome == "diverged"
    assert np.isinf(record.data["line_loss"]).any()  # what float64 can hold and a record cannot
    assert not np.isfinite(record.data["line_loss"][-1]).any()
    assert np.isfinite(record.data["line_loss"][0]).all()
