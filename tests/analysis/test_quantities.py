"""Quantities in closed form, on records that are small enough to do it by hand."""

import gc
import warnings
import weakref
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from bnviz import Record, RunConfig
from bnviz.analysis import quantities

LINE = ("probe_step", "alpha")
NAN = float("nan")


def record_of(config: RunConfig | None = None, **variables: Any) -> Record:
    return Record(config or RunConfig(), xr.Dataset(variables).assign_coords(probe_step=[0, 7]), "finished")


@pytest.fixture
def line() -> Record:
    """Two probed steps, three step lengths; at the second the run diverges at the longest."""
    return record_of(
        line_loss=(LINE, [[2.0, 1.0, 4.0], [3.0, 5.0, NAN]]),
        line_gradient_change=(LINE, [[0.5, 1.5, 6.0], [1.0, 2.0, NAN]]),
        line_cosine=(LINE, [[1.0, 0.25, -0.5], [0.5, 0.0, NAN]]),
        line_distance=(LINE, [[0.5, 1.0, 2.0], [1.0, 2.0, 4.0]]),
        line_loss_here=(("probe_step",), [2.5, 4.0]),
        line_gradient_norm=(("probe_step",), [2.0, 1.0]),
    )


EXPECTED = {
    quantities.loss_variation: 4.0 - 1.0,
    quantities.relative_loss_variation: 3.0 / 2.5,
    quantities.gradient_change: 6.0,
    quantities.relative_gradient_change: 6.0 / 2.0,
    quantities.least_cosine: -0.5,
    quantities.effective_smoothness: 6.0 / 2.0,  # the others are .5 / .5 and 1.5 / 1
    quantities.lipschitz_estimate: 1.5,  # the others are .5 / .5 and 1.5 / 2
}


@pytest.mark.parametrize("quantity", EXPECTED, ids=lambda quantity: quantity.__name__)
def test_line_quantities_match_closed_forms(quantity: Any, line: Record) -> None:
    found = quantity(line)
    assert found.dims == ("probe_step",)
    assert found["probe_step"].values.tolist() == [0, 7]
    assert float(found[0]) == pytest.approx(EXPECTED[quantity])
    assert np.isnan(found[1])  # what is not known at one length is not known of the whole line
    assert found.attrs["long_name"]
    assert found.attrs["units"] in ("1", "nat")


def test_zero_steps_have_zero_range_and_no_smoothness() -> None:
    zeros, here = (LINE, np.zeros((2, 3))), (("probe_step",), [0.0, 0.0])
    still = record_of(line_loss=zeros, line_gradient_change=zeros, line_distance=zeros, line_loss_here=here)
    assert np.isnan(quantities.effective_smoothness(still)).all()
    assert np.isnan(quantities.lipschitz_estimate(still)).all()
    assert (quantities.loss_variation(still) == 0).all()
    assert (quantities.gradient_change(still) == 0).all()


def test_missing_measurement_raises_key_error() -> None:
    with pytest.raises(KeyError, match="line_loss"):
        quantities.loss_variation(record_of())


def test_relative_shift_is_distance_over_gradient_norm() -> None:
    dims = ("probe_step", "weight_layer")
    record = record_of(shift_before=(dims, [[2.0, 4.0], [1.0, 0.0]]), shift_l2=(dims, [[0.0, 6.0], [0.5, 0.0]]))
    np.testing.assert_array_equal(quantities.relative_shift(record), [[0.0, 1.5], [0.5, NAN]])


def test_largest_eigenvalue_has_measured_steps_only() -> None:
    record = record_of(sharpness=(("probe_step", "rank"), [[NAN, NAN], [8.0, 3.0]]))
    found = quantities.largest_eigenvalue(record)
    assert found.values.tolist() == [8.0]
    assert found["probe_step"].values.tolist() == [7]


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        ({"learning_rate": 0.1}, 20.0),
        ({"learning_rate": 0.1, "momentum": 0.9}, 38.0),
        ({"learning_rate": 0.0}, NAN),
        ({"optimizer": "adam"}, NAN),
    ],
)
def test_stability_limit_depends_on_rule_and_momentum(settings: dict[str, Any], limit: float) -> None:
    found = quantities.stability_limit(record_of(RunConfig(**settings)))
    assert found == pytest.approx(limit, nan_ok=True)


def test_growth_per_layer_excludes_outermost_layers() -> None:
    inner = 3.0 * 1.21 ** np.arange(5)[::-1]  # a factor of 1.21 from each layer to the one in front of it
    norms = np.array([[1e9, *inner, 1e-9], [1.0, *inner[::-1], 1.0]])
    found = quantities.growth_per_layer(record_of(pre_activation_gradient_norm=(("probe_step", "layer"), norms)))
    np.testing.assert_allclose(found, [1.21, 1 / 1.21])


@given(
    arrays(
        st.sampled_from([np.float32, np.float64]),
        array_shapes(min_dims=2, max_dims=3, max_side=6),
        elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan),
    ),
    st.integers(0, 1),
)
def test_median_and_mean_over_axis_match_numpy(values: Any, axis: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, of what is missing throughout
        median, mean = np.nanmedian(values, axis), np.nanmean(values, axis)
    for found, expected in ((quantities.median_over(values, axis), median), (quantities.mean_over(values, axis), mean)):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == values.dtype


def test_memoized_results_live_as_long_as_their_record() -> None:
    asked = []

    @quantities.memoized_per_record
    def of(record: Record, layer: int, unit: int = 1) -> tuple[int, int]:
        asked.append((layer, unit))
        return layer, unit

    first, second = (Record.from_frames(RunConfig(), []) for _ in range(2))
    assert [of(first, 1), of(first, 1), of(first, 2), of(first, 1, unit=2), of(second, 1)] == [
        (1, 1), (1, 1), (2, 1), (1, 2), (1, 1),
    ]  # fmt: skip
    assert asked == [(1, 1), (2, 1), (1, 2), (1, 1)]
    kept = weakref.ref(first)
    del first
    gc.collect()
    assert kept() is None
