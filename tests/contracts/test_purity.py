"""A run with every probe on equals a run with none, bit for bit, for every norm, network and optimiser on offer.

Self-test 4 of those that a reader can trust; a new file in one of the folders is tested here by itself.
"""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bnviz import Frame, RunConfig, datasets, networks
from bnviz.core import registry
from bnviz.datasets import Dataset, Split
from bnviz.torch_support.rng import rng_states_of
from bnviz.training import train
from bnviz.training.task import Task

CPU = torch.device("cpu")
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.01},
    "adam": {"optimizer": "adam"},
}
SMALL: dict[str, Any] = {
    "widths": (6, 5),
    "batch_size": 4,
    "steps": 2,
    "learning_rate": 0.05,
    "device": "cpu",
    "probe_points": 3,  # so that what a probe leaves behind at one step has others in which to show
    "probe_samples": 6,
    "line_points": 2,
    "sharpness_points": 2,
    "plane_points": 3,
}


@cache
def fitting_dataset(network: str) -> str:
    """The first data set that the network takes; nothing is loaded."""
    needed = registry.describe("networks", network).constants.get("INPUT_SHAPE")
    for name in ("digits", *registry.names("datasets")):
        if needed in (None, registry.describe("datasets", name).constants["INPUT_SHAPE"]):
            return name
    raise AssertionError(f"there is no data set for {network}")


@pytest.fixture(autouse=True)
def random_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random data of the right shape: nothing is downloaded."""

    @cache
    def load(name: str, *_: object, **__: object) -> Dataset:
        constants, random = registry.describe("datasets", name).constants, np.random.default_rng(0)

        def split(samples: int) -> Split:
            inputs = random.random((samples, *constants["INPUT_SHAPE"]), dtype=np.float32)
            return Split(inputs, random.integers(0, constants["CLASSES"], samples))

        return Dataset(split(40), split(20), constants["CLASSES"])

    monkeypatch.setattr(datasets, "load", load)


def run(probes: tuple[str, ...], probe_data: str, settings: dict[str, Any]) -> tuple[list[Frame], dict[str, Tensor]]:
    """All frames, and all that a run may leave behind: parameters, buffers, random streams, gradients and mode."""
    config = RunConfig(**SMALL | settings, probes=probes, probe_data=probe_data)
    data = registry.describe("datasets", config.dataset).constants
    torch.manual_seed(0)  # torch's layers draw weights from the global stream before bnviz draws its own
    network = networks.build(config, data["INPUT_SHAPE"], data["CLASSES"], CPU)
    frames = list(train(config, network))
    state = {f"state {name}": value for name, value in network.state_dict().items()}
    state |= {f"gradient {name}": value.grad for name, value in network.named_parameters() if value.grad is not None}
    state |= {f"stream {number}": drawn for number, (_, drawn) in enumerate(rng_states_of(network))}
    state["global stream"] = torch.get_rng_state()
    state["mode"] = torch.tensor([network.training, torch.is_grad_enabled()])
    return frames, state


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("network", registry.names("networks"))
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_a_run_with_every_probe_is_a_run_with_none(norm: str, network: str, optimizer: str) -> None:
    settings = OPTIMIZERS[optimizer] | {"norm": norm, "network": network, "dataset": fitting_dataset(network)}
    frames, state = run((), "batch", settings)
    losses = [frame.values["train_loss"].values.item() for frame in frames]
    scores = [frame.values["test_loss"].values.item() for frame in frames]
    assert len(set(losses)) == len(losses) == 3  # it moved
    for probe_data in ("batch", "fixed"):
        probed, probed_state = run(tuple(registry.names("probes")), probe_data, settings)
        assert [frame.values["train_loss"].values.item() for frame in probed] == losses
        assert [frame.values["test_loss"].values.item() for frame in probed] == scores
        assert probed_state.keys() == state.keys()
        assert [name for name in state if not torch.equal(state[name], probed_state[name])] == []
        assert len(probed[0].values) > len(frames[0].values) + 20  # the probes did look


@pytest.mark.parametrize("network", registry.names("networks"))
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_data_are_only_read(norm: str, network: str) -> None:
    """They are the data set's own memory, which the next run learns from, too."""
    name = fitting_dataset(network)
    data = datasets.load(name, 0)
    arrays = [part for split in (data.train, data.test) for part in (split.inputs, split.labels)]
    before = [array.copy() for array in arrays]
    assert Task.from_dataset(data, RunConfig(), CPU).inputs.data_ptr() == data.train.inputs.ctypes.data
    run(tuple(registry.names("probes")), "fixed", {"norm": norm, "network": network, "dataset": name})
    for array, untouched in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, untouched)


def test_purity_can_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where noise is not put back, the comparison says so."""
    settings = {"norm": "noisy_batch", "network": "mlp", "dataset": "digits"}
    _, state = run((), "batch", settings)
    monkeypatch.setattr("bnviz.torch_support.rng.restore_rng_states", lambda _: None)
    monkeypatch.setattr("bnviz.landscape.objective.restore_rng_states", lambda _: None)
    _, disturbed = run(("landscape_line",), "batch", settings)
    assert not torch.equal(state["stream 0"], disturbed["stream 0"])
    assert not torch.equal(state["state output.weight"], disturbed["state output.weight"])
