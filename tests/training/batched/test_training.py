"""train_together(): against train() of each run."""

from typing import Any

import numpy as np
import pytest
import torch

from bnviz import Record, RunConfig, networks
from bnviz.core import registry
from bnviz.norms.batch import build as batch_norm
from bnviz.training import train
from bnviz.training.batched.training import IncompatibleRunsError, train_together

SMALL: dict[str, Any] = {
    "widths": (6, 5), "steps": 12, "init_std": 0.3, "device": "cpu", "precision": "float64", "probe_points": 5,
}  # fmt: skip
PROBES = tuple(name for name in registry.names("probes") if name != "theorem")
CASES: dict[str, dict[str, Any]] = {
    "adam with decay": {"optimizer": "adam", "weight_decay": 0.01},
    "momentum": {"momentum": 0.9, "weight_decay": 0.1, "norm": "batch"},
    "every probe": {"probes": PROBES, "norm": "batch"},
    "a fixed batch": {"probes": PROBES, "norm": "batch", "probe_data": "fixed", "probe_samples": 40},
    "no probe": {"probes": ()},
    "data of their own": {"dataset": "blobs_2d", "norm": "batch"},
    "values": {"dataset": "linear_map", "network": "deep_linear"},
    "few test samples": {"test_samples": 10, "norm": "batch"},
    "noise at test": {"norm": "noisy_batch", "noise_at_test": True},
}


def planned(**settings: Any) -> list[RunConfig]:
    common = SMALL | settings
    return [RunConfig(seed=seed, learning_rate=rate, **common) for seed, rate in ((0, 0.05), (0, 0.2), (3, 0.1))]


def together(configs: list[RunConfig]) -> list[Record]:
    frames: list[list[Any]] = [[] for _ in configs]
    for place, frame in train_together(configs):
        frames[place].append(frame)
    return [Record.from_frames(config, one) for config, one in zip(configs, frames, strict=True)]


def assert_like_alone(configs: list[RunConfig]) -> None:
    for config, record in zip(configs, together(configs), strict=True):
        alone = Record.from_frames(config, train(config))
        assert record.outcome == alone.outcome
        assert list(record.data) == list(alone.data)
        for name in alone.data:
            assert record.data[name].attrs == alone.data[name].attrs
            np.testing.assert_allclose(record.data[name], alone.data[name], rtol=1e-4, atol=1e-5, err_msg=str(name))


@pytest.mark.parametrize("norm", registry.names("norms"))
def test_batched_training_equals_train_for_every_norm(norm: str) -> None:
    assert_like_alone(planned(norm=norm))


@pytest.mark.parametrize("name", CASES)
def test_batched_training_equals_train_for_every_setting(name: str) -> None:
    assert_like_alone(planned(**CASES[name]))


def test_batched_training_of_one_rate_and_one_run() -> None:
    assert_like_alone([RunConfig(seed=seed, **SMALL) for seed in (0, 1)])
    assert_like_alone(planned()[:1])


def test_diverged_run_ends_while_others_continue() -> None:
    linear = {"network": "deep_linear", "init": "he", "steps": 200, "probes": ()}
    rates = (0.001, 100.0, 0.002)
    configs = [RunConfig(learning_rate=rate, **SMALL | linear) for rate in rates]
    frames = list(train_together(configs))
    last = dict(frames)
    assert [last[place].outcome for place in range(3)] == ["finished", "diverged", "finished"]
    assert last[1].step < 200
    assert sum(place == 1 and frame.outcome != "running" for place, frame in frames) == 1
    alone = Record.from_frames(configs[2], train(configs[2]))
    mine = Record.from_frames(configs[2], [frame for place, frame in frames if place == 2])
    np.testing.assert_allclose(mine.data["train_loss"], alone.data["train_loss"], rtol=1e-5)
    only = list(train_together([configs[1]]))
    assert only[-1][1].step == last[1].step


def test_stop_ends_all_remaining_runs() -> None:
    answers = iter([False] * 5 + [True])
    configs = planned(curve_points=2, probe_points=2)
    frames = list(train_together(configs, should_stop=lambda: next(answers)))
    assert [(place, frame.step, frame.outcome) for place, frame in frames[-3:]] == [
        (place, 5, "stopped") for place in range(3)
    ]


def test_incompatible_runs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = RunConfig(**SMALL), RunConfig(**SMALL | {"norm": "batch", "seed": 2})
    with pytest.raises(IncompatibleRunsError, match="may differ in seed and learning_rate only, not in norm"):
        next(train_together([one, other]))
    with pytest.raises(IncompatibleRunsError, match="no run"):
        next(train_together([]))

    class Unknown(torch.nn.Module):
        def __init__(self, slot: Any) -> None:
            super().__init__()
            self.norm = batch_norm(slot)

    monkeypatch.setattr(networks.norms, "build", Unknown)
    with pytest.raises(IncompatibleRunsError, match="does not say RECORDABLE = True; train the runs one by one"):
        next(train_together([other]))
