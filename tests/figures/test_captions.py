"""Sentences: their numbers by hand, and none where nothing was measured."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bnviz.analysis.captions import activations, learning
from bnviz.analysis.captions import covariate_shift as shift_captions
from bnviz.analysis.captions import loss_landscape as landscape_captions
from bnviz.analysis.captions import noisy_bn as noise_captions
from bnviz.analysis.captions import theory as theory_captions
from bnviz.analysis.captions.shared import compare_arms
from bnviz.core.number_format import percent, two_digits
from tests.figures.over_updates import median_over_updates

UNITS = {1: 7, 2: 5}
EVERY = {
    "scores": learning.scores,
    "unit_drift": lambda records: activations.unit_drift(records, 1, 1),
    "layer_drift": lambda records: activations.layer_drift(records, 1),
    "saturation_and_drift": lambda records: activations.saturation_and_drift(records, 1),
    "loss_variation": landscape_captions.loss_variation,
    "predictiveness": landscape_captions.predictiveness,
    "smoothness": landscape_captions.smoothness,
    "plane": landscape_captions.plane,
    "gradient_shift": lambda records: shift_captions.gradient_shift(records, 2),
    "gradient_growth": shift_captions.gradient_growth,
    "scoring_conditions": noise_captions.scoring_conditions,
    "rounding": landscape_captions.rounding,
    "beta_artefact": landscape_captions.beta_artefact,
    "moment_drift": lambda records: noise_captions.moment_drift(records, 1),
    "exactness": theory_captions.exactness,
    "condition": theory_captions.condition,
    "gradient_reduction": theory_captions.gradient_reduction,
    "lemma": theory_captions.lemma,
}


@pytest.fixture(params=EVERY)
def say(request):
    return EVERY[request.param]


@pytest.mark.filterwarnings("error")
def test_every_caption_reads_as_sentences(shown):
    for name, say in EVERY.items():
        text = say(shown)
        assert text == "" or re.fullmatch(r"[A-Z].*[^ ,;:.]\.", text), (name, text)
        assert not re.search(r"\b(nan|inf|None)\b|  |[,;:] *[.,;]", text), (name, text)


def test_captions_of_empty_records_are_empty(say, case):
    assert say(case("nothing yet")) == ""
    assert not re.search(r"(in|:|,) batch norm|batch norm \d", say(case("one has not begun")))


def test_scores_have_final_accuracies_and_divergence(records, case):
    text = learning.scores(records)
    for name, record in records.items():
        assert f"{name} {percent(record.final('final_test_accuracy'))}" in text
    assert text.startswith("Test accuracy after 30 updates: ")
    text = learning.scores(case("diverged"))
    for name, record in case("diverged").items():
        if record.outcome == "diverged":
            assert f"{name} diverged by update {record.last_step}: " in text.lower()
        else:
            assert f"{name} {percent(record.final('final_test_accuracy'))}" in text


def _by_hand(record, layer):
    """Per unit: range of the median over steps; median over updates of the 85th minus the 15th percentile."""
    low, middle, high = (record.data["percentile"].sel(layer=layer, quantile=level).values for level in (15, 50, 85))
    drift = [column.max() - column.min() for column in middle.T[: UNITS[layer]]]
    steps = record.data["probe_step"].values
    width = [median_over_updates(steps, column) for column in (high - low).T[: UNITS[layer]]]
    return np.array(drift), np.array(width)


@pytest.mark.parametrize(("layer", "unit"), [(1, 7), (2, 5)])
def test_unit_drift_is_range_and_ratio_to_width(records, layer, unit):
    text = activations.unit_drift(records, layer, unit)
    assert text.startswith(f"The median of unit {unit} in layer {layer} drifts by ")
    for name, record in records.items():
        drift, width = (float(values[unit - 1]) for values in _by_hand(record, layer))
        ratio = two_digits(drift / width)
        assert f"by {two_digits(drift)} ({ratio} times the unit's own spread) in {name}" in text


@pytest.mark.parametrize("layer", UNITS)
def test_layer_drift_is_median_over_units(records, layer):
    text = activations.layer_drift(records, layer)
    assert text.startswith(f"The median of a typical unit in layer {layer} drifts by ")
    for name, record in records.items():
        drift, width = _by_hand(record, layer)
        ratio = two_digits(float(np.median(drift / width)))
        expected = (
            f"by {two_digits(float(np.median(drift)))} in {name} "
            f"({ratio} times its own spread, at most {two_digits(float(drift.max()))})"
        )
        assert expected in text


@pytest.mark.parametrize("layer", UNITS)
def test_saturation_caption_has_share_and_drift(records, case, layer):
    text = activations.saturation_and_drift(records, layer)
    assert text.startswith("Saturated at update 30: ")
    scores, drifts = text.split(". Per update, the mean of a unit moves by ")
    for name, record in records.items():
        share = float(record.data["saturated_share"].sel(layer=layer).values[-1, : UNITS[layer]].mean())
        changes = record.data["mean_change"].sel(layer=layer).values[1:, : UNITS[layer]]
        change = median_over_updates(record.data["probe_step"].values[1:], changes)
        assert f"{name} {percent(share)}" in scores
        assert f"{two_digits(change)} in {name}" in drifts
    chance = "chance difference"
    assert chance in text
    assert chance not in activations.saturation_and_drift(case("fixed batch"), layer)


def test_saturation_caption_names_updates_that_differ(case):
    text = activations.saturation_and_drift(case("arms out of step"), 1)
    assert re.match(r"Saturated: standard \d+ % at update \d, batch norm \d+ % at update 30\.", text)


def test_drift_caption_without_width_has_no_ratio(case):
    text = activations.unit_drift(case("one percentile"), 1, 1)
    assert re.search(r"drifts by [\d.]+ in standard, by [\d.]+ in batch norm\.", text)
    text = activations.layer_drift(case("one percentile"), 1)
    assert re.search(r"drifts by [\d.]+ in standard \(at most [\d.]+\), by", text)
    assert "times" not in text


def test_scores_name_a_loss_that_is_not_finite(case):
    (name, record), *_ = case("no accuracy").items()
    loss = record.data["test_loss"].copy()
    loss[-1] = np.inf
    wild = replace(record, data=record.data.assign(test_loss=loss, final_test_loss=loss))
    assert f"Test loss after 30 updates: {name} not a finite number." in learning.scores({name: wild})


def test_scores_of_regression_are_losses(case):
    for name, record in case("no accuracy").items():
        loss = two_digits(record.final("final_test_loss"))
        assert re.search(rf"Test loss after 30 updates: .*{name} {loss}[,.]", learning.scores(case("no accuracy")))


def test_comparison_of_arms_has_values_and_factor():
    assert compare_arms({}) == ""
    assert compare_arms({"standard": 0.5}) == "0.5 in standard"
    assert compare_arms({"standard": 0.5, "batch norm": 0.1}) == (
        "0.5 in standard and 0.1 in batch norm: 5 times as much in standard as in batch norm"
    )
    assert compare_arms({"a": 1.0, "b": 3.0, "c": 2.0}) == "1 in a, 3 in b and 2 in c: 3 times as much in b as in a"
    assert compare_arms({"a": 1.0, "b": 1.001}) == "1 in a and 1 in b"
    assert compare_arms({"a": 0.0, "b": 1.0}) == "0 in a and 1 in b"


def test_landscape_captions_have_medians(records):
    text = (
        landscape_captions.loss_variation(records)
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
        assert f"In {name} it exceeds the stability limit of 20 at {beyond} of the measured updates" in text
        plane = record.data["plane_loss"].values[-1]
        ends = f"from {two_digits(float(plane.min()))} to {two_digits(float(plane.max()))} in {name}"
        assert ends in landscape_captions.plane(records)
