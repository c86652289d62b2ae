"""Sentences: their numbers by hand, and none where nothing was measured."""

import re

import numpy as np
import pytest

from bnviz.figures import sentences
from bnviz.figures.style import percent, two_digits

UNITS = {1: 7, 2: 5}
EVERY = {
    "learning": sentences.learning,
    "one_unit": lambda records: sentences.one_unit(records, 1, 1),
    "whole_layer": lambda records: sentences.whole_layer(records, 1),
    "saturation_and_drift": lambda records: sentences.saturation_and_drift(records, 1),
}


@pytest.fixture(params=EVERY)
def say(request):
    return EVERY[request.param]


@pytest.mark.filterwarnings("error")
def test_a_sentence_reads_as_one(say, shown):
    text = say(shown)
    assert text == "" or re.fullmatch(r"[A-Z].*[^ ,;:.]\.", text), text
    assert not re.search(r"\b(nan|inf|None)\b|  |[,;:] *[.,;]", text), text


def test_nothing_is_said_of_nothing(say, case):
    assert say(case("nothing yet")) == ""
    assert "batch norm" not in say(case("one has not begun"))


def test_learning(records, case):
    text = sentences.learning(records)
    for name, record in records.items():
        assert f"{name} gets {percent(float(record.data['test_accuracy'][-1]))} of" in text
    text = sentences.learning(case("diverged"))
    for name, record in case("diverged").items():
        if record.outcome == "diverged":
            assert f"{name} diverged by update {record.last_step} (" in text
        else:
            assert f"{name} gets" in text


def _by_hand(record, at):
    """Per unit: range of the median over steps; median over steps of the 85th minus the 15th percentile."""
    low, middle, high = (record.data["percentile"].sel(layer=at, quantile=level).values for level in (15, 50, 85))
    wander = [column.max() - column.min() for column in middle.T[: UNITS[at]]]
    width = [np.median(column) for column in (high - low).T[: UNITS[at]]]
    return np.array(wander), np.array(width)


@pytest.mark.parametrize(("at", "one"), [(1, 1), (1, 7), (2, 5)])
def test_one_unit(records, at, one):
    text = sentences.one_unit(records, at, one)
    assert f"unit {one} in layer {at}" in text
    for name, record in records.items():
        wander, width = (float(values[one - 1]) for values in _by_hand(record, at))
        assert f"{two_digits(wander)} in {name}, which is {two_digits(wander / width)} times" in text


@pytest.mark.parametrize("at", UNITS)
def test_whole_layer(records, at):
    text = sentences.whole_layer(records, at)
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
    text = sentences.saturation_and_drift(records, at)
    for name, record in records.items():
        share = float(record.data["saturated_share"].sel(layer=at).values[-1, : UNITS[at]].mean())
        change = float(np.median(record.data["mean_change"].sel(layer=at).values[1:, : UNITS[at]]))
        expected = f"{name}: {percent(share)} saturated, a unit's mean moves by {two_digits(change)} in a step"
        assert expected.lower() in text.lower()
    chance = "chance difference"
    assert chance in text
    assert chance not in sentences.saturation_and_drift(case("fixed batch"), at)


def test_a_distribution_without_width_is_not_measured_against(case):
    text = sentences.one_unit(case("one percentile"), 1, 1)
    assert "wanders over" in text
    assert "times" not in text
    assert sentences.whole_layer(case("one percentile"), 1) == ""
