"""Wrong ways beside the right ones: what is drawn, and that both stand on one axis."""

import numpy as np
import pytest

from bnviz.core.number_format import two_digits
from bnviz.figures import measurement_pitfalls
from tests.figures.over_updates import median_over_updates


def test_wrong_band_is_range_over_runs(records, by_rate):
    figure = measurement_pitfalls.runs_band(records, by_rate)
    assert "3 runs, learning rates 0.05 to 0.4" in figure.layout.meta["title"]
    assert figure.layout.meta["title"].startswith("Wrong way")
    for trace, (arm, several) in zip(figure.data, by_rate.items(), strict=True):
        losses = np.stack([one.data["train_loss"].values for one in several])
        assert trace.name == f"{arm}, {measurement_pitfalls.RUNS_RANGE}"
        assert trace.fillpattern.shape
        assert (np.nanmin(trace.y), np.nanmax(trace.y)) == pytest.approx((losses.min(), losses.max()), rel=1e-5)
        told = two_digits(median_over_updates(several[0].data["step"].values, np.ptp(losses, axis=0)))
        assert f"{arm} has a median of {told}" in figure.layout.meta["alt"]


def test_wrong_and_right_band_share_an_axis(records, by_rate):
    wrong, right = measurement_pitfalls.runs_band(records, by_rate), measurement_pitfalls.ray_band(records, by_rate)
    assert wrong.layout.yaxis == right.layout.yaxis
    assert right.layout.meta["title"].startswith("Right way")
    low, high = wrong.layout.yaxis.range
    for figure in (wrong, right):
        for trace in figure.data:
            seen = np.log10(np.asarray(trace.y)[np.isfinite(trace.y)])
            assert ((seen >= low) & (seen <= high)).all()


def test_loss_range_uses_common_steps(by_rate, run):
    several = [*by_rate["standard"], run(frames=3)]
    steps, low, high = measurement_pitfalls.loss_range(several)
    np.testing.assert_array_equal(steps, several[-1].data["step"])
    assert (low <= high).all()
    assert measurement_pitfalls.loss_range(several[:1]) is None


def test_wrong_and_right_gradient_match_record(records):
    wrong, right = measurement_pitfalls.batch_difference(records), measurement_pitfalls.along_step(records)
    assert wrong.layout.yaxis.range == right.layout.yaxis.range
    for trace, record in zip(wrong.data, records.values(), strict=True):
        np.testing.assert_array_equal(trace.y, record.data["wrong_batch_difference"])
    for trace, record in zip(right.data, records.values(), strict=True):
        np.testing.assert_array_equal(trace.y, record.data["line_gradient_change"].max("alpha"))
    assert (wrong.layout.meta["title"][:5], right.layout.meta["title"][:5]) == ("Wrong", "Right")


def test_batch_difference_remains_at_learning_rate_0(run):
    record = run(learning_rate=0.0)
    (wrong,) = measurement_pitfalls.batch_difference({"standard": record}).data
    assert np.nanmin(wrong.y) > 0
    assert record.data["line_gradient_change"].max() == 0
