"""Internal covariate shift against two networks: layers in front are taken from one that made the real step."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz import Record, RunConfig, datasets, networks
from bnviz.core import registry
from bnviz.probes.covariate_shift import weight_layers
from bnviz.training import train
from bnviz.training.mini_batches import batch_order

CPU = torch.device("cpu")
STEPS = 4
SMALL: dict[str, Any] = {
    "widths": (6, 5, 4),
    "activation": "tanh",
    "init_std": 0.3,
    "batch_size": 30,
    "precision": "float64",
    "device": "cpu",
    "probes": ("covariate_shift",),
    "probe_points": 50,
}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "adam": {"optimizer": "adam", "learning_rate": 0.01},
    "decay": {"weight_decay": 0.5},
}
CLOSE = {"rtol": 1e-5, "atol": 1e-7}  # records are in float32


def run(steps: int, **settings: Any) -> tuple[Record, nn.Module]:
    config = RunConfig(**SMALL | settings, steps=steps)
    network = networks.build(config, (1, 8, 8), 10, CPU)
    return Record.from_frames(config, train(config, network)), network


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_shift_matches_two_separate_networks(norm: str, optimizer: str) -> None:
    """The one was trained for t steps, the other, the same, for t + 1; both see the batch of step t."""
    settings = OPTIMIZERS[optimizer] | {"norm": norm}
    record, now = run(STEPS, **settings)
    _, later = run(STEPS + 1, **settings)
    data = datasets.load("digits", 0).train
    *_, index = batch_order(1500, record.config, CPU)
    inputs, labels = torch.tensor(data.inputs)[index].double(), torch.tensor(data.labels)[index]
    names = ["hidden1", "hidden2", "hidden3", "output"]

    def gradient(moved: list[str], name: str) -> torch.Tensor:
        twin: Any = copy.deepcopy(now)  # its random streams too: all twins draw the noise of step t
        for front in moved:
            getattr(twin, front).load_state_dict(getattr(later, front).state_dict())
        nn.functional.cross_entropy(twin(inputs), labels).backward()
        layer = getattr(twin, name)
        found: torch.Tensor = (layer if name == "output" else layer.weights).weight.grad
        return found.flatten()

    last = record.data.isel(probe_step=-1)
    for number, name in enumerate(names):
        before, after = gradient([], name), gradient(names[:number], name)
        here = last.isel(weight_layer=number)
        np.testing.assert_allclose(here["shift_before"], before.norm(), **CLOSE)
        np.testing.assert_allclose(here["shift_after"], after.norm(), **CLOSE)
        np.testing.assert_allclose(here["shift_l2"], (before - after).norm(), **CLOSE)
        cosine = float(before @ after / before.norm() / after.norm())
        np.testing.assert_allclose(here["shift_cosine"], cosine, **CLOSE)
    assert (last["shift_l2"][1:] > 1e-4 * last["shift_before"][1:]).all()  # something did shift


@pytest.mark.parametrize("norm", registry.names("norms"))
def test_shift_is_zero_where_nothing_moves(norm: str) -> None:
    """Self-test 5."""
    first = run(STEPS, norm=norm)[0].data.isel(weight_layer=0)
    still = run(STEPS, norm=norm, learning_rate=0.0)[0].data
    for data in (first, still):
        assert (data["shift_l2"] == 0).all()
        np.testing.assert_allclose(data["shift_cosine"], 1, rtol=1e-6)
        assert (data["shift_before"] > 0).all()


@pytest.mark.parametrize("network", registry.names("networks"))
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_parameters_belong_to_the_layer_of_their_weights(norm: str, network: str) -> None:
    config = RunConfig(norm=norm, network=network, dataset="mnist" if network == "lenet" else "digits", widths=(6, 5))
    built = networks.build(config, (1, 28, 28), 10, CPU)
    names = [name for name, _ in built.named_parameters()]
    layers = [[names[place] for place in layer] for layer in weight_layers(built)]
    assert [name for layer in layers for name in layer] == names
    for layer in layers:
        assert layer[0] in (f"{layer[0].split('.')[0]}.weights.weight", "output.weight")
        assert len({name.split(".")[0] for name in layer}) == 1
