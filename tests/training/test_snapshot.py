"""What train() hands to probes: the objective of the very step, what the step will do, and what was before."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bnviz import RunConfig, datasets, networks, probes
from bnviz.core import registry
from bnviz.landscape.objective import flat
from bnviz.probes import Snapshot, needs
from bnviz.training import train
from bnviz.training.mini_batches import batch_order

CPU = torch.device("cpu")
STEPS = 5
NORMS = pytest.mark.parametrize("norm", registry.names("norms"))
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9, "weight_decay": 0.1},
    "adam": {"optimizer": "adam", "weight_decay": 0.1},
}


def watched(monkeypatch: pytest.MonkeyPatch, look: Callable[[Snapshot], None], **settings: Any) -> torch.nn.Module:
    """A run of a few steps, in which `look` takes the place of the probes at each; the trained network."""

    def measure(snapshot: Snapshot) -> dict[str, Any]:
        look(snapshot)
        return {}

    monkeypatch.setattr(probes, "measure", measure)
    small = {"widths": (6, 5), "init_std": 0.3, "steps": STEPS, "probe_points": 50, "device": "cpu"}
    config = RunConfig(**small | settings)
    network = networks.build(config, (1, 8, 8), 10, CPU)
    list(train(config, network))
    return network


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_next_parameters_equal_those_after_the_step(
    optimizer: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, expected = [], []

    def look(snapshot: Snapshot) -> None:
        before.append(flat(snapshot.training.parameters).detach().clone())
        expected.append(flat(snapshot.next_parameters()))
        assert torch.equal(flat(snapshot.training.parameters), before[-1])

    watched(monkeypatch, look, precision=precision, norm="batch", **OPTIMIZERS[optimizer])
    assert len(before) == STEPS + 1
    for came, said in zip(before[1:], expected[:-1], strict=True):
        assert torch.equal(came, said)
    assert not torch.equal(before[0], before[1])


@NORMS
def test_known_gradient_equals_recomputed_gradient(norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise included: the objective replays what the training's own pass has drawn."""

    def look(snapshot: Snapshot) -> None:
        objective = snapshot.training
        loss, gradient = objective.loss_and_gradient()
        with objective.preserved_weights():
            again, gradient_again = objective.gradient()
        assert torch.equal(again, loss)
        assert torch.equal(flat(gradient_again), flat(gradient))

    watched(monkeypatch, look, norm=norm)


def test_objectives_have_step_batch_and_fixed_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = torch.tensor(datasets.load("digits", 0).train.inputs)
    config = RunConfig(steps=STEPS)
    order = list(batch_order(1500, config, CPU))

    def look(snapshot: Snapshot) -> None:
        assert torch.equal(snapshot.training.inputs, data[order[snapshot.step]])
        assert torch.equal(snapshot.fixed.inputs, data[:70])
        assert snapshot.objective is (snapshot.fixed if snapshot.config.probe_data == "fixed" else snapshot.training)

    for probe_data in ("batch", "fixed"):
        watched(monkeypatch, look, probe_samples=70, probe_data=probe_data)


def test_snapshot_keeps_previous_values_if_probes_need_them(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[Snapshot] = []
    gradients, weights = [], []

    def look(snapshot: Snapshot) -> None:
        steps.append(snapshot)
        gradients.append(flat(snapshot.training.loss_and_gradient()[1]).clone())
        weights.append(flat(snapshot.training.parameters).detach().clone())
        if needs(snapshot.config, "NEEDS_PREVIOUS_GRADIENT"):
            assert (snapshot.previous_gradient is None) == (snapshot.step == 0)
            if snapshot.previous_gradient is not None:
                assert torch.equal(snapshot.previous_gradient, gradients[-2])
        else:
            assert snapshot.previous_gradient is None

    for name in registry.names("probes"):
        steps.clear()
        watched(monkeypatch, look, probes=(name,))
        if needs(steps[-1].config, "NEEDS_PATH"):
            path = torch.stack(list(steps[-1].path))
            assert torch.equal(path, torch.stack(weights[-STEPS - 1 :]))
        else:
            assert list(steps[-1].path) == []


def test_snapshot_has_the_run_s_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    losses: dict[str, float] = {}

    def look(snapshot: Snapshot) -> None:
        kind = getattr(torch, snapshot.config.precision)
        tensors = [*snapshot.network.parameters(), snapshot.training.inputs, *snapshot.pre_activations]
        assert {tensor.dtype for tensor in tensors} == {kind}
        losses[snapshot.config.precision] = float(snapshot.training.loss_and_gradient()[0])

    for precision in ("float32", "float64"):
        watched(monkeypatch, look, norm="batch", precision=precision)
    assert losses["float32"] == pytest.approx(losses["float64"], rel=1e-4)
    assert losses["float32"] != losses["float64"]
