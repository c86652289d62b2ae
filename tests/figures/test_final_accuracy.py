"""Accuracies at the end, and what is said of noise, against the records."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bnviz.analysis.captions import learning
from bnviz.analysis.captions import noisy_bn as noise_captions
from bnviz.analysis.quantities import final_score
from bnviz.core.number_format import percent, two_digits
from bnviz.figures import final_accuracy
from tests.figures.over_updates import median_over_updates


def test_final_accuracy_has_seeds_mean_and_interval(records, repeats):
    figure = final_accuracy.final_accuracy(records, repeats)
    traces = {trace.name: trace for trace in figure.data}
    for arm, several in repeats.items():
        values = [float(one.data["final_test_accuracy"].values[-1]) for one in several]
        np.testing.assert_allclose(traces[arm].x, values)
        assert set(traces[arm].y) == {arm}
        assert traces[f"{arm}, mean"].x[0] == pytest.approx(np.mean(values))
        ends = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
        assert traces[f"{arm}, 95 % interval over seeds"].x == pytest.approx(ends)
        assert f"{arm} {percent(float(np.mean(values)))} (mean of 3 seeds)" in figure.layout.meta["alt"]
        caption = learning.scores(records, repeats)
        mean, limits = percent(float(np.mean(values))), f"{percent(min(values))} to {percent(max(values))}"
        assert f"{arm} {mean} (mean of 3 seeds, {limits})" in caption
    assert figure.layout.yaxis.categoryarray == ["batch norm", "standard"]  # the first arm on top


def test_final_accuracy_of_one_seed_is_a_point(records):
    figure = final_accuracy.final_accuracy(records)
    assert [trace.name for trace in figure.data] == list(records)
    accuracy = float(records["standard"].data["final_test_accuracy"].values[-1])
    assert f"standard {percent(accuracy)}" in learning.scores(records)


def test_running_run_is_scored_by_its_last_point(case):
    for arm, record in case("first five frames").items():
        assert final_score(record, "test_accuracy") == pytest.approx(float(record.data["test_accuracy"][-1]))
        assert f"{arm} {percent(float(record.data['test_accuracy'][-1]))}" in learning.scores({arm: record})


def test_moment_drift_caption_has_medians(records):
    text = noise_captions.moment_drift(records, 2)
    for quantity in ("mean_change", "variance_change"):
        for arm, record in records.items():
            values = record.data[quantity].sel(layer=2).values[1:, :5]
            expected = median_over_updates(record.data["probe_step"].values[1:], values)
            assert f"{two_digits(expected)} in {arm}" in text
    without = {arm: replace(one, data=one.data.drop_vars(["mean_change"])) for arm, one in records.items()}
    assert "mean" not in noise_captions.moment_drift(without, 2)
