"""The theorems' formulas against autograd, dense matrices and properties; gamma and beta are anything."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bnviz.probes import _theorems as theorems
from tests.probes.theorem_case import Case, drawn, relative

EPS = pytest.mark.parametrize("eps", [0.0, 1e-5, 0.1])
SEEDS = st.integers(0, 2**31 - 1)


@EPS
@pytest.mark.parametrize("seed", range(5))
def test_theorem_41_is_an_equality(eps: float, seed: int) -> None:
    """Self-test 1: the residual is below 1e-10 in float64."""
    case = Case(eps, seed)
    right = theorems.bn_gradient_norm(case.g, case.y, case.gamma, eps)
    assert relative(right, case.v.norm(dim=0)) < 1e-10
    direct = theorems.projected(case.g, case.y, eps) * case.gamma / (case.y.var(0, correction=0) + eps).sqrt()
    torch.testing.assert_close(direct, case.v, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("eps", "least"), [(1e-5, 1e-8), (0.1, 1e-4)])
def test_theorem_41_without_eps_is_wrong(eps: float, least: float) -> None:
    """The paper's formula, with s where it has sigma: right for eps = 0 only."""

    def naive(case: Case) -> Tensor:
        s = (case.y.var(0, correction=0) + case.eps).sqrt()
        yhat = (case.y - case.y.mean(0)) / s
        parts = case.g.square().sum(0) - case.g.sum(0) ** 2 / 9 - (case.g * yhat).sum(0) ** 2 / 9
        return (case.gamma / s).abs() * parts.sqrt()

    assert relative(naive(Case(0.0)), Case(0.0).v.norm(dim=0)) < 1e-12
    assert relative(naive(Case(eps)), Case(eps).v.norm(dim=0)) > least


def test_batch_of_two_keeps_gradient_only_by_eps() -> None:
    """With two samples the output is +-1 whatever the input."""
    for seed in range(20):
        case = Case(0.0, seed, samples=2)
        assert case.v.abs().max() < 1e-6  # the closer the two, the larger gamma / s, which multiplies the rounding
        assert theorems.bn_gradient_norm(case.g, case.y, case.gamma, 0.0).max() < 1e-6  # 0 but for rounding, never NaN
    case = Case(1e-5, samples=2)
    right = theorems.bn_gradient_norm(case.g, case.y, case.gamma, case.eps)
    torch.testing.assert_close(right, case.v.norm(dim=0), rtol=1e-4, atol=1e-9)


@EPS
@pytest.mark.parametrize("any_direction", [False, True])
def test_theorem_42_matches_dense_hessians(eps: float, any_direction: bool) -> None:
    """Self-test 2: along dL/dy_j as the theorem has it, and along any other direction."""
    case = Case(eps)
    v = drawn(9, 4, seed=9) if any_direction else case.v
    let_through = theorems.projected(v, case.y, eps)
    left, through = torch.empty(4, dtype=torch.float64), torch.empty(4, dtype=torch.float64)
    for unit in range(4):
        in_front = case.hessian(lambda y: case.loss_behind(case.normalised(y)), case.y, unit)
        behind = case.hessian(case.loss_behind, case.z, unit)
        left[unit] = v[:, unit] @ in_front @ v[:, unit]
        through[unit] = let_through[:, unit] @ behind @ let_through[:, unit]
    terms = theorems.bn_curvature(case.g, case.y, case.gamma, eps, v, through)
    assert ((terms.sum(0) - left).abs() / terms.abs().sum(0)).max() < 1e-10
    if not any_direction:  # the paper's own form, which eps spoils; v passes P unchanged only where eps is 0
        s = (case.y.var(0, correction=0) + eps).sqrt()
        align = theorems.alignment(case.g, case.y, eps)
        paper = (case.gamma / s) ** 2 * through - case.gamma / s**2 * align * v.square().sum(0)
        error = ((paper - left).abs() / terms.abs().sum(0)).max()
        assert error < 1e-10 if eps == 0 else error > 1e-8


@EPS
def test_matched_batch_norm_projects_the_gradient(eps: float) -> None:
    """Observation 4.3 and self-test 11: dL/dy = P g, by the dense matrix, never longer than g."""
    case = Case(eps)
    assert (theorems.matched_batch_norm(case.y, eps) - case.y).abs().max() < 1e-12
    g = case.gradient(case.loss_behind, case.y)
    v = case.gradient(lambda y: case.loss_behind(theorems.matched_batch_norm(y, eps)), case.y)
    for unit in range(4):
        c = case.y[:, unit] - case.y[:, unit].mean()
        yhat = c / (c.square().mean() + eps).sqrt()
        projection = torch.eye(9) - torch.full((9, 9), 1 / 9, dtype=torch.float64) - torch.outer(yhat, yhat) / 9
        torch.testing.assert_close(v[:, unit], projection @ g[:, unit], rtol=1e-9, atol=1e-12)
    assert (v.norm(dim=0) / g.norm(dim=0)).max() <= 1 + 1e-12
    assert (v.norm(dim=0) / g.norm(dim=0)).min() < 0.999


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_constant_unit_does_not_affect_others(value: float) -> None:
    y = drawn(60, 3)
    y[:, 1] = value
    assert torch.equal(theorems.matched_batch_norm(y, 0.0)[:, 1], y[:, 1])
    norms = theorems.bn_gradient_norm(drawn(60, 3, seed=1), y, torch.ones(3), 0.0)
    assert norms.isfinite().tolist() == [True, False, True]
    assert theorems.bn_gradient_norm(drawn(60, 3, seed=1), y, torch.ones(3), 1e-5).isfinite().all()


@given(SEEDS, st.integers(1, 12), st.integers(1, 12))
def test_spectral_norm_matches_torch(seed: int, samples: int, incoming: int) -> None:
    matrix = drawn(samples, incoming, seed=seed)
    torch.testing.assert_close(theorems.spectral_norm(matrix), torch.linalg.matrix_norm(matrix, ord=2))


def test_spectral_norm_of_infinite_matrix_is_nan() -> None:
    assert theorems.spectral_norm(torch.tensor([[1.0, torch.inf]])).isnan()


@given(SEEDS, st.integers(1, 12), st.floats(0.01, 100))
def test_theorem_44_bound_is_the_maximum_over_inputs(seed: int, incoming: int, size: float) -> None:
    case = Case(1e-5, seed % 1000)
    bound = size**2 * theorems.bn_gradient_norm(case.g, case.y, case.gamma, case.eps) ** 2
    x = drawn(9, incoming, seed=seed)
    x *= size / torch.linalg.matrix_norm(x, ord=2)
    assert ((x.T @ case.v).square().sum(0) <= bound * (1 + 1e-9)).all()
    for unit in range(4):  # attained by the input that has the gradient for its only direction
        along, where = case.v[:, unit] / case.v[:, unit].norm(), drawn(incoming, seed=seed + 1)
        best = size * torch.outer(along, where / where.norm())
        torch.testing.assert_close((best.T @ case.v[:, unit]).square().sum(), bound[unit], rtol=1e-9, atol=0.0)


@given(SEEDS, st.integers(1, 8), st.floats(-3, 3))
def test_lemma_45_is_equality_for_nearest_multiple(seed: int, incoming: int, scale: float) -> None:
    start, weights = drawn(5, incoming, seed=seed), drawn(5, incoming, seed=seed + 1)
    left, right = theorems.lemma_45(start, weights)
    product = (start * weights).sum(1)
    assert torch.equal(left.isnan(), product <= 0)
    usable = product > 0
    size = (start.square().sum(1) + weights.square().sum(1))[usable]
    assert ((left - right)[usable].abs() <= 1e-10 * size).all()
    some_multiple = (start - scale * weights).square().sum(1)[usable]
    assert (left[usable] <= some_multiple + 1e-10 * size).all()
