"""The plane on a real run: around its last weights, against deep copies that go there; the path and its axes."""

import copy
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from bnviz import Frame, Record, RunConfig, datasets, networks
from bnviz.core import registry
from bnviz.core.record import Measurement
from bnviz.landscape.line import random_direction
from bnviz.landscape.objective import CRITERIA, Objective, flat
from bnviz.landscape.plane import plane
from bnviz.probes import Snapshot, landscape_plane, needs
from bnviz.probes.landscape_plane import MARGIN, measure, principal_axes
from bnviz.torch_support.rng import rng_states_of, stream
from bnviz.training import train

CPU = torch.device("cpu")
STEPS = 6
SMALL: dict[str, Any] = {
    "widths": (6, 5),
    "init_std": 0.3,
    "learning_rate": 0.5,
    "batch_size": 30,
    "device": "cpu",
    "probes": ("landscape_plane",),
    "probe_points": 50,
    "probe_samples": 40,
    "plane_points": 5,
}
NORMS = pytest.mark.parametrize("norm", registry.names("norms"))
KINDS = pytest.mark.parametrize("plane_kind", ["random", "pca"])
MODES = pytest.mark.parametrize("plane_mode", ["training", "inference"])
NAMES = {"plane_loss", "plane_across_at", "plane_up_at", "plane_path", "plane_explained"}
Values = dict[str, np.ndarray]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=stream(seed, "data"), dtype=torch.float64)


def snapshot_of(precision: str = "float64", points: int = 7, **settings: Any) -> Snapshot:
    """At the last step of a made-up path of so many points, that ends at weights shaken off their special values."""
    config = RunConfig(**SMALL | {"activation": "tanh"} | settings, steps=STEPS, precision=precision)
    network = networks.build(config, (1, 4, 4), 10, CPU).to(getattr(torch, precision))
    with torch.no_grad():
        for number, parameter in enumerate(network.parameters()):
            parameter += 0.1 * drawn(*parameter.shape, seed=number).to(parameter)
        for name, buffer in network.named_buffers():
            if "running" in name:
                buffer += drawn(*buffer.shape, seed=99).abs().to(buffer)
    inputs = drawn(25, 1, 4, 4).to(next(network.parameters()))
    objective = Objective.of(network, inputs, torch.arange(25) % 10, CRITERIA["classes"])
    last = flat([parameter.detach() for parameter in network.parameters()])
    back = drawn(points, len(last), seed=5).to(last).cumsum(0).flip(0) * 0.05
    path = [*(last + step for step in back[1:]), last.clone()]
    return Snapshot(STEPS, config, network, [], None, objective, objective, lambda: [], path)


def values(result: dict[str, Measurement]) -> Values:
    return {name: item.values for name, item in result.items()}


def seen_from(objective: Objective, row: Tensor, mode: str) -> float:
    """The loss of a deep copy that is put at the weights in `row`, in the noise that the objective has."""
    twin = copy.deepcopy(objective.network).train(mode == "training")
    for (generator, _), (_, state) in zip(rng_states_of(twin), objective.noise, strict=True):
        generator.set_state(state)
    nn.utils.vector_to_parameters(row, twin.parameters())
    return float(objective.criterion(twin(objective.inputs), objective.targets).detach())


def axes_of(snapshot: Snapshot) -> tuple[Tensor, Tensor]:
    """The two directions as rows: random ones from their streams, principal ones from NumPy, signs as documented."""
    if snapshot.config.option("plane_kind") == "random":
        first, second = (flat(random_direction(snapshot.fixed, 0, "plane", axis)) for axis in (0, 1))
        return first, second
    moves = (torch.stack(list(snapshot.path)) - snapshot.path[-1]).numpy()
    rows = np.linalg.svd(moves, full_matrices=False)[2][:2]
    first, second = torch.tensor(rows * np.sign(rows @ moves[0])[:, None])
    return first, second


@MODES
@KINDS
@NORMS
def test_plane_matches_deep_copies_of_the_network(
    norm: str, plane_kind: str, plane_mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float64, before the record makes it float32."""
    snapshot = snapshot_of(norm=norm, plane_kind=plane_kind, plane_mode=plane_mode, plane_points=3)
    axes = axes_of(snapshot)
    last = flat([parameter.detach().clone() for parameter in snapshot.network.parameters()])
    reach = [1.0, 1.0]
    if plane_kind == "pca":
        moves = torch.stack(list(snapshot.path)) - last
        reach = [MARGIN * float((moves @ axis).abs().max()) for axis in axes]
    exact: list[np.ndarray] = []

    def noted(*arguments: Any) -> np.ndarray:
        exact.append(plane(*arguments))
        return exact[-1]

    monkeypatch.setattr(landscape_plane, "plane", noted)
    seen = values(measure(snapshot))
    across, up = (np.linspace(-length, length, 3) for length in reach)
    expected = [[seen_from(snapshot.fixed, last + x * axes[0] + y * axes[1], plane_mode) for x in across] for y in up]
    np.testing.assert_allclose(exact[0], expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(seen["plane_loss"], expected, rtol=1e-6)
    np.testing.assert_allclose(seen["plane_across_at"], across, rtol=1e-6)
    np.testing.assert_allclose(seen["plane_up_at"], up, rtol=1e-6)
    assert np.ptp(expected) > 1e-3


@cache
def run(**settings: Any) -> tuple[RunConfig, list[Frame], nn.Module, list[Tensor]]:
    """Frames and network of a run on digits, and its weights at every step, in one row each, float64."""
    config = RunConfig(**SMALL | {"steps": STEPS} | settings)
    network = networks.build(config, (1, 8, 8), 10, CPU)
    frames, path = [], []
    for frame in train(config, network):
        frames.append(frame)
        path.append(flat([parameter.detach().clone().double() for parameter in network.parameters()]))
    return config, frames, network, path


def fixed_of(config: RunConfig, network: nn.Module) -> Objective:
    data = datasets.load(config.dataset, config.seed).train
    kind = next(network.parameters()).dtype
    inputs, labels = torch.tensor(data.inputs[: config.probe_samples]), torch.tensor(data.labels)
    return Objective.of(network, inputs.to(kind), labels[: config.probe_samples], CRITERIA["classes"])


@KINDS
@pytest.mark.parametrize("norm", ["none", "batch", "noisy_batch"])
def test_plane_is_measured_at_the_last_step_only(norm: str, plane_kind: str) -> None:
    _, frames, _, _ = run(norm=norm, plane_kind=plane_kind)
    assert [frame.step for frame in frames if NAMES & set(frame.values)] == [STEPS]
    assert set(frames[-1].values) >= NAMES
    assert len(frames) == STEPS + 1


@MODES
@KINDS
@pytest.mark.parametrize("norm", ["none", "batch", "noisy_batch"])
def test_plane_centre_is_loss_of_trained_network(norm: str, plane_kind: str, plane_mode: str) -> None:
    config, frames, network, _ = run(norm=norm, plane_kind=plane_kind, plane_mode=plane_mode)
    objective = fixed_of(config, network)
    network.train(plane_mode == "training")
    with objective.preserved_weights(), torch.no_grad():
        expected = float(objective.loss())
    network.train()
    seen = values(frames[-1].values)
    assert seen["plane_loss"][2, 2] == np.float32(expected)
    assert seen["plane_across_at"][2] == seen["plane_up_at"][2] == 0


@KINDS
def test_plane_modes_differ_only_with_batch_norm(plane_kind: str) -> None:
    """At the centre: the mean and variance of the batch, or those that were kept."""
    centre = {}
    for norm in ("none", "batch"):
        for mode in ("training", "inference"):
            _, frames, _, _ = run(norm=norm, plane_kind=plane_kind, plane_mode=mode)
            centre[norm, mode] = frames[-1].values["plane_loss"].values[2, 2]
    assert centre["none", "training"] == centre["none", "inference"]
    assert abs(centre["batch", "training"] - centre["batch", "inference"]) > 1e-3


def test_record_of_a_run_has_the_plane() -> None:
    config, frames, _, _ = run(norm="batch", plane_kind="pca")
    data = Record.from_frames(config, iter(frames)).data
    assert data["plane_loss"].dims == ("probe_step", "plane_up", "plane_across")
    last = data.isel(probe_step=-1)
    assert last["plane_loss"].shape == (5, 5)
    assert last["plane_path"].shape == (STEPS + 1, 2)
    assert np.isnan(data["plane_loss"][:-1]).all()
    assert np.isfinite(last["plane_loss"]).all()


# The path


@KINDS
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_path_ends_at_the_centre(norm: str, plane_kind: str) -> None:
    config, frames, network, visited = run(norm=norm, plane_kind=plane_kind, precision="float64")
    seen = values(frames[-1].values)
    path = seen["plane_path"]
    np.testing.assert_allclose(path[-1], 0, atol=1e-12)
    moves = (torch.stack(visited) - visited[-1]).numpy()
    if plane_kind == "random":
        axes = np.stack([flat(random_direction(fixed_of(config, network), 0, "plane", axis)) for axis in (0, 1)])
        # normal equations: what is left over is at right angles to both axes
        expected = np.linalg.solve(axes @ axes.T, axes @ moves.T).T
        assert np.isnan(seen["plane_explained"]).all()
    else:
        _, lengths, rows = np.linalg.svd(moves, full_matrices=False)
        expected = moves @ (rows[:2] * np.sign(rows[:2] @ moves[0])[:, None]).T
        np.testing.assert_allclose(seen["plane_explained"], lengths[:2] ** 2 / (lengths**2).sum(), rtol=1e-5)
        assert (path[0] >= 0).all()
        shown = [abs(seen[name]).max() for name in ("plane_across_at", "plane_up_at")]
        np.testing.assert_allclose(shown, MARGIN * abs(path).max(axis=0), rtol=1e-5)
    np.testing.assert_allclose(path, expected, rtol=1e-5, atol=1e-6)
    assert np.linalg.norm(path[0]) > 1e-3


def test_path_coordinates_are_the_nearest_points() -> None:
    """A path that stays on the plane has the coordinates it was made with, though the axes are not orthogonal."""
    snapshot = snapshot_of(plane_kind="random")
    axes = torch.stack(axes_of(snapshot))
    assert abs(float(axes[0] @ axes[1])) > 1e-3
    made = torch.tensor([[0.5, -2.0], [1.5, 0.25], [0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    path = list(snapshot.path[-1] + made @ axes)
    seen = values(measure(Snapshot(**vars(snapshot) | {"path": path})))
    np.testing.assert_allclose(seen["plane_path"], made, rtol=1e-5, atol=1e-7)


@given(st.integers(3, 12), st.integers(3, 30), st.integers(0, 2**31))
def test_principal_axes_match_numpy(points: int, parameters: int, seed: int) -> None:
    moves = drawn(points, parameters, seed=seed)
    axes, shares = principal_axes(moves)
    _, lengths, rows = np.linalg.svd(moves.numpy(), full_matrices=False)
    # each axis up to its sign; a gap between lengths decides how well it is determined
    gap = np.min(-np.diff(np.append(lengths, 0))[:2]) / lengths[0]
    for axis, row in zip(axes.numpy(), rows, strict=False):
        assert abs(axis @ row) == pytest.approx(1, abs=1e-13 / gap**2)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(shares, lengths[:2] ** 2 / (lengths**2).sum(), rtol=1e-9)
    assert (axes @ moves[0] >= 0).all()


@given(st.integers(2, 12), st.integers(2, 30), st.integers(0, 2**31))
def test_two_axes_explain_a_planar_path(points: int, parameters: int, seed: int) -> None:
    moves = drawn(points, 2, seed=seed) @ drawn(2, parameters, seed=seed + 1)
    axes, shares = principal_axes(moves)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(moves @ axes.T @ axes, moves)


@KINDS
@pytest.mark.parametrize("points", [1, 2])
def test_shortest_paths_have_finite_planes(points: int, plane_kind: str) -> None:
    """A run of one step has been at two points; at one where only the end is probed, which no schedule does."""
    snapshot = snapshot_of(points=points, plane_kind=plane_kind)
    seen = values(measure(snapshot))
    assert len(snapshot.path) == len(seen["plane_path"]) == points
    np.testing.assert_array_equal(seen["plane_path"][-1], 0)
    assert np.isfinite(seen["plane_loss"]).all()
    centre = float(snapshot.fixed.loss().detach())
    assert seen["plane_loss"][2, 2] == pytest.approx(centre, rel=1e-6)
    if plane_kind == "pca":
        np.testing.assert_allclose(seen["plane_explained"], [points - 1, 0], atol=1e-12)
        start = float((snapshot.path[0] - snapshot.path[-1]).norm())
        np.testing.assert_allclose(seen["plane_path"][0], [start, 0], atol=1e-6)


# Arms


def test_arms_share_axes_of_a_random_plane() -> None:
    """After training, weights differ between arms: so do the lengths of the filters, and nothing else."""
    _, _, plain, _ = run(norm="none", plane_kind="random")
    _, _, normalised, _ = run(norm="batch", plane_kind="random")
    shared = {"hidden1.weights.weight", "hidden2.weights.weight", "output.weight"}
    for axis in (0, 1):
        directions = []
        for network in (plain, normalised):
            objective = fixed_of(RunConfig(**SMALL), network)
            names = [name for name, _ in network.named_parameters()]
            directions.append(dict(zip(names, random_direction(objective, 0, "plane", axis), strict=True)))
        for name in directions[0].keys() & directions[1].keys():
            one, other = directions[0][name], directions[1][name]
            if name not in shared:
                assert not one.any()
                assert not other.any()
                continue
            assert not torch.equal(one, other)
            torch.testing.assert_close(nn.functional.normalize(one), nn.functional.normalize(other))
            torch.testing.assert_close(one.norm(dim=1), plain.get_parameter(name).detach().norm(dim=1))
            torch.testing.assert_close(other.norm(dim=1), normalised.get_parameter(name).detach().norm(dim=1))
        assert shared <= directions[0].keys() & directions[1].keys()


# Nothing is left behind


@MODES
@KINDS
@NORMS
def test_plane_leaves_the_run_unchanged(norm: str, plane_kind: str, plane_mode: str) -> None:
    snapshot = snapshot_of("float32", norm=norm, plane_kind=plane_kind, plane_mode=plane_mode)
    network = snapshot.network
    snapshot.fixed.loss().backward()
    for generator, _ in rng_states_of(network):
        torch.rand(3, generator=generator)

    def everything() -> list[Tensor]:
        gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
        state = [value.clone() for value in network.state_dict().values()]
        drawings = [torch.get_rng_state(), *(drawn for _, drawn in rng_states_of(network))]
        return [*state, *gradients, *drawings, *(point.clone() for point in snapshot.path)]

    before = everything()
    first = values(measure(snapshot))
    after = everything()
    assert len(before) == len(after)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert all(module.training for module in network.modules())
    second = values(measure(snapshot))
    assert all(np.array_equal(first[name], second[name], equal_nan=True) for name in NAMES)


def test_path_is_kept_only_for_planes() -> None:
    assert needs(RunConfig(probes=("landscape_plane",)), "NEEDS_PATH")
    assert not needs(RunConfig(probes=("activations", "landscape_line")), "NEEDS_PATH")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, 1e30])
@KINDS
def test_run_diverging_at_last_step_has_no_plane(plane_kind: str, bad: float) -> None:
    snapshot = snapshot_of("float32", plane_kind=plane_kind)
    with torch.no_grad():
        snapshot.network.get_submodule("output").weight[0, 0] = bad
    snapshot.path[-1].copy_(flat([parameter.detach() for parameter in snapshot.network.parameters()]))
    seen = values(measure(snapshot))
    assert seen.keys() == NAMES
    assert seen["plane_loss"].shape == (5, 5)
    assert seen["plane_path"].shape == (7, 2)
    if bad != 1e30:  # so large a weight has a loss
        assert np.isnan(seen["plane_loss"]).all()
        assert np.isnan(seen["plane_path"]).all()
        assert np.isnan(seen["plane_explained"]).all()


def test_run_diverging_early_is_recorded() -> None:
    _, frames, _, _ = run(network="deep_linear", init="he", learning_rate=100.0, plane_kind="pca", steps=60)
    assert frames[-1].outcome == "diverged"
    assert frames[-1].step < 60
    assert not NAMES & set(frames[-1].values)
