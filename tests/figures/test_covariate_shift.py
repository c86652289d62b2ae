"""Covariate shift and gradient flow, layer by layer, against the record."""

import numpy as np
import pytest

from bnviz.analysis.captions import covariate_shift as shift_captions
from bnviz.core.number_format import two_digits
from bnviz.figures import covariate_shift, gradient_flow
from tests.figures.over_updates import median_over_updates

LAYERS = 3
KINDS = ("l2", "relative", "cosine")


def by_hand(record, quantity):
    """(probe_step, weight_layer), layer 1 first."""
    if quantity == "relative":
        return record.data["shift_l2"].values / record.data["shift_before"].values
    return record.data[f"shift_{quantity}"].values


@pytest.mark.parametrize("quantity", KINDS)
@pytest.mark.parametrize("at", [2, 3])
def test_shift_lines_match_record(records, quantity, at):
    figure = covariate_shift.shift_lines(records, quantity, at)
    lines = {trace.name: trace for trace in figure.data}
    other = 5 - at
    for arm, record in records.items():
        values = by_hand(record, quantity)
        np.testing.assert_allclose(lines[arm].y, values[:, at - 1], rtol=1e-6)
        np.testing.assert_allclose(lines[f"{arm}, layer {other}"].y, values[:, other - 1], rtol=1e-6)
        assert lines[arm].line.width > lines[f"{arm}, layer {other}"].line.width
        median = median_over_updates(record.data["probe_step"], values[:, at - 1])
        assert f"{arm} has a median of {two_digits(median)}" in figure.layout.meta["alt"]
    assert [*lines][-len(records) :] == [*records]
    assert not any("layer 1" in name for name in lines)
    assert (figure.layout.yaxis.type == "log") == (quantity != "cosine")


def test_first_layer_has_no_shift(records):
    figure = covariate_shift.shift_lines(records, "l2", 1)
    assert {trace.name for trace in figure.data} == {f"{arm}, layer {layer}" for arm in records for layer in (2, 3)}
    assert figure.layout.meta["alt"].endswith("there is no finite value to show.")
    assert shift_captions.gradient_shift(records, 1) == ""


@pytest.mark.parametrize("quantity", KINDS)
def test_shift_maps_share_colours_without_first_layer(records, quantity):
    limits = set()
    for arm, record in records.items():
        figure = covariate_shift.shift_map(records, arm, quantity)
        (trace,) = figure.data
        values = by_hand(record, quantity).T
        assert np.isnan(trace.z[0]).all()
        expected = (
            values if quantity == "cosine" else np.log10(values, where=values > 0, out=np.full_like(values, np.nan))
        )
        np.testing.assert_allclose(trace.z[1:], expected[1:], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(trace.customdata[1:], values[1:], rtol=1e-6)
        np.testing.assert_array_equal(trace.y, [1, 2, 3])
        limits.add((trace.zmin, trace.zmax))
        assert figure.layout.meta["selects"] == "layer"
        assert not figure.layout.shapes  # the board marks the chosen one
    assert len(limits) == 1
    if quantity == "cosine":
        assert limits == {(-1, 1)}


@pytest.mark.parametrize("quantity", KINDS)
def test_shift_by_layer_has_every_step(records, quantity):
    figure = covariate_shift.by_layer(records, quantity)
    for trace, entry, record in zip(figure.data, figure.layout.meta["by_step"], records.values(), strict=True):
        values = by_hand(record, quantity)
        np.testing.assert_array_equal(entry["steps"], record.data["probe_step"])
        np.testing.assert_array_equal(trace.x, [1, 2, 3])
        assert np.isnan(entry["y"][:, 0]).all()
        np.testing.assert_allclose(entry["y"][:, 1:], values[:, 1:], rtol=1e-6)


@pytest.mark.parametrize(
    ("draw", "quantity"),
    [
        (gradient_flow.gradients, "pre_activation_gradient_norm"),
        (gradient_flow.signals, "pre_activation_norm"),
        (gradient_flow.weight_gradients, "weight_gradient_norm"),
    ],
)
def test_gradient_flow_matches_record_on_fixed_axis(records, draw, quantity):
    figure = draw(records)
    low, high = figure.layout.yaxis.range
    assert figure.layout.yaxis.type == "log"
    for trace, entry, record in zip(figure.data, figure.layout.meta["by_step"], records.values(), strict=True):
        values = record.data[quantity].values
        np.testing.assert_allclose(entry["y"], values, rtol=1e-6)
        np.testing.assert_array_equal(trace.x, np.arange(1, values.shape[1] + 1))
        assert ((np.log10(values) >= low) & (np.log10(values) <= high)).all()
        assert f"{two_digits(float(values[-1, 0]))} next to the input" in figure.layout.meta["alt"]


def test_shift_caption_has_medians_and_ratio(records):
    text = shift_captions.gradient_shift(records, 2)
    assert text.startswith("The step of the layers in front of layer 2 shifts its gradient by ")
    medians = {
        quantity: {
            arm: median_over_updates(record.data["probe_step"], by_hand(record, quantity)[:, 1])
            for arm, record in records.items()
        }
        for quantity in KINDS
    }
    for values in medians.values():
        for arm, value in values.items():
            assert f"{two_digits(value)} in {arm}" in text
    share = medians["relative"]
    larger, smaller = sorted(share, key=share.get, reverse=True)
    assert f"{two_digits(share[larger] / share[smaller])} times as much in {larger} as in {smaller}" in text


def test_growth_caption_has_first_and_last_factor(run):
    deep = {"standard": run(widths=(5,) * 6)}
    norms = deep["standard"].data["pre_activation_gradient_norm"].values
    factors = (norms[:, 1] / norms[:, 4]) ** (1 / 3)
    text = shift_captions.gradient_growth(deep)
    first, last = (two_digits(float(factors[place])) for place in (0, -1))
    assert f"in standard by {first} at update 0 and by {last} at update 30" in text
    assert shift_captions.gradient_growth({"standard": run()}) == ""  # two hidden layers, and both are outermost
