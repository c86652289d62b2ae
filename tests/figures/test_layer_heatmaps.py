"""A whole layer over time, against NumPy."""

import numpy as np
import pytest

from bnviz.core.number_format import percent, two_digits
from bnviz.figures import layer_heatmaps
from tests.figures.over_updates import median_over_updates

UNITS = {1: 7, 2: 5}


def quantile(record, at, level):
    return record.data["percentile"].sel(layer=at, quantile=level).transpose("unit", "probe_step").values[: UNITS[at]]


@pytest.mark.parametrize("at", UNITS)
def test_median_map_matches_record(records, at):
    limits = set()
    for arm, record in records.items():
        figure = layer_heatmaps.medians(records, arm, at)
        (trace,) = figure.data
        np.testing.assert_array_equal(trace.z, quantile(record, at, 50))
        np.testing.assert_array_equal(trace.x, record.data["probe_step"])
        np.testing.assert_array_equal(trace.y, np.arange(1, UNITS[at] + 1))
        assert trace.zmin == -trace.zmax
        limits.add(trace.zmax)
        assert figure.layout.yaxis.range == (0.5, UNITS[at] + 0.5)
        assert f"all {UNITS[at]} units of layer {at}" in figure.layout.meta["alt"]
    everything = np.concatenate([abs(quantile(record, at, 50)).ravel() for record in records.values()])
    assert [*limits] == [pytest.approx(np.quantile(everything, 0.98))]


@pytest.mark.parametrize("at", UNITS)
def test_width_map_matches_record(records, at):
    limits = set()
    for arm, record in records.items():
        (trace,) = layer_heatmaps.widths(records, arm, at).data
        np.testing.assert_allclose(trace.z, quantile(record, at, 85) - quantile(record, at, 15), rtol=1e-6)
        assert trace.zmin == 0
        assert (trace.z >= 0).all()
        limits.add(trace.zmax)
    everything = [(quantile(record, at, 85) - quantile(record, at, 15)).ravel() for record in records.values()]
    assert [*limits] == [pytest.approx(np.quantile(np.concatenate(everything), 0.98))]


def test_single_arm_has_own_colour_scale(records):
    alone = {arm: layer_heatmaps.widths({arm: record}, arm, 1).data[0].zmax for arm, record in records.items()}
    assert alone["standard"] != alone["batch norm"]
    assert max(alone.values()) >= layer_heatmaps.widths(records, "standard", 1).data[0].zmax


@pytest.mark.parametrize("draw", [layer_heatmaps.medians, layer_heatmaps.widths])
def test_heat_maps_select_a_unit(records, draw):
    figure = draw(records, "standard", 1)
    assert figure.layout.meta["selects"] == "unit"
    assert not figure.layout.shapes  # the board marks the chosen one


@pytest.mark.parametrize("at", UNITS)
def test_saturated_lines_are_means_over_units(records, at):
    figure = layer_heatmaps.saturated(records, at)
    lines = {trace.name: trace for trace in figure.data}
    assert len(lines) == len(figure.data) == 2 * len(records)
    for arm, record in records.items():
        for other in UNITS:
            expected = record.data["saturated_share"].sel(layer=other).values[:, : UNITS[other]].mean(axis=1)
            np.testing.assert_allclose(lines[f"{arm}, layer {other}"].y, expected, rtol=1e-5)
        share = float(record.data["saturated_share"].sel(layer=at).values[-1, : UNITS[at]].mean())
        assert f"{arm} ends at {percent(share)}" in figure.layout.meta["alt"]
    assert max(line.y.max() for line in lines.values()) > 0  # the run was chosen so that there is something to see
    _bold_and_on_top(figure, records, at)


@pytest.mark.parametrize("quantity", ["mean_change", "variance_change"])
@pytest.mark.parametrize("at", UNITS)
def test_drift_lines_are_medians_over_units(records, quantity, at):
    figure = layer_heatmaps.drift(records, quantity, at)
    lines = {trace.name: trace for trace in figure.data}
    for arm, record in records.items():
        for other in UNITS:
            values = record.data[quantity].sel(layer=other).values[:, : UNITS[other]]
            np.testing.assert_allclose(lines[f"{arm}, layer {other}"].y, np.median(values, axis=1), rtol=1e-5)
        values = record.data[quantity].sel(layer=at).values[1:, : UNITS[at]]
        expected = median_over_updates(record.data["probe_step"].values[1:], values)
        assert f"{arm} has a median of {two_digits(expected)}" in figure.layout.meta["alt"]
    assert figure.layout.yaxis.type == "log"
    assert ("mean" if quantity == "mean_change" else "variance") in figure.layout.yaxis.title.text
    _bold_and_on_top(figure, records, at)


def _bold_and_on_top(figure, records, at):
    for arm in records:
        mine = [trace for trace in figure.data if trace.name.startswith(f"{arm},")]
        assert mine[-1].name.endswith(f"layer {at}")
        assert [trace.line.width > 2 for trace in mine] == [False, True]
        assert [trace.opacity for trace in mine] == [0.35, 1.0]


def test_unmeasured_layers_have_no_traces(case):
    records = case("nothing yet")
    assert not layer_heatmaps.saturated(records, 1).data
    assert not layer_heatmaps.drift(records, "mean_change", 1).data
    assert not layer_heatmaps.medians(records, "standard", 1).data
    assert len(layer_heatmaps.saturated(case("one has not begun"), 1).data) == 2


def test_lenet_layers_have_their_own_units(case):
    records = case("LeNet")
    for at, units in enumerate((6, 16, 120, 84), start=1):
        (trace,) = layer_heatmaps.medians(records, "batch norm", at).data
        assert trace.z.shape == (units, records["batch norm"].data.sizes["probe_step"])
        assert np.isfinite(trace.z).all()
