"""l_p batch norm against its definition, written out unit by unit."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from bnviz import RunConfig, norms
from bnviz.torch_support.rng import stream

SHAPES = pytest.mark.parametrize("shape", [(32, 5), (8, 5, 4, 3)], ids=["dense", "images"])
POWERS = pytest.mark.parametrize("p", ["1", "2", "inf"])
EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}
EPS = 1e-3


def data(shape: tuple[int, ...], name: str = "inputs") -> Tensor:
    return 2 * torch.randn(shape, generator=stream(0, name), dtype=torch.float64) + 3


def built(shape: tuple[int, ...], **settings: Any) -> Any:
    config = RunConfig(norm="lp_batch", norm_eps=EPS, **settings)
    return norms.build(norms.Slot(config, shape[1], len(shape) - 2, stream(0, "noise", "here"))).double()


def size(values: Tensor, p: str) -> Tensor:
    """n_p of one unit's values, before the mean is subtracted."""
    m = values.numel()
    if p == "1":
        return sum(abs(value) for value in values.flatten()) / m  # type: ignore[return-value]
    if p == "2":
        return (sum(value * value for value in values.flatten()) / m) ** 0.5  # type: ignore[return-value]
    return max(abs(value) for value in values.flatten())  # type: ignore[type-var,return-value]


def mean(values: Tensor) -> Tensor:
    return sum(values.flatten()) / values.numel()  # type: ignore[return-value]


def twin(inputs: Tensor, p: str, gamma: Tensor, beta: Tensor) -> Tensor:
    units = inputs.unbind(dim=1)
    normalised = [(unit - mean(unit)) / (size(unit, p) + EPS) for unit in units]
    return torch.stack([g * unit + b for g, unit, b in zip(gamma, normalised, beta, strict=True)], dim=1)


@POWERS
@SHAPES
def test_training_forward_and_backward(shape: tuple[int, ...], p: str) -> None:
    norm = built(shape, norm_p=p)
    gamma, beta = torch.arange(1.0, 6.0).double().requires_grad_(), torch.arange(5.0).double().requires_grad_()
    with torch.no_grad():
        norm.weight.copy_(gamma.reshape(norm.weight.shape))
        norm.bias.copy_(beta.reshape(norm.bias.shape))
    mine, theirs = data(shape).requires_grad_(), data(shape).requires_grad_()
    result, expected = norm(mine), twin(theirs, p, gamma, beta)
    torch.testing.assert_close(result, expected, **EXACT)
    (result * data(shape, "upstream")).sum().backward()
    (expected * data(shape, "upstream")).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, **EXACT)
    torch.testing.assert_close(norm.weight.grad.flatten(), gamma.grad, **EXACT)
    torch.testing.assert_close(norm.bias.grad.flatten(), beta.grad, **EXACT)


@POWERS
@SHAPES
def test_inference_uses_running_averages(shape: tuple[int, ...], p: str) -> None:
    norm = built(shape, norm_p=p, norm_momentum=0.3)
    average_mean, average_size = torch.zeros(5, dtype=torch.float64), torch.ones(5, dtype=torch.float64)
    for number in range(4):
        inputs = data(shape, f"batch{number}")
        norm(inputs)
        units = inputs.unbind(dim=1)
        average_mean = 0.7 * average_mean + 0.3 * torch.stack([mean(unit) for unit in units])
        average_size = 0.7 * average_size + 0.3 * torch.stack([size(unit, p) for unit in units])
    over = (1, 5, *(1 for _ in shape[2:]))
    expected = (data(shape) - average_mean.reshape(over)) / (average_size.reshape(over) + EPS)
    torch.testing.assert_close(norm.eval()(data(shape)), expected, **EXACT)


@POWERS
@SHAPES
def test_a_dead_unit_gets_finite_values_and_gradients(shape: tuple[int, ...], p: str) -> None:
    norm, inputs = built(shape, norm_p=p), data(shape)
    inputs[:, 2] = 0.0
    inputs.requires_grad_()
    result = norm(inputs)
    assert (result[:, 2] == 0).all()
    (result * data(shape, "upstream")).sum().backward()
    assert torch.isfinite(inputs.grad).all()


def test_powers_differ_and_two_is_not_batch_norm() -> None:
    """Batch norm divides by the norm after the shift; the same only for a unit whose mean is zero."""
    inputs = data((32, 5))
    results = [built((32, 5), norm_p=p, norm_affine=False)(inputs) for p in ("1", "2", "inf")]
    standardised = torch.nn.functional.batch_norm(inputs, None, None, training=True, eps=1e-12)
    assert not any(torch.allclose(one, other) for one, other in itertools.pairwise(results))
    assert not torch.allclose(results[1], standardised, rtol=0.1)
    centred = inputs - inputs.mean(dim=0)
    torch.testing.assert_close(built((32, 5), norm_p="2")(centred), standardised, rtol=1e-3, atol=1e-3)  # but for eps
