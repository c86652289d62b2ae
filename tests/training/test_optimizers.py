"""The optimisers: against torch.optim's own classes, bit for bit."""

from typing import Any

import pytest
import torch
from torch import Tensor

from bnviz.core.config import RunConfig
from bnviz.training.optimizers import Optimizer, RatedOptimizer

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
def test_optimizer_equals_torch_and_predicts_next_step(name: str, kind: torch.dtype) -> None:
    config = RunConfig(learning_rate=0.3, **SETTINGS[name])
    torch.manual_seed(3)
    mine = [torch.nn.Parameter(torch.randn(shape, dtype=kind)) for shape in SHAPES]
    theirs = [torch.nn.Parameter(one.detach().clone()) for one in mine]
    optimizer, torch_s = Optimizer(config, mine), theirs_of(config, theirs)
    for _ in range(4):
        gradient = [torch.randn(shape, dtype=kind) for shape in SHAPES]
        before = [one.detach().clone() for one in mine]
        following = optimizer.next_parameters(gradient)
        assert all(torch.equal(one, two) for one, two in zip(mine, before, strict=True)), "only looked at"
        optimizer.step(gradient)
        for one, two in zip(theirs, gradient, strict=True):
            one.grad = two.clone()
        torch_s.step()
        for one, two, three, four in zip(mine, theirs, following, before, strict=True):
            assert torch.equal(one, two)
            assert torch.equal(one, three)
            assert not torch.equal(one, four)


@pytest.mark.parametrize("name", SETTINGS)
def test_rated_optimizer_equals_single_optimizers(name: str) -> None:
    rates = [0.3, 0.0, 2.0]
    config = RunConfig(**SETTINGS[name])
    torch.manual_seed(3)
    shapes = [shape for shape in SHAPES if shape]
    alone = [[torch.randn(shape, dtype=torch.float64) for shape in shapes] for _ in rates]
    together = [torch.stack(part) for part in zip(*alone, strict=True)]
    optimizers = [
        Optimizer(config.with_changes(learning_rate=rate), one) for rate, one in zip(rates, alone, strict=True)
    ]
    rated = RatedOptimizer(config, together, torch.tensor(rates, dtype=torch.float64))
    for _ in range(4):
        gradient = [torch.randn(len(rates), *shape, dtype=torch.float64) for shape in shapes]
        following = rated.next_parameters(gradient)
        rated.step(gradient)
        for place, optimizer in enumerate(optimizers):
            optimizer.step([part[place] for part in gradient])
        for part, seen, *ones in zip(together, following, *alone, strict=True):
            torch.testing.assert_close(part, torch.stack(ones), rtol=1e-13, atol=1e-13)
            assert torch.equal(part, seen)
