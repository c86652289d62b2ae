"""train(): against a plain PyTorch loop, bit for bit, whatever is measured on the way."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from bnviz import Frame, Record, RunConfig, datasets, networks
from bnviz.core import registry
from bnviz.torch_support.rng import stream
from bnviz.training import train
from bnviz.training.mini_batches import batch_order
from bnviz.training.training_loop import pick_device

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"widths": (6, 5), "steps": 12, "init_std": 0.3, "learning_rate": 0.5, "device": "cpu"}
EACH_STEP: dict[str, Any] = {"curve_points": 50, "probe_points": 50}


def configured(**settings: Any) -> RunConfig:
    return RunConfig(**SMALL | settings)


def built(config: RunConfig) -> nn.Module:
    return networks.build(config, (1, 8, 8), 10, CPU)


def finished(config: RunConfig) -> tuple[Record, dict[str, Tensor], list[Tensor]]:
    """The record, the network's state and its noise streams' states after the run."""
    network = built(config)
    record = Record.from_frames(config, train(config, network))
    noise = [module.generator.get_state() for module in network.modules() if hasattr(module, "generator")]
    return record, network.state_dict(), noise


def assert_same_state(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def slow_twin(config: RunConfig) -> tuple[list[float], list[float], nn.Module]:
    """The same run as students write it: mini-batch losses, test losses after each update, and the network."""
    bias = config.norm == "none"
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in itertools.pairwise((64, *config.widths)):
        layers += [nn.Linear(before, after, bias=bias)] + ([nn.BatchNorm1d(after)] if config.norm == "batch" else [])
        layers += [nn.Sigmoid()]
    network = nn.Sequential(*layers, nn.Linear(config.widths[-1], 10))
    for mine, theirs in zip(network.parameters(), built(config).parameters(), strict=True):
        mine.data.copy_(theirs.data)
    optimizer = torch.optim.SGD(network.parameters(), config.learning_rate, config.momentum, fused=True)
    data = datasets.load("digits", config.seed)
    inputs, labels = torch.tensor(data.train.inputs), torch.tensor(data.train.labels)
    test_inputs, test_labels = torch.tensor(data.test.inputs), torch.tensor(data.test.labels)
    generator = stream(config.seed, "order")
    losses, test_losses = [], []
    while len(losses) < config.steps:
        for index in torch.randperm(1500, generator=generator).split(config.batch_size):
            if len(losses) == config.steps or len(index) < config.batch_size:
                break
            network.eval()
            test_loss = nn.functional.cross_entropy(network(test_inputs), test_labels, reduction="sum")
            test_losses.append(float(test_loss.detach()) / 297)
            network.train()
            loss = nn.functional.cross_entropy(network(inputs[index]), labels[index])
            losses.append(float(loss.detach()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return losses, test_losses, network


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("settings", [{}, {"batch_size": 400, "momentum": 0.9, "seed": 3}], ids=["plain", "momentum"])
def test_train_equals_plain_loop(norm: str, settings: dict[str, Any]) -> None:
    config = configured(norm=norm, **settings, **EACH_STEP)
    losses, test_losses, network = slow_twin(config)
    record, state, _ = finished(config)
    assert record.data["train_loss"].values[:-1].tolist() == np.float32(losses).tolist()
    assert record.data["test_loss"].values[:-1].tolist() == np.float32(test_losses).tolist()
    assert len(set(losses)) > config.steps / 2  # it did learn something
    for mine, theirs in zip(state.values(), network.state_dict().values(), strict=True):  # running statistics too
        assert torch.equal(mine, theirs)


OBSERVATIONS: dict[str, dict[str, Any]] = {
    "no probes": {"probes": ()},
    "each step": EACH_STEP,
    "seldom": {"probe_points": 2, "curve_points": 2},
    "fixed data": {"probe_data": "fixed", "probe_samples": 70, "probe_points": 9},
    "other percentiles": {"percentiles": (1.0,)},
    "few test images": {"test_samples": 10},
    "noise at test": {"noise_at_test": True},
}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("network", ["mlp", "deep_linear"])
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_probes_never_change_the_run(norm: str, network: str, optimizer: str) -> None:
    """Self-test 4: parameters, buffers, random streams and losses."""
    config = configured(norm=norm, network=network, optimizer=optimizer, learning_rate=0.05)
    record, state, noise = finished(config)
    assert record.outcome == "finished"
    for name, changes in OBSERVATIONS.items():
        other, other_state, other_noise = finished(configured(**config.changed() | changes))
        assert_same_state(other_state, state)
        assert all(torch.equal(one, two) for one, two in zip(other_noise, noise, strict=True)), name
        steps = np.intersect1d(record.data["step"], other.data["step"])
        for curve in ("train_loss",) if name in ("few test images", "noise at test") else ("train_loss", "test_loss"):
            np.testing.assert_array_equal(other.data[curve].sel(step=steps), record.data[curve].sel(step=steps), name)


def test_noise_at_test_changes_the_scores() -> None:
    quiet, loud = (finished(configured(norm="noisy_batch", noise_at_test=at_test))[0] for at_test in (False, True))
    assert (quiet.data["test_loss"] != loud.data["test_loss"]).all()


@pytest.mark.parametrize("norm", registry.names("norms"))
def test_record_depends_on_configuration_and_seed_only(norm: str) -> None:
    first = finished(configured(norm=norm))[0].to_bytes()
    torch.manual_seed(12345)  # global randomness plays no part
    assert finished(configured(norm=norm))[0].to_bytes() == first
    other = finished(configured(norm=norm, seed=1))[0]
    assert (other.data["train_loss"] != Record.from_bytes(first).data["train_loss"]).all()


def test_longer_run_begins_like_shorter_run() -> None:
    short, long = (finished(configured(norm="noisy_batch", steps=steps, **EACH_STEP))[0].data for steps in (6, 12))
    for name in ("train_loss", "test_loss"):
        np.testing.assert_array_equal(long[name][:7], short[name])
    xr.testing.assert_identical(long["percentile"][:7], short["percentile"])


def test_diverged_run_ends_with_that_outcome() -> None:
    config = configured(network="deep_linear", learning_rate=100.0, init="he", steps=400)
    frames = list(train(config))
    assert [frame.outcome for frame in frames[:-1]] == ["running"] * (len(frames) - 1)
    assert frames[-1].outcome == "diverged"
    assert frames[-1].step < 400
    assert not np.isfinite(frames[-1].values["train_loss"].values)
    record = Record.from_frames(config, frames)
    assert Record.from_bytes(record.to_bytes()).outcome == "diverged"
    assert math.isnan(record.final("final_test_accuracy"))


@pytest.mark.parametrize("points", [2, 3, 50])
@pytest.mark.parametrize("steps", [1, 2, 12])
def test_train_yields_first_and_last_frame(steps: int, points: int) -> None:
    frames = list(train(configured(steps=steps, curve_points=points, probe_points=points)))
    assert (frames[0].step, frames[-1].step) == (0, steps)
    assert [frame.outcome for frame in frames] == ["running"] * (len(frames) - 1) + ["finished"]
    assert {"train_loss", "test_accuracy", "percentile"} <= frames[0].values.keys() & frames[-1].values.keys()
    assert "final_test_accuracy" in frames[-1].values


def test_learning_rate_zero_changes_nothing() -> None:
    config = configured(norm="batch", learning_rate=0.0, probe_data="fixed", **EACH_STEP)
    record, state, _ = finished(config)
    for name, value in built(config).named_parameters():
        assert torch.equal(state[name], value), name
    for name in ("mean_change", "variance_change"):
        assert (record.data[name].sel(layer=1)[1:] == 0).all()
        assert (record.data[name].sel(layer=2, unit=slice(1, 5))[1:] == 0).all()  # the narrower layer
    np.testing.assert_array_equal(record.data["percentile"], record.data["percentile"][[0] * 13])


def test_batches_are_permutations_without_the_remainder() -> None:
    config = configured(batch_size=400, steps=7)
    batches = list(batch_order(1500, config, CPU))
    assert [len(batch) for batch in batches] == [400] * 8
    for epoch in itertools.batched(batches, 3) if hasattr(itertools, "batched") else (batches[:3], batches[3:6]):
        assert len(torch.cat(tuple(epoch)).unique()) == 400 * len(epoch)
    assert not torch.equal(batches[0], batches[3])
    [whole] = set(map(len, batch_order(1500, configured(batch_size=1500), CPU)))
    assert whole == 1500


def test_arms_share_batches_and_initial_weights() -> None:
    none, batch = (configured(norm=norm) for norm in ("none", "batch"))
    assert all(map(torch.equal, batch_order(1500, none, CPU), batch_order(1500, batch, CPU)))
    first, second = (dict(built(config).named_parameters()) for config in (none, batch))
    shared = first.keys() & second.keys()
    assert {"hidden1.weights.weight", "hidden2.weights.weight", "output.weight", "output.bias"} == shared
    assert all(torch.equal(first[name], second[name]) for name in shared)
    # and so the input of the first layer's norm is the same at step 0, which the standard arm's probe shows
    data = torch.tensor(datasets.load("digits", 0).train.inputs)[next(batch_order(1500, batch, CPU))]
    expected = (data.flatten(1) @ second["hidden1.weights.weight"].T).mean(dim=0).detach()
    measured = finished(none)[0].data["mean"][0, 0]
    np.testing.assert_allclose(measured, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("probe_data", ["batch", "fixed"])
def test_probes_measure_network_after_t_updates(probe_data: str) -> None:
    settings = {"norm": "batch", "probe_data": probe_data, "probe_samples": 70}
    record = finished(configured(**settings, **EACH_STEP))[0]
    inputs = torch.tensor(datasets.load("digits", 0).train.inputs)
    batches = list(batch_order(1500, configured(), CPU))
    for step in (1, 5, 12):
        config = configured(**settings, steps=step)
        network: Any = built(config)
        list(train(config, network))
        with torch.no_grad():
            after = network.hidden1(network.flatten(inputs[:70] if probe_data == "fixed" else inputs[batches[step]]))
            expected = network.hidden2.norm(network.hidden2.weights(after)).numpy()  # in training mode
        measured = record.data.sel(probe_step=step, layer=2, unit=slice(1, 5))
        np.testing.assert_allclose(measured["mean"], expected.mean(axis=0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(measured["low"], expected.min(axis=0), rtol=1e-4, atol=1e-5)
        quantiles = np.percentile(expected, [15, 50, 85], axis=0)
        np.testing.assert_allclose(measured["percentile"], quantiles, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("probe_data", ["batch", "fixed"])
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_change_compares_consecutive_steps(norm: str, probe_data: str) -> None:
    each = finished(configured(norm=norm, probe_data=probe_data, **EACH_STEP))[0].data
    for name in ("mean", "variance"):
        np.testing.assert_array_equal(each[f"{name}_change"][1:], abs(each[name].diff("probe_step")))
    seldom = finished(configured(norm=norm, probe_data=probe_data, probe_points=4))[0].data
    assert 3 <= seldom.sizes["probe_step"] <= 4
    steps = seldom["probe_step"]
    np.testing.assert_array_equal(seldom["mean_change"], each["mean_change"].sel(probe_step=steps))


def test_final_score_is_of_trained_network_on_all_samples() -> None:
    config = configured(norm="batch", steps=60, test_samples=10)
    network = built(config)
    record = Record.from_frames(config, train(config, network))
    test = datasets.load("digits", 0).test
    with torch.no_grad():
        scores = network.eval()(torch.tensor(test.inputs))
    accuracy = (scores.argmax(dim=1).numpy() == test.labels).mean()
    assert accuracy > 0.3
    assert record.final("final_test_accuracy") == pytest.approx(accuracy, rel=1e-6)
    expected = float(nn.functional.cross_entropy(scores, torch.tensor(test.labels)))
    assert record.final("final_test_loss") == pytest.approx(expected, rel=1e-5)
    assert record.final("test_accuracy") != record.final("final_test_accuracy")


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_pre_hooks) + len(module._forward_hooks) for module in network.modules())


def test_abandoned_run_removes_its_hooks() -> None:
    config = configured(norm="batch", **EACH_STEP)
    network = built(config)
    run: Iterator[Frame] = train(config, network)
    for _ in range(3):
        next(run)
        assert hooks(network) == 0
        assert torch.is_grad_enabled()
        assert network.training
    run.close()  # type: ignore[attr-defined]
    assert hooks(network) == 0
    assert network.state_dict()["hidden1.norm.num_batches_tracked"] == 3


def test_should_stop_is_called_before_each_step() -> None:
    answers = iter([False] * 5 + [True])
    config = configured(curve_points=2, probe_points=2)
    frames = list(train(config, should_stop=lambda: next(answers)))
    assert [(frame.step, frame.outcome) for frame in frames] == [(0, "running"), (5, "stopped")]
    record = Record.from_frames(config, frames)
    assert record.outcome == "stopped"
    assert record.last_step == 0


def test_pick_device_knows_auto_cpu_and_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    for available, names in (
        (False, {"auto": "cpu", "cpu": "cpu"}),
        (True, {"auto": "cuda", "cpu": "cpu", "cuda": "cuda"}),
    ):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert {name: pick_device(name).type for name in names} == names
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="this machine has no CUDA device; use 'auto' or 'cpu'"):
        pick_device("cuda")
