"""Where a unit is saturated, against the slopes that torch's autograd gives."""

import math

import pytest
import torch

from bnviz.core.nonlinearities import NONLINEARITIES, SATURATION_SLOPE, Nonlinearity

ALL = pytest.mark.parametrize("kind", NONLINEARITIES.values(), ids=str)
GRID = torch.linspace(-30, 30, 1_200_001, dtype=torch.float64)  # includes 0


def slopes(kind: Nonlinearity, points: torch.Tensor) -> torch.Tensor:
    inputs = points.clone().requires_grad_()
    (slope,) = torch.autograd.grad(getattr(torch.nn, kind.torch_name)()(inputs).sum(), inputs)
    return slope


@ALL
def test_saturated_exactly_where_the_slope_is_under_a_tenth_of_the_largest(kind: Nonlinearity) -> None:
    slope = slopes(kind, GRID)
    expected = slope < SATURATION_SLOPE * slope.max()
    saturated = torch.lt(GRID, kind.saturated_below) | torch.gt(GRID, kind.saturated_above)
    differs = GRID[saturated != expected]  # at most at the bounds themselves
    assert all(
        min(abs(point - bound) for bound in (kind.saturated_below, kind.saturated_above)) < 1e-4
        for point in differs.tolist()
    )


@ALL
def test_slope_at_a_bound_is_a_tenth_of_the_largest(kind: Nonlinearity) -> None:
    largest = slopes(kind, GRID).max()
    for bound in (kind.saturated_below, kind.saturated_above):
        if math.isfinite(bound) and kind.name != "relu":  # whose slope jumps from 0 to 1 there
            slope = slopes(kind, torch.tensor([bound], dtype=torch.float64))
            torch.testing.assert_close(slope[0], SATURATION_SLOPE * largest, rtol=1e-9, atol=0)


def test_names_are_those_of_the_table() -> None:
    assert all(name == kind.name for name, kind in NONLINEARITIES.items())
    assert len({kind.label for kind in NONLINEARITIES.values()}) == len(NONLINEARITIES)
