"""The optimisers: against torch.optim's own classes, bit for bit."""

from typing import Any

import pytest
import torch
from torch import Tensor

from bnviz.config import RunConfig
from bnviz.optimizers import Optimizer

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "decay": {"weight_decay": 0.25},
    "momentum": {"momentum": 0.9},
    "momentum and decay": {"momentum": 0.5, "weight_decay": 0.1},
    "adam": {"optimizer": "adam"},
    "adam with decay": {"optimizer": "adam", "weight_decay": 0.1},
}
SHAPES = ((5, 4), (5,), (3, 5), ())


def theirs_of(config: RunConfig, parameters: list[Tensor]) -> torch.optim.Optimizer:
    if config.optimizer == "adam":
        return torch.optim.Adam(parameters, config.learning_rate, weight_decay=config.weight_decay)
    return torch.optim.SGD(
        parameters, config.learning_rate, config.momentum, weight_decay=config.weight_decay, fused=True
    )


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("kind", [torch.float32, torch.float64], ids=str)
def test_steps_are_torch_s_and_known_beforehand(name: str, kind: torch.dtype) -> None:
    config = RunConfig(learning_rate=0.3, **SETTINGS[name])
    torch.manual_seed(3)
    mine = [torch.nn.Parameter(torch.randn(shape, dtype=kind)) for shape in SHAPES]
    theirs = [torch.nn.Parameter(one.detach().clone()) for one in mine]
    optimizer, torch_s = Optimizer(config, mine), theirs_of(config, theirs)
    for _ in range(4):
        gradient = [torch.randn(shape, dtype=kind) for shape in SHAPES]
        before = [one.detach().clone() for one in mine]
        following = optimizer.following(gradient)
        assert all(torch.equal(one, two) for one, two in zip(mine, before, strict=True)), "only looked at"
        optimizer.step(gradient)
        for one, two in zip(theirs, gradient, strict=True):
            one.grad = two.clone()
        torch_s.step()
        for one, two, three, four in zip(mine, theirs, following, before, strict=True):
            assert torch.equal(one, two)
            assert torch.equal(one, three)
            assert not torch.equal(one, four)
