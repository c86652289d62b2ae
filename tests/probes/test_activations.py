"""What the activations probe measures, against NumPy and by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

from bnviz import Measurement, RunConfig, networks
from bnviz.probes import Snapshot
from bnviz.probes.activations import BINS, histogram, measure, percentiles
from bnviz.torch_support.hooks import record_pre_activations


def measured(*layers: Tensor, previous: list[Tensor] | None = None, **settings: Any) -> dict[str, Measurement]:
    """What the probe says of these pre-activations; of all else in a snapshot there is nothing to look at."""
    unused: Any = None
    snapshot = Snapshot(3, RunConfig(**settings), nn.Identity(), layers, previous, unused, unused, unused)
    return measure(snapshot)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


VALUES = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 40), st.integers(1, 5)), elements=st.floats(-1e4, 1e4, width=32)
)


@given(VALUES, st.lists(st.floats(0, 100), min_size=1, max_size=9))
def test_percentiles_match_numpy(values: np.ndarray, levels: list[float]) -> None:
    ordered = np.sort(values.astype(np.float64), axis=0).T
    expected = np.percentile(values.astype(np.float64), levels, axis=0)
    np.testing.assert_allclose(percentiles(ordered, levels), expected, rtol=1e-12, atol=1e-9)


@given(VALUES)
def test_histogram_matches_numpy_except_at_edges(values: np.ndarray) -> None:
    rows = values.T.astype(np.float64)
    counts = histogram(rows, rows.min(axis=1), rows.max(axis=1))
    assert (counts.sum(axis=1) == len(values)).all()
    for unit, column in zip(counts, values.T.astype(np.float64), strict=True):
        low, high = column.min(), column.max()
        if low == high:
            assert unit[0] == len(values)
            continue
        expected, edges = np.histogram(column, BINS, (low, high))
        on_edge = np.isclose(column[:, None], edges[None, 1:-1], rtol=0, atol=1e-9 * (high - low)).sum()
        assert abs(np.cumsum(unit) - np.cumsum(expected)).max() <= on_edge


def test_histogram_of_worked_example() -> None:
    values = np.array([[0.0, 0.5, 1.5, 59.5, 60.0]])  # bins of width 1
    counts = histogram(values, values.min(axis=1), values.max(axis=1))[0]
    assert counts[0] == 2
    assert counts[1] == 1
    assert counts[BINS - 1] == 2
    assert counts.sum() == 5


def test_moments_and_limits_match_numpy() -> None:
    layer = drawn(50, 4)
    result = measured(layer)
    for name, expected in {
        "mean": layer.numpy().mean(axis=0),
        "variance": layer.numpy().var(axis=0),
        "low": layer.numpy().min(axis=0),
        "high": layer.numpy().max(axis=0),
    }.items():
        np.testing.assert_allclose(result[name].values[0], expected, rtol=1e-5, atol=1e-6, err_msg=name)
    expected = np.percentile(layer.numpy(), [15, 50, 85], axis=0)
    np.testing.assert_allclose(result["percentile"].values[0], expected, rtol=1e-5, atol=1e-6)
    assert result["percentile"].dims == ("layer", "quantile", "unit")


def test_saturated_share_of_worked_example() -> None:
    """Sigmoid: slope s(1-s) under .025, that is |x| > 3.6369; by hand between 3.63 and 3.64."""
    layer = torch.tensor([[-3.64, 0.0], [-3.63, 1.0], [3.63, 2.0], [3.64, 100.0]])
    np.testing.assert_array_equal(measured(layer)["saturated_share"].values, [[0.5, 0.25]])
    np.testing.assert_array_equal(measured(layer, activation="relu")["saturated_share"].values, [[0.5, 0.0]])
    linear = measured(layer, network="deep_linear", activation="sigmoid")
    np.testing.assert_array_equal(linear["saturated_share"].values, [[0.0, 0.0]])


def test_feature_map_is_a_unit() -> None:
    maps = drawn(6, 3, 4, 5)
    flat = torch.stack([maps[:, unit].flatten() for unit in range(3)], dim=1)
    for name, item in measured(flat).items():
        np.testing.assert_allclose(measured(maps)[name].values, item.values, rtol=1e-5, atol=1e-6, err_msg=name)


def test_narrower_layers_are_padded_with_nan() -> None:
    wide, narrow = drawn(20, 4), drawn(20, 2, seed=1)
    result = measured(wide, narrow, previous=[wide, narrow])
    for name, item in result.items():
        alone = measured(narrow, previous=[narrow])[name].values[0]
        units = item.dims.index("unit")
        padded = np.moveaxis(item.values, units, -1)[1]
        np.testing.assert_array_equal(padded[..., :2], np.moveaxis(alone, units - 1, -1), err_msg=name)
        assert (padded[..., 2:] == 0).all() if name == "count" else np.isnan(padded[..., 2:]).all(), name


def test_changes_are_those_since_the_step_before() -> None:
    now, before = drawn(30, 3), 2 * drawn(30, 3, seed=1) + 1
    result = measured(now, previous=[before])
    mean_change = abs(now.numpy().mean(0) - before.numpy().mean(0))
    variance_change = abs(now.numpy().var(0) - before.numpy().var(0))
    np.testing.assert_allclose(result["mean_change"].values[0], mean_change, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(result["variance_change"].values[0], variance_change, rtol=1e-5, atol=1e-6)
    first = measured(now)
    assert np.isnan(first["mean_change"].values).all()
    assert np.isnan(first["variance_change"].values).all()


def test_constant_unit_fills_the_first_bin() -> None:
    result = measured(torch.full((9, 1), 0.25))
    assert result["count"].values[0, 0].tolist() == [9] + [0] * (BINS - 1)
    assert result["variance"].values.item() == 0
    assert result["percentile"].values.flatten().tolist() == [0.25] * 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_infinite_unit_does_not_affect_others(bad: float) -> None:
    good = drawn(9, 2)
    layer = good.clone()
    layer[4, 0] = bad
    result, expected = measured(layer), measured(good)
    assert not result["count"].values[0, 0].any()
    for name, item in result.items():
        unit = item.dims.index("unit")
        np.testing.assert_array_equal(item.values.take(1, unit), expected[name].values.take(1, unit), err_msg=name)


@pytest.mark.parametrize(("samples", "dtype"), [(100, np.int8), (200, np.int16), (40_000, np.int32)])
def test_counts_have_the_smallest_integer_type(samples: int, dtype: type) -> None:
    count = measured(torch.zeros(samples, 1))["count"].values
    assert count.dtype == dtype
    assert count.sum() == samples


def test_measuring_leaves_its_inputs_unchanged() -> None:
    layer, before = drawn(20, 3), drawn(20, 3, seed=1)
    copies = layer.clone(), before.clone()
    measured(layer, previous=[before])
    assert torch.equal(layer, copies[0])
    assert torch.equal(before, copies[1])


def widths_at_init(inputs: Tensor, **settings: Any) -> np.ndarray:
    """Width between the 15th and the 85th percentile of each BN output of a freshly built network: (layer, unit)."""
    config = RunConfig(norm="batch", **settings)
    network = networks.build(config, tuple(inputs.shape[1:]), 10, torch.device("cpu"))
    with torch.no_grad(), record_pre_activations(network) as seen:
        network(inputs)
    quantiles = measured(*seen, **settings)["percentile"].values
    return quantiles[:, 2] - quantiles[:, 0]


def test_batch_norm_output_has_normal_width_at_start() -> None:
    """Self-test 7: 2.07, that of N(0, 1). Gaussian inputs make the first layer's outputs Gaussian exactly; those of
    later layers, sums over 100 units, nearly so."""
    width = widths_at_init(drawn(4096, 1, 8, 8))
    exact = 2 * 1.0364333895  # the normal distribution's 85th percentile, from tables
    standard_error = 0.04  # of one unit's width: about 2 sqrt(.15 * .35 / 4096) / density(1.036)
    assert abs(width - 2.07).max() < 4.5 * standard_error
    assert abs(width[0].mean() - exact) < 4.5 * standard_error / 10
    assert (abs(width.mean(axis=1) - 2.07) < 0.1).all()
