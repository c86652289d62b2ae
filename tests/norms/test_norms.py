"""Batch norm against Algorithm 1 and torch's own modules; the noise behind it against its definition."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnviz import RunConfig, norms
from bnviz.norms.noisy_batch import Noise, shifting_noise
from bnviz.torch_support.rng import stream

DENSE, IMAGES = (32, 5), (8, 5, 4, 3)
SHAPES = pytest.mark.parametrize("shape", [DENSE, IMAGES], ids=["dense", "images"])
EXACT: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-12}


def data(shape: tuple[int, ...], name: str = "inputs") -> Tensor:
    return 2 * torch.randn(shape, generator=stream(0, name), dtype=torch.float64) + 3


def built(norm: str, shape: tuple[int, ...], **settings: Any) -> nn.Module:
    config = RunConfig(norm=norm, **settings)
    return norms.build(norms.Slot(config, shape[1], len(shape) - 2, stream(0, "noise", "here"))).double()


def by_unit(values: Tensor) -> Tensor:
    return values.movedim(1, -1).reshape(-1, values.shape[1])


@SHAPES
def test_batch_is_algorithm_1(shape: tuple[int, ...]) -> None:
    norm, inputs = built("batch", shape, norm_eps=1e-3), data(shape)
    with torch.no_grad():
        norm.weight.copy_(torch.arange(1.0, 6.0))
        norm.bias.copy_(torch.arange(5.0))
    x = by_unit(inputs)  # a feature map's statistics are over the batch and all positions
    mu = x.sum(dim=0) / len(x)
    variance = ((x - mu) ** 2).sum(dim=0) / len(x)
    y = torch.arange(1.0, 6.0) * (x - mu) / (variance + 1e-3).sqrt() + torch.arange(5.0)
    torch.testing.assert_close(by_unit(norm(inputs)), y, **EXACT)


@SHAPES
@pytest.mark.parametrize("affine", [True, False])
def test_batch_equals_torch_forward_backward_and_running_statistics(shape: tuple[int, ...], affine: bool) -> None:
    """Self-test 13."""
    kind = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    reference = kind(5, eps=0.02, momentum=0.3, affine=affine).double()
    norm = built("batch", shape, norm_eps=0.02, norm_momentum=0.3, norm_affine=affine)
    for number in range(3):
        mine, theirs = (data(shape, f"batch{number}").requires_grad_() for _ in range(2))
        weights = data(shape, "weights")
        torch.testing.assert_close(norm(mine), reference(theirs), **EXACT)
        (norm(mine) * weights).sum().backward()
        (reference(theirs) * weights).sum().backward()
        torch.testing.assert_close(mine.grad, theirs.grad, **EXACT)
    assert norm.state_dict().keys() == reference.state_dict().keys()
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(norm.state_dict()[name], value, **EXACT)
    torch.testing.assert_close(norm.eval()(data(shape)), reference.eval()(data(shape)), **EXACT)


@SHAPES
def test_running_statistics_at_constant_weights(shape: tuple[int, ...]) -> None:
    """Self-test 8: Algorithm 2 has m/(m-1) in the variance; momentum .1 is .9 old + .1 new."""
    norm = built("batch", shape)
    mean, variance = torch.zeros(5, dtype=torch.float64), torch.ones(5, dtype=torch.float64)
    for number in range(20):
        x = data(shape, f"batch{number}")
        norm(x)
        m = len(by_unit(x))
        mean = 0.9 * mean + 0.1 * by_unit(x).mean(dim=0)
        variance = 0.9 * variance + 0.1 * m / (m - 1) * by_unit(x).var(dim=0, correction=0)
    torch.testing.assert_close(norm.running_mean, mean, **EXACT)
    torch.testing.assert_close(norm.running_var, variance, **EXACT)
    assert norm.num_batches_tracked == 20
    expected = (by_unit(data(shape)) - mean) / (variance + 1e-5).sqrt()
    torch.testing.assert_close(by_unit(norm.eval()(data(shape))), expected, **EXACT)


@SHAPES
def test_none_is_the_identity_and_keeps_the_bias(shape: tuple[int, ...]) -> None:
    inputs = data(shape)
    assert torch.equal(built("none", shape)(inputs), inputs)
    assert not norms.subsumes_bias("none")
    assert norms.subsumes_bias("batch")
    assert norms.subsumes_bias("noisy_batch")


QUIET = {"noise_mean": 0.0, "noise_scale": 1.0, "noise_spread_mean": 0.0, "noise_spread_scale": 0.0}


@SHAPES
@pytest.mark.parametrize("per", ["unit", "layer"])
def test_noisy_batch_without_noise_is_batch(shape: tuple[int, ...], per: str) -> None:
    noisy, plain = built("noisy_batch", shape, noise_per=per, **QUIET), built("batch", shape)
    assert torch.equal(noisy(data(shape)), plain(data(shape)))
    assert torch.equal(noisy.norm.running_var, plain.running_var)


def noise(values: Tensor, generator: torch.Generator, **settings: Any) -> Tensor:
    return shifting_noise(values, Noise.of(RunConfig(norm="noisy_batch", **settings)), generator)


def shift_and_scale(shape: tuple[int, ...], seed: int = 0, **settings: Any) -> tuple[Tensor, Tensor]:
    """m and s of `a <- s * a + m`, from the same draw at a = 0 and a = 1."""
    zeros, ones = torch.zeros(shape, dtype=torch.float64), torch.ones(shape, dtype=torch.float64)
    m = noise(zeros, stream(seed, "noise"), **settings)
    return m, noise(ones, stream(seed, "noise"), **settings) - m


def test_moments_of_the_noise() -> None:
    """Self-test 9: E[m] = 0, E[s] = 1.125, for the paper's n_mu, n_sigma, r_mu and r_sigma; bounds are 4.5 sigma."""
    units, samples = 40_000, 10
    m, s = shift_and_scale((samples, units))
    mean_std, scale_std = 1.0 / 12**0.5, 0.25 / 12**0.5  # of mu_j over units, of sigma_j over units
    assert abs(m.mean()) < 4.5 * mean_std / units**0.5
    assert abs(s.mean() - 1.125) < 4.5 * (scale_std**2 + 0.1**2 / samples) ** 0.5 / units**0.5
    assert m.abs().max() <= 0.5 + 0.1
    within_m, within_s = m.var(dim=0).mean() ** 0.5, s.var(dim=0).mean() ** 0.5  # within a unit
    torch.testing.assert_close(within_m.item(), 0.2 / 12**0.5, rtol=0.01, atol=0)  # U(-r_mu, r_mu)
    torch.testing.assert_close(within_s.item(), 0.1, rtol=0.01, atol=0)  # N(., r_sigma)
    between_m = (m.mean(dim=0).var() - within_m**2 / samples) ** 0.5
    between_s = (s.mean(dim=0).var() - within_s**2 / samples) ** 0.5
    torch.testing.assert_close(between_m.item(), mean_std, rtol=0.02, atol=0)  # U(-n_mu, n_mu)
    torch.testing.assert_close(between_s.item(), scale_std, rtol=0.02, atol=0)  # U(1, n_sigma)


@SHAPES
def test_mean_and_scale_are_shared_per_unit_or_per_layer(shape: tuple[int, ...]) -> None:
    still = {"noise_spread_mean": 0.0, "noise_spread_scale": 0.0}
    for drawn in map(by_unit, shift_and_scale(shape, noise_per="unit", **still)):
        torch.testing.assert_close(drawn, drawn[:1].expand_as(drawn), **EXACT)
        assert len(drawn[0].unique()) == 5
    for drawn in map(by_unit, shift_and_scale(shape, noise_per="layer", **still)):
        torch.testing.assert_close(drawn, drawn[0, 0].expand_as(drawn), **EXACT)


@SHAPES
def test_noise_is_fresh_at_each_step_and_repeats_with_its_stream(shape: tuple[int, ...]) -> None:
    runs: list[list[Tensor]] = []
    for _ in range(2):
        norm = built("noisy_batch", shape)
        torch.rand(3)  # the global stream plays no part
        runs.append([norm(data(shape)) for _ in range(3)])
    first, second = runs
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert not torch.allclose(first[0], first[1])
    assert not torch.allclose(first[1], first[2])


@SHAPES
def test_noise_is_off_in_inference_unless_asked_for(shape: tuple[int, ...]) -> None:
    plain = built("batch", shape).eval()(data(shape))
    quiet, loud = (built("noisy_batch", shape, noise_at_test=at_test).eval() for at_test in (False, True))
    assert torch.equal(quiet(data(shape)), plain)
    assert not torch.allclose(loud(data(shape)), plain)
    assert quiet.generator.get_state().equal(stream(0, "noise", "here").get_state())  # nothing was drawn


@SHAPES
def test_gradient_passes_the_noise_as_a_constant(shape: tuple[int, ...]) -> None:
    inputs = data(shape).requires_grad_()
    result = noise(inputs, stream(0, "noise"))
    _, s = shift_and_scale(shape)
    torch.testing.assert_close(torch.autograd.grad(result.sum(), inputs)[0], s, rtol=1e-9, atol=1e-9)
    assert not noise(inputs.detach(), stream(0, "noise")).requires_grad
