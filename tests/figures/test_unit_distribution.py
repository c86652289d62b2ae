"""One unit over time: what is drawn are the record's numbers."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bnviz import datasets, networks
from bnviz.core.nonlinearities import NONLINEARITIES
from bnviz.figures import unit_distribution
from bnviz.torch_support.rng import stream

PLACES = [(1, 1), (1, 7), (2, 5)]


def zones(figure):
    return [(shape.y0, shape.y1) for shape in (figure.layout.shapes or ())]


@pytest.mark.parametrize(("at", "one"), PLACES)
def test_bands_match_percentiles_of_record(records, at, one):
    for arm, record in records.items():
        figure = unit_distribution.bands(records, arm, at, one)
        assert len(figure.data) == 3
        for trace, level in zip(figure.data, record.config.percentiles, strict=True):
            assert trace.name == f"percentile {level:g}"
            np.testing.assert_array_equal(trace.x, record.data["probe_step"])
            expected = record.data["percentile"].sel(layer=at, unit=one, quantile=level)
            np.testing.assert_array_equal(trace.y, expected)
        lower, middle, upper = (trace.y for trace in figure.data)
        assert (lower <= middle).all()
        assert (middle <= upper).all()
        assert [trace.fill for trace in figure.data] == [None, "tonexty", "tonexty"]
        assert np.argmax([trace.line.width for trace in figure.data]) == 1


def test_bands_start_at_numpys_percentiles(records):
    config = records["standard"].config
    network = networks.build(config, (1, 8, 8), 10, torch.device("cpu"))
    data = datasets.load("digits", 0).train
    first = torch.randperm(len(data.inputs), generator=stream(config.seed, "order"))[: config.batch_size].numpy()
    weights = next(module for module in network.modules() if isinstance(module, nn.Linear))
    weight, bias = weights.weight.detach().numpy(), weights.bias.detach().numpy()
    before = data.inputs[first].reshape(len(first), -1).astype(float) @ weight.T + bias
    for one in (1, 4, 7):
        drawn = [trace.y[0] for trace in unit_distribution.bands(records, "standard", 1, one).data]
        np.testing.assert_allclose(drawn, np.percentile(before[:, one - 1], [15, 50, 85]), rtol=1e-4, atol=1e-5)


def test_bands_alt_text_has_range_of_median(records):
    median = records["standard"].data["percentile"].sel(layer=2, unit=3, quantile=50)
    alt = unit_distribution.bands(records, "standard", 2, 3).layout.meta["alt"]
    assert (
        f"{unit_distribution.two_digits(float(median.min()))} and {unit_distribution.two_digits(float(median.max()))}"
        in alt
    )
    assert "unit 3 in layer 2" in alt


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_saturated_zones_match_the_nonlinearity(records, name):
    kind = NONLINEARITIES[name]
    for arm, record in records.items():
        same = replace(record, config=record.config.with_changes(activation=name))
        figure = unit_distribution.bands({arm: same}, arm, 1, 2)
        low, high = figure.layout.yaxis.range
        expected = []
        if low < kind.saturated_below and math.isfinite(kind.saturated_below):
            expected.append((low, min(kind.saturated_below, high)))
        if high > kind.saturated_above and math.isfinite(kind.saturated_above):
            expected.append((max(kind.saturated_above, low), high))
        assert zones(figure) == expected
        assert len(figure.layout.annotations or ()) == len(expected)
        assert all(low <= note.y <= high and kind.label in note.text for note in figure.layout.annotations or ())
        assert all(shape.layer == "below" for shape in figure.layout.shapes or ())


def test_saturated_zones_depend_on_unit_width(run):
    wide = {"standard": run(init_std=8.0)}
    assert len(zones(unit_distribution.bands(wide, "standard", 1, 1))) == 2
    narrow = {"standard": run(init_std=0.01)}
    assert zones(unit_distribution.bands(narrow, "standard", 1, 1)) == []


def test_deep_linear_network_has_no_saturated_zone(run):
    record = run(network="deep_linear", activation="sigmoid", init_std=8.0)
    assert zones(unit_distribution.bands({"standard": record}, "standard", 1, 1)) == []


@pytest.mark.parametrize(("at", "one"), PLACES)
def test_axis_covers_nearly_every_sample(records, at, one):
    low, high = unit_distribution.value_range(records, at, one)
    for record in records.values():
        place = record.data.sel(layer=at, unit=one)
        assert (place["low"] >= low).mean() >= 0.9
        assert (place["high"] <= high).mean() >= 0.9
    expected_low = min(np.quantile(record.data["low"].sel(layer=at, unit=one), 0.05) for record in records.values())
    expected_high = max(np.quantile(record.data["high"].sel(layer=at, unit=one), 0.95) for record in records.values())
    margin = 0.04 * (expected_high - expected_low)
    assert (low, high) == pytest.approx((expected_low - margin, expected_high + margin), rel=1e-5)


def test_axis_of_nothing_or_constant_has_a_length(case, run):
    low, high = unit_distribution.value_range(case("nothing yet"), 1, 1)
    assert low < high
    record = run()
    still = record.data.assign(low=record.data["low"] * 0 + 3, high=record.data["high"] * 0 + 3)
    assert unit_distribution.value_range({"standard": replace(record, data=still)}, 1, 1) == (2.5, 3.5)


@pytest.mark.parametrize(("at", "one"), PLACES)
def test_axis_is_shared_unless_own_axis(records, at, one):
    for draw in (unit_distribution.bands, unit_distribution.history):
        shared = {draw(records, arm, at, one).layout.yaxis.range for arm in records}
        assert len(shared) == 1
        own = {draw(records, arm, at, one, own_axis=True).layout.yaxis.range for arm in records}
        assert own == {unit_distribution.value_range({arm: record}, at, one) for arm, record in records.items()}
        assert len(own) == 2
        assert all(shared_low <= low for (shared_low, _) in shared for (low, _) in [min(own)])
    assert unit_distribution.histogram_at_cursor(records, at, one).layout.xaxis.range == next(iter(shared))


def test_zoom_resets_with_unit_layer_or_axis(records):
    choices = [(1, 1, False), (1, 2, False), (2, 1, False), (1, 1, True)]
    revisions = [unit_distribution.bands(records, "standard", *choice).layout.uirevision for choice in choices]
    assert len(set(revisions)) == len(revisions)
    assert unit_distribution.bands(records, "standard", 1, 1).layout.uirevision == revisions[0]


@pytest.mark.parametrize(("at", "one"), PLACES)
def test_history_has_the_densities(records, at, one):
    for arm, record in records.items():
        figure = unit_distribution.history(records, arm, at, one)
        (trace,) = figure.data
        edges = np.linspace(*figure.layout.yaxis.range, unit_distribution.BINS + 1)
        np.testing.assert_allclose(trace.y, (edges[1:] + edges[:-1]) / 2, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(trace.x, record.data["probe_step"])
        assert trace.z.shape == (unit_distribution.BINS, len(trace.x))
        np.testing.assert_allclose(trace.z.T, unit_distribution.densities(record, at, one, edges), rtol=1e-5)
        assert trace.zmin == 0 < trace.zmax <= trace.z.max()


@pytest.mark.parametrize(("at", "one"), PLACES)
def test_cursor_histogram_has_every_step(records, at, one):
    figure = unit_distribution.histogram_at_cursor(records, at, one)
    by_step = figure.layout.meta["by_step"]
    edges = np.linspace(*figure.layout.xaxis.range, unit_distribution.BINS + 1)
    assert [trace.name for trace in figure.data] == list(records)
    for trace, rows, record in zip(figure.data, by_step, records.values(), strict=True):
        np.testing.assert_array_equal(rows["steps"], record.data["probe_step"])
        assert rows["y"].shape == (len(rows["steps"]), unit_distribution.BINS)
        np.testing.assert_array_equal(trace.y, rows["y"][-1])
        expected = unit_distribution.densities(record, at, one, edges)
        np.testing.assert_allclose(rows["y"], expected / expected.max(axis=1, keepdims=True), rtol=1e-5)
        np.testing.assert_allclose(rows["y"].max(axis=1), 1)


def test_cursor_histogram_without_records_is_empty(case):
    figure = unit_distribution.histogram_at_cursor(case("nothing yet"), 1, 1)
    assert figure.layout.meta["by_step"] == [None, None]
    assert all(np.isnan(trace.y).all() for trace in figure.data)
    figure = unit_distribution.histogram_at_cursor(case("one has not begun"), 1, 1)
    assert [rows is None for rows in figure.layout.meta["by_step"]] == [False, True]


def test_diverged_run_is_drawn_up_to_last_finite_step(case):
    records = case("diverged")
    assert "diverged" in {record.outcome for record in records.values()}
    for arm, record in records.items():
        drawn = [trace.y for trace in unit_distribution.bands(records, arm, 1, 1).data]
        recorded = record.data["percentile"].sel(layer=1, unit=1).transpose("quantile", "probe_step")
        np.testing.assert_array_equal(drawn, recorded)
