"""Sentences: their numbers by hand, and none where nothing was measured."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bnviz.analysis.captions import covariate_shift as shift_captions
from bnviz.analysis.captions import loss_landscape as landscape_captions
from bnviz.analysis.captions import noisy_bn as noise_captions
from bnviz.analysis.captions import shared as captions
from bnviz.analysis.captions import theory as theory_captions
from bnviz.analysis.captions.shared import compared
from bnviz.core.number_format import percent, two_digits
from tests.figures.over_updates import median_over_updates

UNITS = {1: 7, 2: 5}
EVERY = {
    "learning": captions.learning,
    "one_unit": lambda records: captions.one_unit(records, 1, 1),
    "whole_layer": lambda records: captions.whole_layer(records, 1),
    "saturation_and_drift": lambda records: captions.saturation_and_drift(records, 1),
    "variation": landscape_captions.variation,
    "predictiveness": landscape_captions.predictiveness,
    "smoothness": landscape_captions.smoothness,
    "around": landscape_captions.around,
    "shift": lambda records: shift_captions.shift(records, 2),
    "growth": shift_captions.growth,
    "scoring": noise_captions.scoring,
    "rounding": landscape_captions.rounding,
    "beta_by_arithmetic": landscape_captions.beta_by_arithmetic,
    "drift": lambda records: noise_captions.drift(records, 1),
    "exactness": theory_captions.exactness,
    "condition": theory_captions.condition,
    "let_through": theory_captions.let_through,
    "lemma": theory_captions.lemma,
}


@pytest.fixture(params=EVERY)
def say(request):
    return EVERY[request.param]


@pytest.mark.filterwarnings("error")
def test_every_sentence_reads_as_one(shown):
    for name, say in EVERY.items():
        text = say(shown)
        assert text == "" or re.fullmatch(r"[A-Z].*[^ ,;:.]\.", text), (name, text)
        assert not re.search(r"\b(nan|inf|None)\b|  |[,;:] *[.,;]", text), (name, text)


def test_nothing_is_said_of_nothing(say, case):
    assert say(case("nothing yet")) == ""
    assert not re.search(r"(in|:|,) batch norm|batch norm (gets|has|\d)", say(case("one has not begun")))


def test_learning(records, case):
    text = captions.learning(records)
    for name, record in records.items():
        assert f"{name} {percent(record.final('final_test_accuracy'))}" in text
    assert text.startswith("Test accuracy after 30 updates: ")
    text = captions.learning(case("diverged"))
    for name, record in case("diverged").items():
        if record.outcome == "diverged":
            assert f"{name} diverged by update {record.last_step}: " in text.lower()
        else:
            assert f"{name} {percent(record.final('final_test_accuracy'))}" in text


def _by_hand(record, at):
    """Per unit: range of the median over steps; median over updates of the 85th minus the 15th percentile."""
    low, middle, high = (record.data["percentile"].sel(layer=at, quantile=level).values for level in (15, 50, 85))
    wander = [column.max() - column.min() for column in middle.T[: UNITS[at]]]
    steps = record.data["probe_step"].values
    width = [median_over_updates(steps, column) for column in (high - low).T[: UNITS[at]]]
    return np.array(wander), np.array(width)


@pytest.mark.parametrize(("at", "one"), [(1, 1), (1, 7), (2, 5)])
def test_one_unit(records, at, one):
    text = captions.one_unit(records, at, one)
    assert f"unit {one} in layer {at}" in text
    for name, record in records.items():
        wander, width = (float(values[one - 1]) for values in _by_hand(record, at))
        assert f"{two_digits(wander)} in {name}, which is {two_digits(wander / width)} times" in text


@pytest.mark.parametrize("at", UNITS)
def test_whole_layer(records, at):
    text = captions.whole_layer(records, at)
    assert f"layer {at}" in text
    for name, record in records.items():
        wander, width = _by_hand(record, at)
        expected = (
            f"{two_digits(float(np.median(wander / width)))} times its width in {name} "
            f"({two_digits(float(np.median(wander)))}, at most {two_digits(float(wander.max()))})"
        )
        assert expected in text


@pytest.mark.parametrize("at", UNITS)
def test_saturation_and_drift(records, case, at):
    text = captions.saturation_and_drift(records, at)
    for name, record in records.items():
        share = float(record.data["saturated_share"].sel(layer=at).values[-1, : UNITS[at]].mean())
        changes = record.data["mean_change"].sel(layer=at).values[1:, : UNITS[at]]
        change = median_over_updates(record.data["probe_step"].values[1:], changes)
        expected = (
            f"{name}: {percent(share)} saturated at update 30, a unit's mean moves by {two_digits(change)} in a step"
        )
        assert expected.lower() in text.lower()
    chance = "chance difference"
    assert chance in text
    assert chance not in captions.saturation_and_drift(case("fixed batch"), at)


def test_a_distribution_without_width_is_not_measured_against(case):
    text = captions.one_unit(case("one percentile"), 1, 1)
    assert "wanders over" in text
    assert "times" not in text
    text = captions.whole_layer(case("one percentile"), 1)
    assert re.search(r"wanders over [\d.]+ in standard \(at most [\d.]+\), over", text)
    assert "times" not in text


def test_a_loss_that_is_no_number_is_told_so(case):
    (name, record), *_ = case("no accuracy").items()
    loss = record.data["test_loss"].copy()
    loss[-1] = np.inf
    wild = replace(record, data=record.data.assign(test_loss=loss, final_test_loss=loss))
    assert f"Test loss after 30 updates: {name} beyond numbers." in captions.learning({name: wild})


def test_where_values_are_learned_the_loss_is_told(case):
    for name, record in case("no accuracy").items():
        loss = two_digits(record.final("final_test_loss"))
        assert re.search(rf"Test loss after 30 updates: .*{name} {loss}[,.]", captions.learning(case("no accuracy")))


def test_compared():
    assert compared({}) == ""
    assert compared({"standard": 0.5}) == "0.5 in standard"
    assert compared({"standard": 0.5, "batch norm": 0.1}, " each") == (
        "0.5 in standard and 0.1 in batch norm each: 5 times as much in standard as in batch norm"
    )
    assert compared({"a": 1.0, "b": 3.0, "c": 2.0}) == "1 in a, 3 in b and 2 in c: 3 times as much in b as in a"
    assert compared({"a": 1.0, "b": 1.001}) == "1 in a and 1 in b"
    assert compared({"a": 0.0, "b": 1.0}) == "0 in a and 1 in b"


def test_landscape_in_words(records):
    text = (
        landscape_captions.variation(records)
        + landscape_captions.predictiveness(records)
        + landscape_captions.smoothness(records)
    )
    for name, record in records.items():
        loss, here = record.data["line_loss"].values, record.data["line_loss_here"].values
        change, norm = record.data["line_gradient_change"].values, record.data["line_gradient_norm"].values
        steps, sharpness = record.data["probe_step"].values, record.data["sharpness"].values[:, 0]
        seen = np.isfinite(sharpness)
        for values in (
            np.ptp(loss, axis=1),
            np.ptp(loss, axis=1) / here,
            change.max(axis=1) / norm,
            record.data["line_cosine"].values.min(axis=1),
            (change / record.data["line_distance"].values).max(axis=1),
        ):
            assert f"{two_digits(median_over_updates(steps, values))} in {name}" in text
        sharpness = sharpness[seen]
        assert f"{two_digits(median_over_updates(steps[seen], sharpness))} in {name}" in text
        beyond = percent(float((sharpness > 20).mean()))
        assert f"In {name} it is above the stability limit of 20 at {beyond} of the measured updates" in text
        plane = record.data["plane_loss"].values[-1]
        ends = f"from {two_digits(float(plane.min()))} to {two_digits(float(plane.max()))} in {name}"
        assert ends in landscape_captions.around(records)
