"""Lines over seeds: means and intervals point by point, what several seeds look like, and medians over updates."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from bnviz.analysis import series
from bnviz.analysis.statistics import student
from bnviz.figures import curves, seed_bands
from bnviz.figures.style import new_chart
from tests.figures.over_updates import median_over_updates


def loss(record):
    return record.data["test_loss"]


def test_mean_and_interval_match_scipy_at_every_step(repeats):
    several = repeats["standard"]
    steps, mean, low, high = series.over_seeds(several, loss)
    for place, step in enumerate(steps):
        values = np.array([loss(one).sel(step=step) for one in several], float)
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (mean[place], low[place], high[place]) == pytest.approx((values.mean(), expected.low, expected.high))


def test_infinite_seed_makes_mean_undefined(repeats):
    first, *others = repeats["standard"]
    values = loss(first).values.copy()
    values[2] = np.inf
    lost = replace(first, data=first.data.assign(test_loss=("step", values)))
    _, mean, low, high = series.over_seeds([lost, *others], loss)
    assert np.flatnonzero(np.isnan(mean)).tolist() == [2]
    assert np.flatnonzero(np.isnan(low) & np.isnan(high)).tolist() == [2]


def test_log_axis_has_geometric_mean_and_interval(repeats):
    several = repeats["standard"]
    values = np.stack([loss(one).values for one in several]).astype(float)
    steps, mean, low, high = series.over_seeds(several, loss, log=True)
    np.testing.assert_array_equal(steps, several[0].data["step"])
    np.testing.assert_allclose(mean, stats.gmean(values, axis=0))
    np.testing.assert_allclose(low * high, mean**2)
    np.testing.assert_allclose(series.over_seeds(several, loss)[1], values.mean(axis=0))


def test_mean_uses_steps_of_all_seeds(repeats):
    first, *others = repeats["standard"]
    shorter = replace(first, data=first.data.isel(step=slice(1, 4)))
    steps, mean, _, _ = series.over_seeds([shorter, *others], loss)
    np.testing.assert_array_equal(steps, shorter.data["step"])
    np.testing.assert_allclose(mean[0], np.mean([loss(one).values[1] for one in repeats["standard"]]))
    assert series.over_seeds([replace(first, data=first.data.drop_vars("test_loss")), *others], loss) is None


def area(outline):
    """Of the polygons, by the shoelace formula."""
    corners = np.stack([outline["x"], outline["y"]], 1).astype(float)
    breaks = np.flatnonzero(np.isnan(corners[:, 0]))
    parts = np.split(corners, breaks)
    total = 0.0
    for part in parts:
        x, y = part[~np.isnan(part[:, 0])].T
        total += abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    return total


def test_ribbon_covers_area_between_lines_with_gaps():
    x = np.arange(6)
    low, high = np.zeros(6), np.array([1.0, 1, 1, np.nan, 2, 2])
    outline = seed_bands.ribbon(x, low, high)
    assert area(outline) == pytest.approx(2 * 1 + 1 * 2)
    assert np.isnan(outline["x"]).sum() == 1
    assert not len(seed_bands.ribbon(x, low, np.full(6, np.nan))["x"])


def test_ribbon_leaves_out_float32_overflow():
    outline = seed_bands.ribbon(np.arange(3), np.array([0.0, 0, 1e-60]), np.array([1.0, 1e60, 2]))
    np.testing.assert_array_equal(outline["x"], [0, 0, np.nan, 2, 2])
    np.testing.assert_array_equal(outline["y"], [0, 1, np.nan, 0, 2])


def test_seeds_are_thin_lines_and_mean_is_bold(records, repeats):
    drawn = curves.accuracy(records, repeats)
    lines = {trace.name: trace for trace in drawn.data}
    for arm, several in repeats.items():
        values = np.stack([one.data["test_accuracy"].values for one in several]).astype(float)
        for seed, row in enumerate(values):
            np.testing.assert_array_equal(lines[f"{arm}, seed {seed}"].y, row.astype(np.float32))
            assert lines[f"{arm}, seed {seed}"].line.width < lines[arm].line.width
        np.testing.assert_allclose(lines[arm].y, values.mean(axis=0), rtol=1e-6)
        outline = lines[f"{arm}, {seed_bands.RIBBON}"]
        assert outline.fill == "toself"
        _, low, high = student(values)
        assert (np.nanmin(outline.y), np.nanmax(outline.y)) == pytest.approx((low.min(), high.max()), rel=1e-5)
    assert [trace.name for trace in curves.accuracy(records).data] == list(records)


def test_single_seed_is_a_plain_line(records):
    several = {arm: [record] for arm, record in records.items()}
    assert curves.accuracy(records, several).to_json() == curves.accuracy(records).to_json()


def test_unmeasured_seed_falls_back_to_own_record(records, repeats):
    first, *others = repeats["standard"]
    unmeasured = {"standard": [replace(first, data=first.data.drop_vars("test_loss")), *others]}
    drawn = new_chart("title", "alt", "x", "y")
    seed_bands.add_arm_lines(drawn, {"standard": others[0]}, loss, "%{y}", unmeasured)
    (line,) = drawn.data
    np.testing.assert_array_equal(line.y, loss(others[0]))


def measured(record, steps, values):
    """The record with a loss that was measured at these steps only."""
    data = xr.Dataset({"test_loss": ("step", np.array(values, np.float32))}, {"step": np.array(steps, np.int32)})
    return replace(record, data=data)


def test_medians_weigh_every_update_equally(records):
    """Six measured steps lie in the first twentieth of the updates, where the loss is 10; it is 1 in all the others."""
    crowded = measured(records["standard"], [0, 1, 2, 3, 4, 5, 20, 60, 100], [10] * 6 + [1] * 3)
    assert np.median(loss(crowded)) == 10
    assert series.medians({"standard": crowded}, loss) == {"standard": 1.0}
    assert seed_bands.describe_medians({"standard": crowded}, loss) == ["standard has a median of 1"]


@pytest.mark.parametrize("number", range(5))
def test_medians_match_counting_every_update(records, number):
    steps = np.unique(np.geomspace(1, 2000, 30).round().astype(int))
    values = np.random.default_rng(number).normal(size=len(steps)).astype(np.float32)
    found = series.medians({"standard": measured(records["standard"], steps, values)}, loss)
    assert found == {"standard": pytest.approx(median_over_updates(steps, values))}


def test_medians_leave_out_infinite_values(records):
    record = records["standard"]
    values = loss(record).values.copy()
    values[-2:] = np.inf, np.nan
    changed = replace(record, data=record.data.assign(test_loss=("step", values)))
    expected = median_over_updates(record.data["step"][:-2], values[:-2])
    assert series.medians({"standard": changed}, loss) == {"standard": pytest.approx(expected)}
    assert series.medians({"standard": changed}, lambda one: one.data["nothing"]) == {}


def test_arms_without_finite_value_have_no_median(records):
    nothing = measured(records["standard"], [0, 5], [np.nan, np.inf])
    one = measured(records["standard"], [3], [0.25])
    assert series.medians({"standard": nothing, "batch norm": one}, loss) == {"batch norm": 0.25}


def test_single_point_line_has_a_marker(repeats):
    record = repeats["standard"][0]
    for points, mode in ((1, "lines+markers"), (2, "lines")):
        drawn = new_chart("a", "b", "x", "y")
        seed_bands.add_arm_lines(
            drawn, {"standard": replace(record, data=record.data.isel(step=slice(points)))}, loss, "%{y}"
        )
        assert [trace.mode for trace in drawn.data] == [mode]
