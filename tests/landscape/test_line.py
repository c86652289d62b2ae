"""Lines in weight space: against deep copies that take the step, and on a quadratic in closed form."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnviz import RunConfig, networks
from bnviz.core import registry
from bnviz.landscape.line import along, at_once, one_by_one, random_direction, step_lengths
from bnviz.landscape.objective import Objective, flat, squared_error
from bnviz.torch_support.rng import preserved_state, rng_states_of, stream

CPU = torch.device("cpu")
LENGTHS = np.array([0.0, 1e-3, 0.05, 0.4, 3.0])
NORMS = pytest.mark.parametrize("norm", registry.names("norms"))


def objective_of(norm: str, shape: tuple[int, ...] = (1, 8, 8), **settings: Any) -> Objective:
    """Of a network in float64 whose parameters are all moved off their special starting values."""
    config = RunConfig(norm=norm, **{"widths": (6, 5), "activation": "tanh", "init_std": 0.3} | settings)
    network = networks.build(config, shape, 10, CPU).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.add_(torch.randn(parameter.shape, generator=stream(0, "shake", name)), alpha=0.1)
    random = stream(0, "data")
    inputs = torch.randn(20, *shape, generator=random, dtype=torch.float64)
    return Objective.of(network, inputs, torch.randint(0, 10, (20,), generator=random), nn.functional.cross_entropy)


def stepped(objective: Objective, direction: list[Tensor], length: float) -> tuple[float, Tensor]:
    """Loss and gradient of a deep copy, its noise streams put where the objective's are, that has taken the step."""
    twin = copy.deepcopy(objective.network)
    for (generator, _), (_, state) in zip(rng_states_of(twin), objective.noise, strict=True):
        generator.set_state(state)
    for parameter, step in zip(twin.parameters(), direction, strict=True):
        parameter.data -= length * step
    loss = objective.criterion(twin(objective.inputs), objective.targets)
    loss.backward()
    return float(loss.detach()), torch.cat([parameter.grad.flatten() for parameter in twin.parameters()])


@pytest.mark.parametrize("way", ["gradient", "random"])
@NORMS
def test_a_line_is_what_deep_copies_see_that_take_the_step(norm: str, way: str) -> None:
    objective = objective_of(norm)
    direction = random_direction(objective, 0, "line") if way == "random" else None
    steps = direction or objective.gradient()[1]
    line = along(objective, direction, LENGTHS)
    loss_here, here = stepped(objective, steps, 0.0)
    seen = [stepped(objective, steps, length) for length in LENGTHS]
    exact: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(line.loss, [loss for loss, _ in seen], **exact)
    np.testing.assert_allclose(line.gradient_change, [(there - here).norm() for _, there in seen], **exact)
    cosines = [float(there @ here / there.norm() / here.norm()) for _, there in seen]
    np.testing.assert_allclose(line.cosine, cosines, **exact)
    np.testing.assert_allclose(line.distance, LENGTHS * float(flat(steps).norm()), **exact)
    assert line.loss_here == pytest.approx(loss_here, rel=1e-12)
    assert line.gradient_norm == pytest.approx(float(here.norm()), rel=1e-12)
    assert np.ptp(line.loss) > 1e-3  # there was something to see


@NORMS
def test_at_length_zero_nothing_differs_not_even_in_the_last_bit(norm: str) -> None:
    line = along(objective_of(norm), None, np.zeros(3))
    assert (line.loss == line.loss_here).all()
    assert (line.gradient_change == 0).all()
    assert (line.distance == 0).all()
    np.testing.assert_allclose(line.cosine, 1, rtol=1e-14)


def test_noise_that_is_not_replayed_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnviz.landscape.objective.restore_rng_states", lambda _: None)
    line = along(objective_of("noisy_batch"), None, np.zeros(3))
    assert (line.gradient_change > 1e-3).all()


@NORMS
def test_the_network_is_put_back_bit_for_bit(norm: str) -> None:
    objective = objective_of(norm)
    objective.loss().backward()

    def everything() -> list[Tensor]:
        gradients = [parameter.grad.clone() for parameter in objective.parameters if parameter.grad is not None]
        state = [value.clone() for value in objective.network.state_dict().values()]
        return [*state, *gradients, *(drawn for _, drawn in rng_states_of(objective.network))]

    before = everything()
    along(objective, None, LENGTHS)
    assert all(torch.equal(one, other) for one, other in zip(everything(), before, strict=True))


def test_on_a_quadratic_along_an_eigenvector() -> None:
    """Self-test 6: effective beta is the eigenvalue, and L(w - eta w) = (1 - eta)^2 L."""
    inputs = torch.randn(50, 4, generator=stream(0, "data"), dtype=torch.float64)
    hessian = 2 * inputs.T @ inputs / len(inputs)  # of mean |w x|^2
    eigenvalues, vectors = torch.linalg.eigh(hessian)
    for eigenvalue, vector in zip(eigenvalues, vectors.T, strict=True):
        network = nn.Linear(4, 1, bias=False).double()
        network.weight.data.copy_(3 * vector)
        objective = Objective.of(network, inputs, torch.zeros(50, 1, dtype=torch.float64), squared_error)
        towards_zero = along(objective, [network.weight.detach().clone()], LENGTHS)
        np.testing.assert_allclose(towards_zero.loss, (1 - LENGTHS) ** 2 * towards_zero.loss_here, rtol=1e-10)
        downhill = along(objective, None, LENGTHS[1:])
        np.testing.assert_allclose(downhill.gradient_change / downhill.distance, float(eigenvalue), rtol=1e-9)
        assert downhill.gradient_norm == pytest.approx(3 * float(eigenvalue))


def filters(direction: list[Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Length of each unit's part of every parameter: (units,)."""
    named = zip(network.named_parameters(), direction, strict=True)
    return {name: step.reshape(len(step), -1).norm(dim=1) for (name, _), step in named}


@NORMS
def test_a_random_direction_has_filters_as_long_as_the_weights(norm: str) -> None:
    network = objective_of(norm).network
    lengths = filters(random_direction(objective_of(norm), 0, "line"), network)
    own = filters(list(network.parameters()), network)
    for name, moved in lengths.items():
        is_weight = name in ("hidden1.weights.weight", "hidden2.weights.weight", "output.weight")
        torch.testing.assert_close(moved, own[name] if is_weight else torch.zeros_like(moved))


def test_the_only_unit_of_a_layer_has_a_filter_too() -> None:
    objective = objective_of("lp_batch", widths=(1,))
    lengths = filters(random_direction(objective, 0, "line"), objective.network)
    assert lengths["hidden1.weights.weight"].item() > 0
    assert lengths["hidden1.norm.weight"].item() == 0


def test_arms_share_a_random_direction_wherever_they_share_weights() -> None:
    config = RunConfig(widths=(6, 5))
    directions = {}
    for norm in ("none", "batch"):
        network = networks.build(config.with_changes(norm=norm), (1, 8, 8), 10, CPU)
        objective = Objective.of(network, torch.zeros(2, 1, 8, 8), torch.zeros(2).long(), nn.functional.cross_entropy)
        names = [name for name, _ in network.named_parameters()]
        directions[norm] = dict(zip(names, random_direction(objective, 0, "line"), strict=True))
        other = dict(zip(names, random_direction(objective, 1, "line"), strict=True))
        assert not torch.equal(other["output.weight"], directions[norm]["output.weight"])
    shared = directions["none"].keys() & directions["batch"].keys()
    assert len(shared) == 4
    assert all(torch.equal(directions["none"][name], directions["batch"][name]) for name in shared)


def test_step_lengths() -> None:
    np.testing.assert_allclose(step_lengths(0.5, 4, 8), np.linspace(0.5, 4, 8))
    np.testing.assert_allclose(np.diff(np.log(step_lengths(0.01, 30, 8))), np.log(3000) / 7)


@pytest.mark.parametrize("network", ["mlp", "lenet"])
@NORMS
def test_all_lengths_at_once_see_what_one_after_the_other_does(norm: str, network: str) -> None:
    lenet = {"dataset": "mnist", "network": "lenet"} if network == "lenet" else {}
    objective = objective_of(norm, shape=(1, 28, 28) if lenet else (1, 8, 8), **lenet)
    here = flat(objective.gradient()[1])
    direction = torch.randn(here.shape, generator=stream(0, "direction"), dtype=here.dtype)
    state = {name: value.clone() for name, value in objective.network.state_dict().items()}
    with preserved_state(objective.network):
        expected = torch.stack(one_by_one(objective, direction, here, LENGTHS))
    with preserved_state(objective.network):
        found = torch.stack(at_once(objective, direction, here, LENGTHS))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert all(torch.equal(value, state[name]) for name, value in objective.network.state_dict().items())
