"""Sharpness against the Hessian written out, on quadratics in closed form, and when it is measured."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnviz import Record, RunConfig, datasets, networks
from bnviz.core import registry
from bnviz.core.measurement_schedule import spread_steps
from bnviz.landscape.objective import CRITERIA, Objective, squared_error
from bnviz.probes import Snapshot, sharpness
from bnviz.probes.sharpness import EXTRA_VECTORS, chosen_steps, largest_eigenvalues, measure
from bnviz.torch_support.rng import rng_states_of, stream
from bnviz.training import train

CPU = torch.device("cpu")
NORMS = pytest.mark.parametrize("norm", registry.names("norms"))
PRECISIONS = pytest.mark.parametrize("precision", ["float32", "float64"])


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=stream(seed, "data"), dtype=torch.float64)


def made(samples: int = 40, precision: str = "float64", **settings: Any) -> tuple[RunConfig, Objective]:
    """A small network on random data of ten classes."""
    config = RunConfig(**{"widths": (7, 5), "activation": "tanh", "init_std": 0.4} | settings, precision=precision)
    network = networks.build(config, (1, 4, 4), 10, CPU).to(getattr(torch, precision))
    inputs = drawn(samples, 1, 4, 4).to(next(network.parameters()))
    return config, Objective.of(network, inputs, torch.arange(samples) % 10, CRITERIA["classes"])


def written_out(objective: Objective) -> np.ndarray:
    """All eigenvalues in float64, largest first, of torch's own Hessian of all parameters in one row."""
    names = [name for name, _ in objective.network.named_parameters()]
    shapes = [parameter.shape for parameter in objective.parameters]
    network = objective.network.double()
    inputs = objective.inputs.double()
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}

    def loss(row: Tensor) -> Tensor:
        parts = row.split([shape.numel() for shape in shapes])
        own = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return objective.criterion(torch.func.functional_call(network, own | buffers, inputs), objective.targets)

    row = torch.cat([parameter.detach().flatten() for parameter in objective.parameters])
    hessian = torch.autograd.functional.hessian(loss, row)
    torch.testing.assert_close(hessian, hessian.T, rtol=1e-8, atol=1e-10)
    return torch.linalg.eigvalsh(hessian).flip(0).numpy()


@PRECISIONS
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_five_largest_match_the_dense_hessian(norm: str, activation: str, precision: str) -> None:
    """Self-test 10."""
    _, objective = made(norm=norm, activation=activation, precision=precision)
    five = largest_eigenvalues(objective, 5, 0)
    one = largest_eigenvalues(objective, 1, 0)
    expected = written_out(objective)[:5]
    np.testing.assert_allclose(five, expected, rtol=1e-3)
    np.testing.assert_allclose(one, expected[:1], rtol=1e-3)
    assert (np.diff(expected) < -1e-4 * expected[0]).all()  # five different ones


def test_eigenvalues_are_algebraically_largest() -> None:
    """With batch norm, small weights and one hidden layer, the steepest curvature at the start is downwards."""
    _, objective = made(norm="batch", widths=(6,), init_std=0.05)
    found = largest_eigenvalues(objective, 3, 0)
    expected = written_out(objective)
    assert -expected[-1] > 1.2 * expected[0] > 0
    np.testing.assert_allclose(found, expected[:3], rtol=1e-3)


@pytest.mark.parametrize("shift", [0.0, -200.0])
def test_eigenvalues_of_quadratic_are_the_chosen_ones(shift: float) -> None:
    """Of w H w / 2; with the shift all of them are negative."""
    chosen = np.concatenate([[3.0, 2.0, 1.5], np.linspace(-50, 1, 57)]) + shift
    turn = torch.linalg.qr(drawn(60, 60)).Q
    hessian = turn @ torch.tensor(chosen).diag() @ turn.T
    network = nn.Linear(1, 60, bias=False).double()
    inputs = torch.ones(1, 1, dtype=torch.float64)

    def quadratic(outputs: Tensor, _: Tensor) -> Tensor:
        return (outputs @ hessian @ outputs.T).squeeze() / 2

    objective = Objective.of(network, inputs, inputs, quadratic)
    np.testing.assert_allclose(largest_eigenvalues(objective, 3, 0), chosen[:3], rtol=1e-3)


def test_eigenvalues_of_linear_map_are_those_of_inputs() -> None:
    """Of |w x - y|^2, mean over the samples: the Hessian is 2 X'X / m, wherever one is."""
    inputs, targets = drawn(90, 30), drawn(90, 1, seed=1)
    network = nn.Linear(30, 1, bias=False).double()
    expected = 2 * np.linalg.svd(inputs.numpy(), compute_uv=False) ** 2 / 90
    for _ in range(2):
        found = largest_eigenvalues(Objective.of(network, inputs, targets, squared_error), 5, 0)
        np.testing.assert_allclose(found, expected[:5], rtol=1e-3)
        with torch.no_grad():
            network.weight += 1


@pytest.mark.parametrize("parameters", [1, 3, 2 * 5 + EXTRA_VECTORS, 2 * 5 + EXTRA_VECTORS + 1])
def test_missing_ranks_of_small_networks_are_nan(parameters: int) -> None:
    """On both sides of where Lanczos begins."""
    inputs = drawn(50, parameters)
    network = nn.Linear(parameters, 1, bias=False).double()
    found = largest_eigenvalues(Objective.of(network, inputs, drawn(50, 1, seed=1), squared_error), 5, 0)
    expected = 2 * np.linalg.svd(inputs.numpy(), compute_uv=False) ** 2 / 50
    assert found.shape == (5,)
    np.testing.assert_allclose(found[:parameters], expected[:5], rtol=1e-3)
    assert np.isnan(found[parameters:]).all()


def test_lanczos_starts_from_the_seed_alone() -> None:
    _, objective = made(precision="float32")
    first = largest_eigenvalues(objective, 3, 0)
    torch.manual_seed(1)
    np.random.seed(1)
    np.testing.assert_array_equal(largest_eigenvalues(objective, 3, 0), first)
    assert (largest_eigenvalues(objective, 3, 1) != first).any()


def test_noise_is_the_same_in_every_product() -> None:
    _, objective = made(norm="noisy_batch")
    first = largest_eigenvalues(objective, 2, 0)
    for generator, _ in rng_states_of(objective.network):
        torch.rand(3, generator=generator)
    np.testing.assert_array_equal(largest_eigenvalues(objective, 2, 0), first)


# The probe


def snapshot_of(config: RunConfig, objective: Objective, step: int = 0) -> Snapshot:
    return Snapshot(step, config, objective.network, [], None, objective, objective, lambda: [])


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_infinite_loss_makes_no_products(bad: float, monkeypatch: pytest.MonkeyPatch) -> None:
    config, objective = made(norm="batch", sharpness_count=3, precision="float32")
    with torch.no_grad():
        objective.network.get_submodule("output").weight[0, 0] = bad

    def never(*_: object) -> None:
        raise AssertionError("a loss that is not finite has no Hessian")

    monkeypatch.setattr(sharpness, "_lanczos", never)
    found = measure(snapshot_of(config, objective))["sharpness"]
    assert found.values.shape == (3,)
    assert np.isnan(found.values).all()


def test_infinite_product_gives_nan() -> None:
    """The loss and its gradient are 0 where its curvature is beyond all numbers."""
    network = nn.Linear(30, 1, bias=False).double()
    nn.init.zeros_(network.weight)
    objective = Objective.of(network, drawn(9, 30), torch.zeros(9, 1), lambda out, _: out.square().sum() * 1e308)
    assert np.isnan(largest_eigenvalues(objective, 2, 0)).all()


def test_eigenvalues_without_curvature_are_0() -> None:
    """As in a network whose units are all off."""
    network = nn.Linear(30, 1, bias=False).double()
    objective = Objective.of(network, drawn(9, 30), torch.zeros(9, 1), lambda out, _: out.square().sum() * 0)
    np.testing.assert_array_equal(largest_eigenvalues(objective, 2, 0), [0, 0])


@NORMS
def test_sharpness_leaves_the_run_unchanged(norm: str) -> None:
    config, objective = made(norm=norm, sharpness_count=2)
    network = objective.network
    objective.loss().backward()
    for generator, _ in rng_states_of(network):
        torch.rand(3, generator=generator)

    def everything() -> list[Tensor]:
        gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
        state = [value.clone() for value in network.state_dict().values()]
        return [*state, *gradients, torch.get_rng_state(), *(drawn for _, drawn in rng_states_of(network))]

    before = everything()
    assert np.isfinite(measure(snapshot_of(config, objective))["sharpness"].values).all()
    after = everything()
    assert len(before) == len(after)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert network.training


@pytest.mark.parametrize("count", [1, 4])
def test_sharpness_is_measured_at_chosen_steps_only(count: int) -> None:
    settings: dict[str, Any] = {"widths": (5,), "steps": 12, "probe_points": 8, "probe_samples": 40, "device": "cpu"}
    probes = ("activations", "sharpness")
    config = RunConfig(**settings, probes=probes, sharpness_points=3, sharpness_count=count, learning_rate=0.5)
    network = networks.build(config, (1, 8, 8), 10, CPU)
    data = Record.from_frames(config, train(config, network)).data
    chosen = np.isin(data["probe_step"], chosen_steps(spread_steps(12, 8), 3))
    assert chosen.sum() == 3
    assert chosen[[0, -1]].all()
    assert data["sharpness"].dims == ("probe_step", "rank")
    assert data["sharpness"].shape == (len(chosen), count)
    np.testing.assert_array_equal(np.isfinite(data["sharpness"]).all("rank"), chosen)
    np.testing.assert_array_equal(np.isfinite(data["sharpness_weight_norm"]), chosen)
    assert len(np.unique(data["sharpness"][chosen, 0])) == 3
    now = torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).norm()
    np.testing.assert_allclose(data["sharpness_weight_norm"][-1], now, rtol=1e-6)


@PRECISIONS
def test_sharpness_uses_fixed_batch_in_training_mode(precision: str) -> None:
    """The record's last value is that of the trained network, on the run's first training images."""
    settings: dict[str, Any] = {"widths": (5,), "norm": "batch", "steps": 5, "probe_samples": 40, "device": "cpu"}
    config = RunConfig(**settings, precision=precision, probes=("sharpness",))
    network = networks.build(config, (1, 8, 8), 10, CPU)
    record = Record.from_frames(config, train(config, network))
    data = datasets.load("digits", 0).train
    inputs, labels = torch.tensor(data.inputs[:40]), torch.tensor(data.labels[:40])
    objective = Objective.of(network, inputs.to(getattr(torch, precision)), labels, CRITERIA["classes"])
    np.testing.assert_allclose(record.data["sharpness"][-1, 0], written_out(objective)[0], rtol=1e-3)


def test_chosen_steps_are_evenly_spread_with_both_ends() -> None:
    assert chosen_steps((0, 1, 2, 5, 9), 2) == (0, 9)
    assert chosen_steps((0, 1, 2, 5, 9), 3) == (0, 2, 9)
    assert chosen_steps((0, 1, 2, 5, 9), 50) == (0, 1, 2, 5, 9)
    assert chosen_steps((0, 1), 2) == (0, 1)
