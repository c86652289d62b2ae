"""Learning curves, against the record."""

import numpy as np

from bnviz.core.number_format import percent, two_digits
from bnviz.figures import curves
from bnviz.figures.style import styles


def test_accuracy_curves_match_record(records):
    figure = curves.accuracy(records)
    assert [trace.name for trace in figure.data] == list(records)
    for trace, record in zip(figure.data, records.values(), strict=True):
        np.testing.assert_array_equal(trace.x, record.data["step"])
        np.testing.assert_array_equal(trace.y, record.data["test_accuracy"])
        assert f"{trace.name} ends at {percent(float(trace.y[-1]))}" in figure.layout.meta["alt"]
    low, high = figure.layout.yaxis.range
    assert low <= 0 < 1 < high


def test_loss_curves_match_record(records):
    figure = curves.loss(records)
    assert figure.layout.yaxis.type == "log"
    assert "nat" in figure.layout.yaxis.title.text
    lines = {trace.name: trace for trace in figure.data}
    for name, record in records.items():
        np.testing.assert_array_equal(lines[name].y, record.data["test_loss"])
        thin = lines[f"{name}, mini-batch"]
        np.testing.assert_array_equal(thin.y, record.data["train_loss"])
        np.testing.assert_array_equal(thin.x, record.data["step"])
        assert thin.line.width < lines[name].line.width
        assert thin.line.color == styles(records)[name].faded(0.55)
        assert f"{name} ends at {two_digits(float(record.data['test_loss'][-1]))}" in figure.layout.meta["alt"]
    assert list(lines)[-len(records) :] == list(records)  # thick lines lie on the thin ones


def test_diverged_loss_ends_at_last_finite_value(case):
    records = case("diverged")
    alt = curves.loss(records).layout.meta["alt"]
    for name, record in records.items():
        values = record.data["test_loss"].values
        assert f"{name} ends at {two_digits(float(values[np.isfinite(values)][-1]))}" in alt


def test_arm_without_measurements_has_no_line(case):
    records = case("one has not begun")
    assert [trace.name for trace in curves.accuracy(records).data] == ["standard"]
    assert not curves.loss(case("nothing yet")).data
