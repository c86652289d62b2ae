"""Figures and sentences of the theorems, against the record."""

import numpy as np
import pytest

from bnviz.analysis.captions import theory as theory_captions
from bnviz.analysis.quantities import lipschitz_estimate
from bnviz.core.number_format import percent, two_digits
from bnviz.figures import theory
from tests.figures.over_updates import median_over_updates, values_by_update

SIDES = {
    "gradient_norms": ("theorem_41_right", "theorem_bn_gradient"),
    "weight_gradients": ("theorem_44_right", "theorem_44_actual"),
    "starting_points": ("lemma_45_right", "lemma_45_left"),
}


def flat(record, name):
    values = record.data[name].values
    return values.reshape(len(values), -1)


@pytest.mark.parametrize("name", SIDES)
def test_scatter_has_a_point_per_unit(records, name):
    figure = getattr(theory, name)(records)
    diagonal, *traces = figure.data
    assert diagonal.x == diagonal.y
    still, *moving = figure.layout.meta["by_step"]
    assert still is None
    assert figure.layout.xaxis.range == figure.layout.yaxis.range
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    for trace, entry, record in zip(traces, moving, records.values(), strict=True):
        right, left = (flat(record, side) for side in SIDES[name])
        kept = np.isfinite(left).any(axis=1)
        np.testing.assert_allclose(entry["x"], right[kept], rtol=1e-6)
        np.testing.assert_allclose(entry["y"], left[kept], rtol=1e-6)
        np.testing.assert_array_equal(entry["steps"], record.data["probe_step"][kept])
        assert trace.mode == "markers"


def test_alt_text_counts_points_above_diagonal(records):
    record = records["standard"]
    right = record.data["theorem_44_right"]
    wrong = type(record)(record.config, record.data.assign(theorem_44_actual=2 * right), record.outcome)
    seen = int(right.notnull().sum())
    assert seen > 50
    above = int((right > 0).sum())
    alt = theory.weight_gradients({"standard": wrong}).layout.meta["alt"]
    assert f"{percent(above / seen)} of {seen} points above the diagonal" in alt
    alt = theory.gradient_norms(records).layout.meta["alt"]
    assert alt.count("has 0 % of") == 2


def test_negative_curvatures_are_open_points(records):
    figure = theory.curvatures(records)
    traces = {
        trace.name: (trace, entry) for trace, entry in zip(figure.data, figure.layout.meta["by_step"], strict=True)
    }
    for arm, record in records.items():
        left = flat(record, "theorem_42_left")
        for name, chosen in ((arm, left >= 0), (f"{arm}, negative", left < 0)):
            trace, entry = traces[name]
            drawn = 0 if entry is None else int(np.isfinite(entry["y"]).sum())
            assert drawn == chosen.sum()
            assert trace.marker.symbol.endswith("-open") == ("negative" in name)
            if drawn:
                np.testing.assert_allclose(np.sort(entry["y"][np.isfinite(entry["y"])]), np.sort(abs(left[chosen])))


def test_every_residual_is_in_a_bin(records):
    figure = theory.residuals(records)
    assert len(figure.data) == 4
    for trace in figure.data:
        assert sum(trace.y) == pytest.approx(1)
    for arm, record in records.items():
        for theorem in ("41", "42"):
            largest = float(record.data[f"theorem_{theorem}_residual"].max())
            assert f"{arm}, Thm. {theorem[0]}.{theorem[1]}: at most {two_digits(largest)}" in figure.layout.meta["alt"]
            trace = next(one for one in figure.data if one.name == f"{arm}, Thm. {theorem[0]}.{theorem[1]}")
            last = trace.x[np.flatnonzero(trace.y)[-1]]
            assert abs(np.log10(last) - np.log10(max(largest, theory.EPSILON / 16))) <= 0.26


def test_ratio_strips_keep_layers_and_arms_apart(records):
    figure = theory.gradient_reduction(records)
    for trace, entry, record in zip(figure.data, figure.layout.meta["by_step"], records.values(), strict=True):
        ratios = flat(record, "theorem_ratio")
        np.testing.assert_allclose(entry["y"], ratios[np.isfinite(ratios).any(axis=1)], rtol=1e-6)
        layers = np.round(trace.x)
        np.testing.assert_array_equal(layers.reshape(2, 7), [[1] * 7, [2] * 7])
    first, second = (trace.x - np.round(trace.x) for trace in figure.data)
    assert first.max() < second.min()


def test_alignment_ignores_units_without_gradient(records):
    record = records["standard"]
    values = record.data["theorem_alignment"].values.copy()
    values[0, 0, :3] = 0
    changed = type(record)(
        record.config, record.data.assign(theorem_alignment=(("probe_step", "layer", "unit"), values))
    )
    (line,) = theory.alignment_share({"standard": changed}).data
    for share, row in zip(line.y, values, strict=True):
        seen = row[np.isfinite(row) & (row != 0)]
        assert share == pytest.approx((seen > 0).mean())
    everything = values_by_update(changed.data["probe_step"].values, values)
    everything = everything[np.isfinite(everything) & (everything != 0)]
    assert f"{percent(float((everything > 0).mean()))} of units" in theory_captions.condition({"standard": changed})


def test_lipschitz_lines_match_quantity(records):
    for trace, record in zip(theory.lipschitz(records).data, records.values(), strict=True):
        np.testing.assert_allclose(trace.y, lipschitz_estimate(record), rtol=1e-6)


def test_theory_captions_have_extremes_and_medians(records):
    largest = {
        theorem: max(float(one.data[f"theorem_{theorem}_residual"].max()) for one in records.values())
        for theorem in ("41", "42")
    }
    text = theory_captions.exactness(records)
    assert f"at most {two_digits(largest['41'])} for Theorem 4.1" in text
    assert f"at most {two_digits(largest['42'])} for Theorem 4.2" in text
    change = float(records["standard"].data["theorem_matched_loss_change"].max())
    assert f"the loss by at most {two_digits(change)}" in text
    for arm, record in records.items():
        ratio = record.data["theorem_ratio"].values
        middle = median_over_updates(record.data["probe_step"].values, ratio)
        told = f"{two_digits(middle)} in {arm} (smallest {two_digits(float(np.nanmin(ratio)))})"
        assert told in theory_captions.gradient_reduction(records)
        seen = int(record.data["lemma_45_left"].notnull().sum())
        assert f"0 % of {seen} units and updates in {arm}" in theory_captions.lemma(records)


def test_lemma_caption_counts_violations(records):
    record = records["standard"]
    right = record.data["lemma_45_right"]
    wrong = type(record)(record.config, record.data.assign(lemma_45_left=right + 1), record.outcome)
    assert "100 % of" in theory_captions.lemma({"standard": wrong})
