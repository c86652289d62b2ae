"""The theorem probe on networks, against slow twins."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bnviz import Measurement, RunConfig, networks
from bnviz.core import registry
from bnviz.landscape.objective import CRITERIA, Objective
from bnviz.probes import Snapshot
from bnviz.probes._matched import double_twin, forward_pass, hidden_blocks
from bnviz.probes.theorem import CURVATURE_UNITS, QUANTITIES, measure
from tests.probes.theorem_case import Case, drawn

CPU = torch.device("cpu")


# The probe, on networks


def snapshot_of(config: RunConfig, network: nn.Module, inputs: Tensor) -> Snapshot:
    kind = next(network.parameters()).dtype
    labels = torch.arange(len(inputs)) % 10
    objective = Objective.of(network, inputs.to(kind), labels, CRITERIA["classes"])
    return Snapshot(0, config, network, [], None, objective, objective, lambda: [])


def made(samples: int = 20, **settings: Any) -> tuple[RunConfig, nn.Module, Snapshot]:
    """A network with all parameters shaken, so that gamma, beta and biases are not what they were at the start."""
    lenet = settings.get("network") == "lenet"
    config = RunConfig(**{"widths": (8, 5), "dataset": "mnist" if lenet else "digits"} | settings)
    shape = (1, 28, 28) if lenet else (1, 8, 8)
    network = networks.build(config, shape, 10, CPU)
    with torch.no_grad():
        for number, parameter in enumerate(network.parameters()):
            parameter += 0.1 * drawn(*parameter.shape, seed=number)
    return config, network, snapshot_of(config, network, drawn(samples, *shape, seed=7))


def values(result: dict[str, Measurement]) -> dict[str, np.ndarray]:
    return {name: item.values for name, item in result.items()}


NETWORKS = [("mlp", "sigmoid"), ("mlp", "relu"), ("deep_linear", "identity"), ("lenet", "tanh")]


@pytest.mark.parametrize("norm", registry.names("norms"))
@pytest.mark.parametrize(("network", "activation"), NETWORKS, ids=[f"{n}-{a}" for n, a in NETWORKS])
def test_residuals_are_rounding_on_every_network(norm: str, network: str, activation: str) -> None:
    """Self-tests 1, 2 and 11, of live float32 networks."""
    _, module, snapshot = made(
        network=network, activation=activation, norm=norm, samples=6 if network == "lenet" else 20
    )
    seen = values(measure(snapshot))
    assert np.nanmax(seen["theorem_41_residual"]) < 1e-10
    assert np.nanmax(seen["theorem_42_residual"]) < 1e-10
    assert np.nanmax(seen["theorem_ratio"]) <= 1
    assert np.nanmin(seen["theorem_ratio"]) < 0.9999
    assert np.nanmax(seen["theorem_plain_gradient"]) > 0
    has_bn = any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in module.modules())
    change = seen["theorem_matched_loss_change"]
    assert np.isnan(change) if has_bn else change <= 1e-12
    direct = has_bn or norm == "none"  # nothing but the weights comes before the batch norm
    assert np.isfinite(seen["theorem_44_actual"]).any() == direct
    if direct:
        actual, left, right = (seen[f"theorem_44_{name}"] for name in ("actual", "left", "right"))
        there = np.isfinite(actual)
        assert (actual[there] <= left[there] * (1 + 1e-6)).all()
        np.testing.assert_allclose(left[there], right[there], rtol=1e-6)


@pytest.mark.parametrize(("network", "samples"), [("mlp", 20), ("lenet", 6)])
def test_theorem_44_gradient_is_that_of_the_weights(network: str, samples: int) -> None:
    config, module, snapshot = made(network=network, norm="batch", activation="tanh", samples=samples)
    seen = values(measure(snapshot))["theorem_44_actual"]
    module.double()
    objective = snapshot_of(config, module, snapshot.training.inputs).training
    named = dict(zip([name for name, _ in module.named_parameters()], objective.gradient()[1], strict=True))
    for layer, row in enumerate(seen, start=1):
        expected = named[f"hidden{layer}.weights.weight"].flatten(1).square().sum(1)
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=1e-5)
        assert np.isnan(row[len(expected) :]).all()


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_both_sides_match_a_dense_network(norm: str) -> None:
    """First layer of a small network, written out: norms of gradients and curvatures by dense Hessians."""
    _, network, snapshot = made(widths=(4, 3), activation="tanh", norm=norm, norm_eps=0.01)
    seen = values(measure(snapshot))
    own = {name: parameter.detach().double() for name, parameter in network.named_parameters()}
    inputs = snapshot.training.inputs.double().flatten(1)

    def normalised(y: Tensor, layer: str) -> Tensor:
        if norm == "none":
            return y
        gamma, beta = own[f"{layer}.norm.weight"], own[f"{layer}.norm.bias"]
        mean, variance = y.mean(0), y.var(0, correction=0)
        return (y - mean) / (variance + 0.01).sqrt() * gamma + beta

    def behind(z: Tensor) -> Tensor:
        bias = own.get("hidden2.weights.bias", torch.zeros(()))
        hidden = torch.tanh(normalised(torch.tanh(z) @ own["hidden2.weights.weight"].T + bias, "hidden2"))
        outputs = hidden @ own["output.weight"].T + own["output.bias"]
        return F.cross_entropy(outputs, snapshot.training.targets)

    y = inputs @ own["hidden1.weights.weight"].T + own.get("hidden1.weights.bias", torch.zeros(()))
    s, mean = (y.var(0, correction=0) + 0.01).sqrt(), y.mean(0)

    def in_front(y: Tensor) -> Tensor:
        if norm == "none":
            return behind((y - y.mean(0)) / (y.var(0, correction=0) + 0.01).sqrt() * s + mean)
        return behind(normalised(y, "hidden1"))

    g, v = Case.gradient(behind, normalised(y, "hidden1")), Case.gradient(in_front, y)
    np.testing.assert_allclose(seen["theorem_plain_gradient"][0], g.norm(dim=0), rtol=1e-6)
    np.testing.assert_allclose(seen["theorem_bn_gradient"][0], v.norm(dim=0), rtol=1e-6)
    align = (g * (y - mean) / s).mean(0)
    np.testing.assert_allclose(seen["theorem_alignment"][0], align, rtol=1e-5, atol=1e-9)
    case = Case(0.01)
    curvatures = [v[:, unit] @ case.hessian(in_front, y, unit) @ v[:, unit] for unit in range(4)]
    np.testing.assert_allclose(seen["theorem_42_left"][0], curvatures, rtol=1e-5)
    np.testing.assert_allclose(seen["theorem_42_right"][0], curvatures, rtol=1e-5)


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_matched_batch_norm_lasts_one_pass(norm: str) -> None:
    _, _, snapshot = made(norm=norm)
    objective = double_twin(snapshot.training)
    seen = forward_pass(objective, hidden_blocks(objective.network)[0], 1e-5)
    assert seen.matched == (norm == "none")
    assert not hooks(objective.network)


def test_curvature_is_measured_in_spread_units() -> None:
    _, _, snapshot = made(widths=(51, 3))
    looked_at = np.isfinite(values(measure(snapshot))["theorem_42_left"])
    assert np.flatnonzero(looked_at[0]).tolist() == [0, 10, 20, 30, 40, 50]
    assert looked_at[0].sum() == CURVATURE_UNITS
    assert np.flatnonzero(looked_at[1]).tolist() == [0, 1, 2]


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_lemma_45_starts_from_initial_weights(precision: torch.dtype) -> None:
    config = RunConfig(widths=(4, 3))
    network = networks.build(config, (1, 8, 8), 10, CPU).to(precision)
    first = network.get_submodule("hidden1.weights")
    snapshot = snapshot_of(config, network, drawn(10, 1, 8, 8))
    seen = values(measure(snapshot))
    assert np.nanmax(seen["lemma_45_left"]) < 1e-25  # at the start
    with torch.no_grad():
        first.weight[1] *= 2  # still on the same ray
        first.weight[2] *= -1
        first.weight[3, 0] += 1
        before = first.weight[3].double() - torch.eye(64, dtype=torch.float64)[0]
    seen = values(measure(snapshot))
    assert np.nanmax(seen["lemma_45_left"][0, :2]) < 1e-25
    assert np.isnan(seen["lemma_45_left"][0, 2])
    now = first.weight[3].detach().double()
    to_the_ray = before.square().sum() - (before @ now) ** 2 / now.square().sum()
    np.testing.assert_allclose(seen["lemma_45_left"][0, 3], to_the_ray, rtol=1e-4)
    np.testing.assert_allclose(seen["lemma_45_right"][0, 3], to_the_ray, rtol=1e-4)


@pytest.mark.parametrize("norm", registry.names("norms"))
def test_theorem_leaves_the_run_unchanged(norm: str) -> None:
    _, network, snapshot = made(norm=norm, activation="relu")
    first = values(measure(snapshot))
    snapshot.training.loss().backward()
    for generator in (module.generator for module in network.modules() if hasattr(module, "generator")):
        torch.rand(3, generator=generator)
    generators = [module.generator for module in network.modules() if hasattr(module, "generator")]

    def everything() -> list[Tensor]:
        gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
        random = [generator.get_state() for generator in generators] + [torch.get_rng_state()]
        return [value.clone() for value in network.state_dict().values()] + gradients + random

    before = everything()
    second = values(measure(snapshot))
    after = everything()
    assert len(before) == len(after)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert network.training
    assert not hooks(network)
    for name, array in first.items():  # noise replayed, not drawn on: the same again
        np.testing.assert_array_equal(array, second[name], err_msg=name)


def test_dead_unit_is_zero_or_undefined() -> None:
    _, network, snapshot = made(norm="none", activation="relu")
    with torch.no_grad():
        network.get_submodule("hidden1.weights").bias[0] = -1e4
    seen = values(measure(snapshot))
    for name in ("theorem_plain_gradient", "theorem_bn_gradient", "theorem_41_right", "theorem_42_left"):
        assert seen[name][0, 0] == 0
    for name in ("theorem_41_residual", "theorem_42_residual", "theorem_ratio"):
        assert np.isnan(seen[name][0, 0])
    assert np.isfinite(seen["theorem_ratio"][0, 1:]).any()


@pytest.mark.parametrize("eps", [1e-300, 1e-5])  # so little is as good as none
def test_constant_unit_is_undefined(eps: float) -> None:
    _, network, snapshot = made(norm="none", norm_eps=eps)
    with torch.no_grad():
        network.get_submodule("hidden1.weights").weight[0] = 0
    seen = values(measure(snapshot))
    assert np.isfinite(seen["theorem_ratio"][0]).tolist() == [eps == 1e-5] + [True] * 7
    assert np.isfinite(seen["theorem_bn_gradient"][1, :5]).all()
    assert seen["theorem_matched_loss_change"] <= 1e-12


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_infinite_loss_gives_nan(norm: str, bad: float) -> None:
    _, network, snapshot = made(norm=norm, activation="relu")
    with torch.no_grad():
        network.get_submodule("output").weight[0, 0] = bad
    result = measure(snapshot)
    assert set(result) == set(QUANTITIES) | {"theorem_matched_loss_change"}
    assert all(np.isnan(item.values).all() for item in result.values())
    assert all(item.values.shape == (2, 8) for name, item in result.items() if name in QUANTITIES)


# Scale invariance of a weight in front of batch norm


@pytest.mark.parametrize("network", ["mlp", "lenet"])
def test_gradient_is_scale_invariant_with_batch_norm(network: str) -> None:
    """Self-test 3: <w, grad> = 0 for each unit and grad(a w) = grad(w) / a; not so for the output layer."""
    config, module, snapshot = made(network=network, norm="batch", norm_eps=1e-30, activation="tanh", samples=12)
    objective = snapshot_of(config, module.double(), snapshot.training.inputs).training
    names = [name for name, _ in module.named_parameters()]

    def gradient(name: str) -> Tensor:
        return objective.gradient()[1][names.index(name)].flatten(1)

    for name in (name for name in names if name.endswith("weights.weight")):
        weights, before = module.get_parameter(name), gradient(name)
        cosine = F.cosine_similarity(weights.detach().flatten(1), before)
        assert cosine.abs().max() < 1e-10, name
        with torch.no_grad():
            weights *= 3
        torch.testing.assert_close(gradient(name), before / 3, rtol=1e-8, atol=1e-12)
        with torch.no_grad():
            weights /= 3
    output = module.get_parameter("output.weight")
    assert F.cosine_similarity(output.detach(), gradient("output.weight")).abs().max() > 1e-3
