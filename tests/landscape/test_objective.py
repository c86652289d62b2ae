"""Objective: one loss, one batch, one draw of noise; looking around leaves no trace."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnviz import RunConfig, networks
from bnviz.core import registry
from bnviz.landscape.objective import CRITERIA, Objective, flat, move, squared_error
from bnviz.torch_support.rng import rng_states_of, stream

CPU = torch.device("cpu")
NORMS = pytest.mark.parametrize("norm", registry.names("norms"))


def objective_of(norm: str, **settings: Any) -> Objective:
    config = RunConfig(norm=norm, widths=(6, 5), init_std=0.3, **settings)
    network = networks.build(config, (1, 8, 8), 10, CPU).double()
    random = stream(0, "data")
    inputs = torch.randn(20, 1, 8, 8, generator=random, dtype=torch.float64)
    return Objective.of(network, inputs, torch.randint(0, 10, (20,), generator=random), nn.functional.cross_entropy)


def everything(network: nn.Module) -> dict[str, Tensor]:
    """All that looking around could change."""
    state = {name: value.clone() for name, value in network.state_dict().items()}
    state |= {f"gradient of {name}": value.grad for name, value in network.named_parameters() if value.grad is not None}
    state |= {f"stream {number}": drawn for number, (_, drawn) in enumerate(rng_states_of(network))}
    return state | {"mode": torch.tensor(network.training)}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@NORMS
def test_loss_and_gradient_are_those_of_a_copy_that_is_trained_as_usual(norm: str) -> None:
    objective = objective_of(norm)
    twin = copy.deepcopy(objective.network)  # its random streams are copied in their state, too
    loss = nn.functional.cross_entropy(twin(objective.inputs), objective.targets)
    loss.backward()
    mine, gradient = objective.gradient()
    assert torch.equal(mine, loss.detach())
    assert not mine.requires_grad
    for row, parameter in zip(gradient, twin.parameters(), strict=True):
        assert torch.equal(row, parameter.grad)
    assert all(parameter.grad is None for parameter in objective.parameters)


@NORMS
def test_every_call_draws_the_same_noise(norm: str) -> None:
    objective = objective_of(norm)
    first = objective.loss()
    assert torch.equal(objective.loss(), first)
    draws_again = objective.criterion(objective.network(objective.inputs), objective.targets)  # noise of its own
    assert torch.equal(draws_again, first) == (not rng_states_of(objective.network))


@NORMS
def test_a_visit_leaves_no_trace_even_if_it_fails(norm: str) -> None:
    objective = objective_of(norm)
    objective.loss().backward()
    before = everything(objective.network)

    def look(fail: bool) -> None:
        with objective.preserved_weights() as start:
            for parameter, value in zip(objective.parameters, start, strict=True):
                assert torch.equal(parameter, value)
            move(objective.parameters, [value + 1 for value in start])
            assert float(flat(objective.parameters).detach().sub(flat(start)).min()) > 0.9
            objective.gradient()
            objective.network.eval()
            if fail:
                raise ArithmeticError

    look(fail=False)
    assert_same(everything(objective.network), before)
    with pytest.raises(ArithmeticError):
        look(fail=True)
    assert_same(everything(objective.network), before)


def test_what_is_known_is_not_asked_for_again() -> None:
    asked = objective_of("batch")
    loss, gradient = asked.gradient()
    known = Objective(asked.network, asked.inputs, asked.targets, asked.criterion, [], loss, gradient)
    asked.network.forward = None  # type: ignore[assignment,method-assign]  # a pass would fail
    assert known.loss_and_gradient() == (loss, gradient)
    with pytest.raises(TypeError):
        asked.loss_and_gradient()


def test_squared_error_by_hand() -> None:
    outputs, targets = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert squared_error(outputs, targets).item() == (4 + 25) / 2
    assert CRITERIA["values"](outputs, targets).item() == 14.5
