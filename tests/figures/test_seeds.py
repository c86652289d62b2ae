"""Lines over seeds: the interval against scipy's own, point by point, and what several seeds look like."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bnviz import experiments
from bnviz.figures import curves, seeds
from bnviz.figures.style import figure


def loss(record):
    return record.data["test_loss"]


@pytest.mark.parametrize("count", [2, 3, 5, 12])
def test_the_interval_is_scipys(count):
    rows = np.random.default_rng(count).normal(size=(count, 4)) * [1, 10, 0.1, 1] + 3
    mean, low, high = seeds.interval(rows)
    for place, column in enumerate(rows.T):
        expected = stats.t.interval(0.95, count - 1, loc=column.mean(), scale=stats.sem(column))
        assert (low[place], high[place]) == pytest.approx(expected)
        assert (mean[place], low[place], high[place]) == pytest.approx(experiments.interval(column))


def test_a_seed_that_is_not_finite_is_not_left_out_and_one_seed_has_no_interval():
    mean, low, high = seeds.interval(np.array([[1.0, 1.0], [3.0, np.nan]]))
    assert mean[0] == 2
    assert np.isnan([mean[1], low[1], high[1]]).all()
    mean, low, high = seeds.interval(np.ones((1, 3)))
    assert (mean == 1).all()
    assert np.isnan([low, high]).all()


def test_mean_and_interval_of_a_logarithmic_axis_are_those_of_the_logarithms(repeats):
    several = repeats["standard"]
    values = np.stack([loss(one).values for one in several]).astype(float)
    steps, mean, low, high = seeds.over_seeds(several, loss, log=True)
    np.testing.assert_array_equal(steps, several[0].data["step"])
    np.testing.assert_allclose(mean, stats.gmean(values, axis=0))
    np.testing.assert_allclose(low * high, mean**2)
    np.testing.assert_allclose(seeds.over_seeds(several, loss)[1], values.mean(axis=0))


def test_only_steps_that_all_seeds_share_are_averaged(repeats):
    first, *others = repeats["standard"]
    shorter = replace(first, data=first.data.isel(step=slice(1, 4)))
    steps, mean, _, _ = seeds.over_seeds([shorter, *others], loss)
    np.testing.assert_array_equal(steps, shorter.data["step"])
    np.testing.assert_allclose(mean[0], np.mean([loss(one).values[1] for one in repeats["standard"]]))
    assert seeds.over_seeds([replace(first, data=first.data.drop_vars("test_loss")), *others], loss) is None


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


def test_a_ribbon_is_the_area_between_its_lines_and_has_gaps():
    x = np.arange(6)
    low, high = np.zeros(6), np.array([1.0, 1, 1, np.nan, 2, 2])
    outline = seeds.ribbon(x, low, high)
    assert area(outline) == pytest.approx(2 * 1 + 1 * 2)
    assert np.isnan(outline["x"]).sum() == 1
    assert not len(seeds.ribbon(x, low, np.full(6, np.nan))["x"])


def test_a_ribbon_leaves_out_what_is_wider_than_the_numbers_that_are_sent():
    outline = seeds.ribbon(np.arange(3), np.array([0.0, 0, 1e-60]), np.array([1.0, 1e60, 2]))
    np.testing.assert_array_equal(outline["x"], [0, 0, np.nan, 2, 2])
    np.testing.assert_array_equal(outline["y"], [0, 1, np.nan, 0, 2])


def test_thin_lines_are_the_seeds_and_the_bold_one_is_their_mean(records, repeats):
    drawn = curves.accuracy(records, repeats)
    lines = {trace.name: trace for trace in drawn.data}
    for arm, several in repeats.items():
        values = np.stack([one.data["test_accuracy"].values for one in several]).astype(float)
        for seed, row in enumerate(values):
            np.testing.assert_array_equal(lines[f"{arm}, seed {seed}"].y, row.astype(np.float32))
            assert lines[f"{arm}, seed {seed}"].line.width < lines[arm].line.width
        np.testing.assert_allclose(lines[arm].y, values.mean(axis=0), rtol=1e-6)
        outline = lines[f"{arm}, {seeds.RIBBON}"]
        assert outline.fill == "toself"
        _, low, high = seeds.interval(values)
        assert (np.nanmin(outline.y), np.nanmax(outline.y)) == pytest.approx((low.min(), high.max()), rel=1e-5)
    assert [trace.name for trace in curves.accuracy(records).data] == list(records)


def test_a_single_seed_is_just_a_line(records):
    several = {arm: [record] for arm, record in records.items()}
    assert curves.accuracy(records, several).to_json() == curves.accuracy(records).to_json()


def test_an_arm_whose_seeds_are_not_all_measured_is_drawn_of_its_own_record(records, repeats):
    first, *others = repeats["standard"]
    unmeasured = {"standard": [replace(first, data=first.data.drop_vars("test_loss")), *others]}
    drawn = figure("title", "alt", "x", "y")
    seeds.lines(drawn, {"standard": others[0]}, loss, "%{y}", unmeasured)
    (line,) = drawn.data
    np.testing.assert_array_equal(line.y, loss(others[0]))


def test_medians_leave_out_what_is_not_finite(records):
    record = records["standard"]
    values = record.data["test_loss"].values.copy()
    values[-2:] = np.inf, np.nan
    changed = {"standard": replace(record, data=record.data.assign(test_loss=("step", values)))}
    assert seeds.medians(changed, loss) == {"standard": pytest.approx(float(np.median(values[:-2])))}
    assert seeds.medians(changed, lambda one: one.data["nothing"]) == {}
