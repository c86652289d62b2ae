"""The loss along the gradient: what is drawn are ranges and ratios of the record, against plain NumPy."""

import numpy as np
import pytest
import xarray as xr

from bnviz.core.config import RunConfig
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures import gradient_ray, landscape, sharpness
from tests.figures.over_updates import median_over_updates


def of(record, name):
    return record.data[name].values.astype(float)


def expected(record):
    """Each figure's line, by hand."""
    change, distance = of(record, "line_gradient_change"), of(record, "line_distance")
    loss, norm = of(record, "line_loss"), of(record, "line_gradient_norm")
    return {
        "loss_variation": np.ptp(loss, axis=1),
        "relative_loss_variation": np.ptp(loss, axis=1) / of(record, "line_loss_here"),
        "gradient_change": change.max(axis=1),
        "relative_gradient_change": change.max(axis=1) / norm,
        "least_cosine": of(record, "line_cosine").min(axis=1),
        "effective_smoothness": (change / distance).max(axis=1),
    }


@pytest.mark.parametrize(
    "name",
    [
        "loss_variation",
        "relative_loss_variation",
        "gradient_change",
        "relative_gradient_change",
        "least_cosine",
        "effective_smoothness",
    ],
)
def test_landscape_lines_and_points_match_record(records, name):
    over_updates = getattr(landscape, name)(records)
    against_loss = getattr(landscape, name)(records, against_loss=True)
    lines = {trace.name: trace for trace in over_updates.data}
    points = {trace.name: trace for trace in against_loss.data}
    for arm, record in records.items():
        values = expected(record)[name]
        np.testing.assert_array_equal(lines[arm].x, record.data["probe_step"])
        np.testing.assert_allclose(lines[arm].y, values, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(points[arm].y, values, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(points[arm].x, record.data["line_loss_here"])
        assert points[arm].mode == "markers"
        median = median_over_updates(record.data["probe_step"], values)
        assert f"{arm} has a median of {two_digits(median)}" in over_updates.layout.meta["alt"]
    assert (over_updates.layout.yaxis.type == "log") == (name != "least_cosine")
    assert against_loss.layout.xaxis.type == "log"
    assert not against_loss.layout.meta["steps"]
    assert over_updates.layout.meta["title"] != against_loss.layout.meta["title"]


def bands(figure):
    return {trace.name.split(",")[0]: trace for trace in figure.data if "range over" in trace.name}


def test_range_over_alpha_is_hatched_and_named(records):
    for figure, quantity in (
        (landscape.loss_band(records), "line_loss"),
        (landscape.gradient_change(records), "line_gradient_change"),
    ):
        found = bands(figure)
        assert list(found) == list(records)
        for arm, trace in found.items():
            assert trace.fillpattern.shape
            assert "range over" in trace.name
            assert "interval" not in trace.name
            values = of(records[arm], quantity)
            assert np.nanmin(trace.y) == pytest.approx(values.min(), rel=1e-5)
            assert np.nanmax(trace.y) == pytest.approx(values.max(), rel=1e-5)
        assert figure.layout.showlegend
        assert figure.layout.meta["legend"]
        assert len({trace.fillpattern.shape for trace in found.values()}) == len(records)
        assert [trace.showlegend for trace in figure.data] == [None] * len(records) + [False] * len(records)


def test_band_line_is_loss_at_the_weights(records):
    lines = {trace.name: trace for trace in landscape.loss_band(records).data}
    for arm, record in records.items():
        np.testing.assert_array_equal(lines[arm].y, record.data["line_loss_here"])
    alone = landscape.loss_band(records, "standard")
    assert alone.layout.meta["arm"] == "standard"
    assert {trace.name.split(",")[0] for trace in alone.data} == {"standard"}


def test_range_needs_single_seed_over_updates(records, repeats):
    assert not bands(landscape.gradient_change(records, repeats))
    assert not bands(landscape.gradient_change(records, against_loss=True))


def test_sharpness_has_measured_steps_and_beta(records):
    traces = {trace.name: trace for trace in sharpness.smoothness_and_sharpness(records).data}
    for arm, record in records.items():
        values = of(record, "sharpness")[:, 0]
        seen = np.isfinite(values)
        assert 1 < seen.sum() < len(seen)
        thick, thin = traces[f"{arm}, λ max"], traces[f"{arm}, effective β"]
        np.testing.assert_allclose(thick.y, values[seen], rtol=1e-6)
        np.testing.assert_array_equal(thick.x, record.data["probe_step"][seen])
        assert "markers" in thick.mode
        np.testing.assert_allclose(thin.y, expected(record)["effective_smoothness"], rtol=1e-5)
        assert thin.line.width < thick.line.width
    limit = traces["2 / learning rate = 20"]
    assert list(limit.y) == pytest.approx([20, 20, 20])
    assert sorted(limit.text) == ["", "", limit.name]


def test_limit_label_avoids_the_lines(run):
    record = run()
    high = np.full((record.data.sizes["probe_step"], 1), 300.0)
    for near, places in ((slice(0, 4), (1, 2)), (slice(-4, None), (0,))):
        values = high.copy()
        values[near] = 20
        data = record.data.assign(sharpness=(("probe_step", "rank"), values)).drop_vars("line_distance")
        *_, limit = sharpness.smoothness_and_sharpness({"standard": type(record)(record.config, data)}).data
        assert limit.text.index(limit.name) in places


def test_stability_limits_that_differ_name_their_arm(run):
    both = {"standard": run(learning_rate=0.2, momentum=0.9), "batch norm": run(norm="batch", learning_rate=0.5)}
    names = [trace.name for trace in sharpness.smoothness_and_sharpness(both).data]
    assert "(2 + 2 × momentum) / learning rate = 19, standard" in names
    assert "2 / learning rate = 4, batch norm" in names
    names = [trace.name for trace in sharpness.smoothness_and_sharpness({"standard": run(optimizer="adam")}).data]
    assert not any("learning rate" in name for name in names)


def test_scale_invariant_sharpness_is_lambda_times_norm(records):
    for trace, record in zip(sharpness.scale_invariant(records).data, records.values(), strict=True):
        values = of(record, "sharpness")[:, 0] * of(record, "sharpness_weight_norm") ** 2
        np.testing.assert_allclose(trace.y, values[np.isfinite(values)], rtol=1e-5)


@pytest.mark.parametrize("over", ["alpha", "distance"])
def test_rays_start_at_zero_and_have_every_step(records, over):
    for figure, quantity in (
        (gradient_ray.loss_change(records, over), "line_loss"),
        (gradient_ray.gradient_change(records, over), "line_gradient_change"),
    ):
        for trace, entry, record in zip(figure.data, figure.layout.meta["by_step"], records.values(), strict=True):
            values = of(record, quantity)
            if quantity == "line_loss":
                values = values - of(record, "line_loss_here")[:, None]
            np.testing.assert_array_equal(entry["steps"], record.data["probe_step"])
            assert (entry["x"][:, 0] == 0).all()
            assert (entry["y"][:, 0] == 0).all()
            np.testing.assert_allclose(entry["y"][:, 1:], values, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(entry["x"][:, 1:], of(record, f"line_{over}"), rtol=1e-6)
            np.testing.assert_array_equal(trace.y, entry["y"][-1])
        low, high = figure.layout.yaxis.range
        seen = np.concatenate([entry["y"].ravel() for entry in figure.layout.meta["by_step"]])
        assert ((seen >= low) & (seen <= high)).mean() > 0.94
        assert figure.layout.xaxis.range[0] < 0 < figure.layout.xaxis.range[1]


def test_ray_axis_ignores_an_outlier(run):
    record = run()
    values = record.data["line_loss"].copy()
    values[3, -1] = 1e6
    wild = type(record)(record.config, record.data.assign(line_loss=values), record.outcome)
    quiet, shaken = (gradient_ray.loss_change({"standard": one}).layout.yaxis.range for one in (record, wild))
    assert shaken[1] < 2 * quiet[1] + 1


def test_eigenvalue_lines_have_bold_first():
    steps = {"probe_step": [0, 5, 9]}
    values = [[3.0, 1.0], [np.nan, np.nan], [2.0, -1.0]]
    record = Record(RunConfig(), xr.Dataset({"sharpness": (("probe_step", "rank"), values)}, steps))
    second, first = sharpness.eigenvalues({"standard": record}).data
    np.testing.assert_array_equal(first.x, [0, 9])
    np.testing.assert_array_equal(first.y, [3.0, 2.0])
    np.testing.assert_array_equal(second.y, [1.0, np.nan])  # a negative one has no place on a log axis
    assert first.line.width > second.line.width


def test_empty_record_has_no_eigenvalue_lines():
    assert not sharpness.eigenvalues({"standard": Record.from_frames(RunConfig(), [])}).data
