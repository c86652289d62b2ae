"""Planes in weight space: against deep copies that go there, whether the first layer is known beforehand or not."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnviz import RunConfig, networks
from bnviz.core import registry
from bnviz.landscape.line import random_direction
from bnviz.landscape.objective import CRITERIA, Objective
from bnviz.landscape.plane import plane
from bnviz.torch_support.rng import rng_states_of, stream

CPU = torch.device("cpu")
ACROSS, UP = np.array([-1.0, 0.0, 0.5]), np.array([0.0, 2.0])
PIXELS, SAMPLES = 64, 20
TOLERANCES = {"float32": 2e-6, "float64": 1e-11}
NORMS = pytest.mark.parametrize("norm", registry.names("norms"))
MODES = pytest.mark.parametrize("mode", ["training", "inference"])
PRECISIONS = pytest.mark.parametrize("precision", TOLERANCES)


def objective_of(network: nn.Module, precision: str = "float64", images: tuple[int, ...] = (1, 8, 8)) -> Objective:
    """Of a network whose parameters are all moved off their special starting values."""
    dtype = getattr(torch, precision)
    network.to(dtype)
    random = stream(0, "data")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=random).to(parameter)
    inputs = torch.randn(SAMPLES, *images, generator=random).to(dtype)
    return Objective.of(network, inputs, torch.arange(SAMPLES) % 10, CRITERIA["classes"])


def built(norm: str, **settings: Any) -> nn.Module:
    config = RunConfig(norm=norm, **{"widths": (6, 5), "activation": "tanh", "init_std": 0.3} | settings)
    return networks.build(config, (1, 8, 8), 10, CPU)


def axes_of(objective: Objective) -> tuple[list[Tensor], list[Tensor]]:
    """Two directions in which biases and normalisations move too, as those of principal components do."""
    first, second = (random_direction(objective, 0, name) for name in ("across", "up"))
    for number, step in enumerate((*first, *second)):
        step += 0.05 * torch.randn(step.shape, generator=stream(number, "also")).to(step)
    return first, second


def seen_by_copies(objective: Objective, first: list[Tensor], second: list[Tensor]) -> list[list[float]]:
    """The losses of deep copies, one a point, in the noise that the objective has."""

    def loss(width: float, height: float) -> float:
        twin = copy.deepcopy(objective.network)
        for (generator, _), (_, state) in zip(rng_states_of(twin), objective.noise, strict=True):
            generator.set_state(state)
        for parameter, one, other in zip(twin.parameters(), first, second, strict=True):
            parameter.data += width * one + height * other
        return float(objective.criterion(twin(objective.inputs), objective.targets).detach())

    return [[loss(width, height) for width in ACROSS] for height in UP]


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many features enter, for every product of a fully connected layer that is made."""
    made: list[int] = []
    linear = nn.functional.linear

    def counted(inputs: Tensor, *others: Any) -> Tensor:
        made.append(inputs.shape[1])
        return linear(inputs, *others)

    monkeypatch.setattr(nn.functional, "linear", counted)
    return made


@PRECISIONS
@MODES
@pytest.mark.parametrize("network", ["mlp", "deep_linear"])
@NORMS
def test_a_plane_is_what_deep_copies_see(
    norm: str, network: str, mode: str, precision: str, products: list[int]
) -> None:
    objective = objective_of(built(norm, network=network), precision)
    objective.network.train(mode == "training")
    axes = axes_of(objective)
    table = plane(objective, *axes, ACROSS, UP)
    assert products.count(PIXELS) == 4  # to find the layer, at the start, along either axis: not at every point
    expected = seen_by_copies(objective, *axes)
    np.testing.assert_allclose(table, expected, rtol=TOLERANCES[precision])
    assert np.ptp(expected) > 1e-3  # there was something to see
    with torch.no_grad():
        assert table[0, 1] == objective.loss()  # where nothing is moved, not even in the last bit
    assert np.array_equal(table, plane(objective, *axes, ACROSS, UP))


class Squared(nn.Linear):
    """Not linear in its parameters alone: its outputs are squared."""

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs).square()


class Twice(nn.Module):
    """One layer, for the batch and for what comes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(PIXELS, PIXELS)
        self.output = nn.Linear(PIXELS, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.output(self.layer(torch.tanh(self.layer(inputs.flatten(1)))))
        return outputs


GENERAL = {
    "parameters in front": lambda: nn.Sequential(nn.Flatten(), nn.BatchNorm1d(PIXELS), nn.Linear(PIXELS, 10)),
    "a layer of another class": lambda: nn.Sequential(nn.Flatten(), Squared(PIXELS, 6), nn.Linear(6, 10)),
    "a layer used twice": Twice,
    "convolutions": lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(72, 10)),
}


@pytest.mark.parametrize("kind", GENERAL)
def test_any_other_network_goes_through_all_its_layers(kind: str, products: list[int]) -> None:
    objective = objective_of(GENERAL[kind]())
    axes = axes_of(objective)
    table = plane(objective, *axes, ACROSS, UP)
    assert len(products) % (1 + table.size) == 0  # one pass to find out, then one a point
    np.testing.assert_allclose(table, seen_by_copies(objective, *axes), rtol=1e-11)


def test_a_network_that_is_one_layer() -> None:
    objective = objective_of(nn.Linear(PIXELS, 10), images=(PIXELS,))
    axes = axes_of(objective)
    np.testing.assert_allclose(plane(objective, *axes, ACROSS, UP), seen_by_copies(objective, *axes), rtol=1e-11)


@pytest.mark.parametrize("fails", [False, True])
@NORMS
def test_the_network_is_put_back_bit_for_bit(norm: str, fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = objective_of(built(norm))
    objective.loss().backward()
    axes = axes_of(objective)

    def everything() -> list[Tensor]:
        gradients = [parameter.grad.clone() for parameter in objective.parameters if parameter.grad is not None]
        state = [value.clone() for value in objective.network.state_dict().values()]
        return [*state, *gradients, *(drawn for _, drawn in rng_states_of(objective.network))]

    before, attributes = everything(), [set(vars(module)) for module in objective.network.modules()]
    if fails:
        outcomes = iter([objective.loss, objective.loss])
        monkeypatch.setattr(Objective, "loss", lambda _: next(outcomes)())
        with pytest.raises(StopIteration):
            plane(objective, *axes, ACROSS, UP)
    else:
        plane(objective, *axes, ACROSS, UP)
    assert all(torch.equal(one, other) for one, other in zip(everything(), before, strict=True))
    assert [set(vars(module)) for module in objective.network.modules()] == attributes
    assert not any(module._forward_pre_hooks for module in objective.network.modules())
