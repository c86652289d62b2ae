"""Histograms over common bins: the fast way against the slow, obvious one, and what must hold of both."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.figures.unit_distribution import densities

BINS = 60


def record_of(counts, lows, highs) -> Record:
    """One unit of one layer, with the given histograms."""
    data = xr.Dataset(
        {
            "count": (("probe_step", "layer", "unit", "bin"), np.asarray(counts)[:, None, None, :]),
            "low": (("probe_step", "layer", "unit"), np.asarray(lows, np.float32)[:, None, None]),
            "high": (("probe_step", "layer", "unit"), np.asarray(highs, np.float32)[:, None, None]),
        },
        {"probe_step": np.arange(len(counts)), "layer": [1], "unit": [1], "step": []},
    )
    return Record(RunConfig(), data)


def slowly(counts, lows, highs, edges):
    """Each recorded bin shared out over the common bins by overlap, one pair of bins at a time."""
    result = np.zeros((len(counts), len(edges) - 1))
    for row, count, low, high in zip(result, counts, lows, highs, strict=True):
        if not (np.isfinite(low) and np.isfinite(high)) or not count.sum():
            continue
        borders = np.linspace(low, high, len(count) + 1)
        for there in range(len(row)):
            for here, samples in enumerate(count):
                overlap = min(borders[here + 1], edges[there + 1]) - max(borders[here], edges[there])
                row[there] += max(overlap, 0) / (borders[here + 1] - borders[here]) * samples / count.sum()
    return result / np.diff(edges)


histograms = arrays.arrays(np.int8, st.tuples(st.integers(1, 3), st.just(BINS)), elements=st.integers(0, 127))
ends = st.tuples(st.floats(-50, 50, width=32), st.floats(0.5, 100, width=32))


@given(histograms, ends, ends, st.integers(1, 40))
def test_densities_match_slow_reference(counts, axis, range_, bins):
    lows = np.full(len(counts), range_[0], np.float32)
    highs = (lows + np.float32(range_[1])).astype(np.float32)
    edges = np.linspace(axis[0], axis[0] + axis[1], bins + 1)
    expected = slowly(counts, lows.astype(float), highs.astype(float), edges)
    np.testing.assert_allclose(densities(record_of(counts, lows, highs), 1, 1, edges), expected, atol=1e-5, rtol=1e-4)


@given(histograms, ends, st.floats(0, 30), st.floats(0, 30), st.integers(1, 64))
def test_density_on_full_range_has_area_one(counts, range_, before, after, bins):
    low, high = np.float32(range_[0]), np.float32(range_[0] + range_[1])
    edges = np.linspace(low - before, high + after, bins + 1)
    rows = densities(record_of(counts, [low] * len(counts), [high] * len(counts)), 1, 1, edges)
    assert (rows >= 0).all()
    mass = rows.sum(axis=1) * (edges[1] - edges[0])
    np.testing.assert_allclose(mass, counts.sum(axis=1) > 0, atol=1e-5)


@given(histograms, ends, ends)
def test_density_on_any_axis_has_area_at_most_one(counts, range_, axis):
    edges = np.linspace(axis[0], axis[0] + axis[1], 33)
    rows = densities(record_of(counts, [range_[0]] * len(counts), [sum(range_)] * len(counts)), 1, 1, edges)
    assert (rows >= 0).all()
    assert (rows.sum(axis=1) * (edges[1] - edges[0]) <= 1 + 1e-9).all()


@given(st.floats(-10, 10, width=32), st.integers(1, 64))
def test_constant_unit_fills_one_bin(value, bins):
    counts = np.eye(1, BINS, dtype=np.int8) * 60
    edges = np.linspace(-10.5, 10.5, bins + 1)
    (row,) = densities(record_of(counts, [value], [value]), 1, 1, edges)
    (place,) = np.flatnonzero(row)
    assert row[place] * (edges[1] - edges[0]) == pytest.approx(1)
    assert edges[place] - 1e-9 <= value <= edges[place + 1] + 1e-9


@pytest.mark.parametrize("value", [-20.0, 20.0, -1e30, 1e30])
def test_constant_unit_off_the_axis_has_no_density(value):
    edges = np.linspace(-10, 10, 9)
    assert not densities(record_of(np.full((1, BINS), 2, np.int8), [value], [value]), 1, 1, edges).any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("low", "high"), [(np.nan, np.nan), (-np.inf, np.inf), (0, np.inf), (-np.inf, 0), (np.nan, 1), (-3e38, 3e38)]
)
def test_infinite_range_has_no_density(low, high):
    counts = np.stack([np.zeros(BINS, np.int8), np.ones(BINS, np.int8)])
    if np.isfinite(low) and np.isfinite(high):  # the probe counts nothing where the range is too wide for a number
        counts[1] = 0
    rows = densities(record_of(counts, [low, low], [high, high]), 1, 1, np.linspace(-1, 1, 5))
    assert rows.shape == (2, 4)
    assert not rows.any()


def test_large_counts_do_not_overflow():
    counts = np.full((1, BINS), 127, np.int8)
    rows = densities(record_of(counts, [0], [1]), 1, 1, np.linspace(0, 1, 11))
    np.testing.assert_allclose(rows, 1.0, rtol=1e-6)


def test_densities_of_real_run_have_area_one(records):
    for record in records.values():
        low, high = float(record.data["low"].min()), float(record.data["high"].max())
        for at, one in ((1, 7), (2, 5)):
            rows = densities(record, at, one, np.linspace(low, high, 33))
            np.testing.assert_allclose(rows.sum(axis=1) * (high - low) / 32, 1, rtol=1e-6)
