"""Captions and axes of runs with unusual settings: what they cannot show is said, and with its cause."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bnviz.analysis.captions import activations, learning
from bnviz.analysis.captions import covariate_shift as shift_captions
from bnviz.analysis.captions import loss_landscape as landscape_captions
from bnviz.analysis.captions import noisy_bn as noise_captions
from bnviz.analysis.captions.shared import chance_difference, untrained
from bnviz.analysis.quantities import rounding_of_gradient_change
from bnviz.core.number_format import percent, two_digits
from bnviz.figures import curves, landscape, layer_heatmaps, plane, style, unit_distribution
from bnviz.figures.chart import Chart


@pytest.fixture
def arms(run):
    """Two or more arms of a tiny comparison, by their normalisations."""
    names = {
        "none": "standard",
        "batch": "batch norm",
        "noisy_batch": "noisy batch norm",
        "noisy_none": "noisy standard",
    }
    return lambda norms=("none", "batch"), **changes: {names[norm]: run(norm=norm, **changes) for norm in norms}


def test_captions_name_learning_rate_0(arms):
    records = arms(learning_rate=0.0)
    assert "The learning rate is 0: no weight changes and nothing is learned." in learning.scores(records)
    only_chance = "At learning rate 0 no weight changes, so this is only the chance difference between mini-batches."
    texts = (
        activations.unit_drift(records, 1, 1),
        activations.layer_drift(records, 1),
        activations.saturation_and_drift(records, 1),
        noise_captions.moment_drift(records, 1),
    )
    assert all(only_chance in text for text in texts)
    assert "a step moves nothing, so there is no shift" in shift_captions.gradient_shift(records, 2)
    for caption in (
        landscape_captions.loss_variation,
        landscape_captions.predictiveness,
        landscape_captions.smoothness,
    ):
        assert "All step lengths are multiples of the learning rate, which is 0" in caption(records)
    assert untrained(arms()) == ""
    assert landscape_captions.zero_steps(arms(learning_rate=0.0, line_in="absolute")) == ""


def test_chance_difference_names_batches_and_noise(arms):
    everything = 1500  # of digits
    whole = arms(batch_size=everything, steps=2, probes=("activations",))
    assert chance_difference(whole) == "", "every mini-batch holds all samples"
    noisy = arms(("batch", "noisy_batch"), batch_size=everything, steps=2, probes=("activations",))
    assert chance_difference(noisy) == "This includes the noise in noisy batch norm."
    still = arms(probe_data="fixed", probe_samples=30, learning_rate=0.0, probes=("activations",))
    assert chance_difference(still).endswith("this is only rounding.")


def test_scores_warn_of_stale_statistics(arms):
    records = arms(norm_momentum=0.0)
    text = learning.scores(records)
    assert "The running statistics of batch norm were never updated because norm_momentum is 0." in text
    trained = percent(records["batch norm"].final("population_test_accuracy"))
    assert text.endswith(f"With statistics of all training samples at the end: batch norm {trained}.")
    early = learning.scores(arms(steps=5))
    assert f"still hold {percent(0.9**5)} of their initial values" in early
    assert "running statistics" not in learning.scores(arms(steps=40))


def test_scores_name_the_number_of_samples(arms):
    records = arms(test_samples=1)
    text = learning.scores(records)
    for arm, record in records.items():
        assert f"{arm} {percent(record.final('final_test_accuracy'))}" in text
    assert "Scores use all 297 test samples, curves only the first sample." in text
    figure = curves.accuracy(records)
    assert figure.layout.yaxis.title.text == "test accuracy, first 1 of 297 samples"
    assert "first 1 of 297 samples" in figure.layout.meta["alt"]
    running = {arm: replace(record, outcome="running") for arm, record in records.items()}
    assert "Curves use only the first sample of 297; a finished run is scored on all test samples." in learning.scores(
        running
    )
    assert "samples" not in learning.scores(arms(test_samples=2000))


def test_scores_name_updates_that_differ(run):
    apart = {"standard": run(frames=4), "batch norm": run(norm="batch")}
    at = int(apart["standard"].values("step")[-1])
    text = learning.scores(apart)
    assert f" after {at} update" in text
    assert "after 30 updates" in text
    assert "last update" not in text


def test_scores_count_diverged_seeds(run):
    lost = replace(run(seed=1), outcome="diverged")
    text = learning.scores({"standard": run()}, {"standard": [run(), lost, run(seed=2)]})
    assert re.search(r"standard \d+ % \(mean of 3 seeds, \d+ % to \d+ %, 1 diverged\)", text)


@pytest.fixture
def diverged(run):
    """One arm whose loss left the range of numbers soon, of a run that was to take 600 updates."""
    record = run(activation="identity", learning_rate=1000.0, weight_decay=0.1, steps=600)
    assert record.outcome == "diverged"
    assert record.last_step < 100
    return {"standard": record}


def test_axis_of_diverged_run_ends_at_last_step(diverged):
    last = diverged["standard"].last_step
    for figure in (
        curves.loss(diverged),
        landscape.loss_variation(diverged),
        layer_heatmaps.medians(diverged, "standard", 1),
        layer_heatmaps.drift(diverged, "mean_change", 1),
        unit_distribution.bands(diverged, "standard", 1, 1),
        unit_distribution.history(diverged, "standard", 1, 1),
    ):
        assert figure.layout.xaxis.range[1] == pytest.approx(1.01 * last)


def test_drift_captions_name_diverged_arms(diverged):
    last = diverged["standard"].last_step
    told = f"Standard diverged by update {last}: its loss is no longer finite."
    assert told in learning.scores(diverged)
    for caption in (activations.unit_drift(diverged, 1, 1), activations.layer_drift(diverged, 1)):
        assert caption == "Standard diverged, so the drift of units has no meaning there."


def test_axis_of_running_run_spans_all_its_updates(run):
    goes_on, diverged = run(frames=3), replace(run(frames=3), outcome="diverged")
    assert style.most_steps({"a": goes_on}) == style.most_steps({"a": replace(goes_on, outcome="stopped")}) == 30
    assert style.most_steps({"a": diverged}) == diverged.last_step
    assert style.most_steps({"a": diverged, "b": goes_on}) == 30
    assert style.most_steps({"a": replace(run(frames=1), outcome="diverged")}) == 1


def test_drift_caption_ignores_width_within_rounding(run):
    record = run()
    values = record.data["percentile"].values.copy()
    values[:, :, 0] = 1000.0 * np.arange(len(values))[:, None, None] + 500
    values[:, :, 2] = np.nextafter(values[:, :, 0], np.float32(np.inf))
    values[:, :, 1] = values[:, :, 0]
    flat = {"standard": replace(record, data=record.data.assign(percentile=(record.data["percentile"].dims, values)))}
    assert "times" not in activations.unit_drift(flat, 1, 1)
    assert "times" not in activations.layer_drift(flat, 1)


@pytest.mark.parametrize("levels", [(1.0, 99.0), (60.0,), (99.0,), (10.0, 20.0)])
def test_median_is_recorded_with_any_percentiles(levels, run):
    record = run(percentiles=levels, probes=("activations",))
    usual = run(probes=("activations",))
    assert list(record.data["quantile"].values) == sorted({*levels, 50.0})
    median = usual.values("percentile", layer=1, quantile=50.0)
    np.testing.assert_array_equal(record.values("percentile", layer=1, quantile=50.0), median)
    records = {"standard": record}
    drift = two_digits(float(np.ptp(median[:, 0].astype(float))))
    text = activations.unit_drift(records, 1, 1)
    assert f"drifts by {drift} (" in text
    low, high = (sorted({*levels, 50.0})[place] for place in (0, -1))
    assert f"times the unit's own spread from percentile {low:g} to {high:g}) in standard" in text
    np.testing.assert_array_equal(layer_heatmaps.medians(records, "standard", 1).data[0].z, median[:, :7].T)
    bold = [trace.name for trace in unit_distribution.bands(records, "standard", 1, 1).data if trace.line.width > 2]
    assert bold == ["percentile 50"]
    assert (
        f"median moves between {two_digits(float(median[:, 0].min()))}"
        in unit_distribution.bands(records, "standard", 1, 1).layout.meta["alt"]
    )


def test_log_axis_spans_at_least_one_decade():
    for values in ([2.30, 2.31], [2.3, 2.3], [1e-30, 1.01e-30], [9.0, 11.0]):
        figure = style.new_chart("Loss", "Loss.", "updates", "loss", 10)
        figure.add("scatter", x=np.arange(2), y=np.array(values))
        style.log_axis(figure)
        low, high = figure.layout.yaxis.range
        assert high - low == pytest.approx(1)
        assert low < np.log10(values[0]) <= np.log10(values[1]) < high
        assert low == pytest.approx(round(low, 1)), "in steps, which a curve that grows seldom leaves"
    figure = style.new_chart("Loss", "Loss.", "updates", "loss", 10)
    figure.add("scatter", x=np.arange(2), y=np.array([0.1, 10]))
    style.log_axis(figure)
    assert figure.layout.yaxis.range is None, "plotly's own, which follows a run that goes on"


def texts(figure: Chart) -> list[str]:
    style.explain_if_empty(figure)
    return [one.text for one in figure.layout.annotations or ()]


def test_empty_chart_states_the_reason(arms, case):
    still = arms(learning_rate=0.0)
    assert texts(landscape.loss_variation(still)) == ["No value is above 0, as this axis needs."]
    assert texts(landscape.effective_smoothness(still)) == ["There is no finite value to draw."]
    assert texts(landscape.loss_variation(case("nothing yet"))) == ["There is no finite value to draw."]
    assert texts(plane.surface(case("nothing yet"), "standard")) == ["There is no finite value to draw."]
    for figure in (
        landscape.loss_variation(arms()),
        curves.accuracy(still),
        layer_heatmaps.medians(still, "standard", 1),
    ):
        assert texts(figure) == []


def test_missing_plane_is_explained(diverged, run):
    without = {arm: replace(one, data=one.data.drop_vars("plane_loss")) for arm, one in diverged.items()}
    text = landscape_captions.plane({**without, "batch norm": run(norm="batch")})
    last = diverged["standard"].last_step
    assert f"There is no plane for standard: its run diverged by update {last}, before update 600. Choose" in text
    assert text.startswith("On the plane at update 30 the loss ranges from ")
    infinite = run().data.assign(plane_loss=run().data["plane_loss"] * np.inf)
    assert "its loss is nowhere a finite number above 0" in landscape_captions.plane(
        {"standard": replace(run(), data=infinite)}
    )


def test_charts_and_captions_name_the_direction(arms):
    records = arms(line_along="random")
    assert landscape_captions.loss_variation(records).startswith("Along a random direction the loss varies by ")
    assert landscape.loss_band(records).layout.meta["title"] == "Loss along a random direction"


def test_beta_artefact_is_named_only_near_shortest_step(arms):
    def turned(records):
        """The same with a gradient that changes by its own length wherever one looks: beta is 1 / shortest step."""
        return {
            arm: replace(
                one,
                data=one.data.assign(
                    line_gradient_change=one.data["line_gradient_norm"] + 0 * one.data["line_gradient_change"]
                ),
            )
            for arm, one in records.items()
        }

    assert landscape_captions.beta_artefact(turned(arms())).startswith("An effective β near 20 is largely an artefact")
    assert landscape_captions.beta_artefact(turned(arms(line_from=1.0))).startswith("An effective β near 10 is")
    assert landscape_captions.beta_artefact(arms()) == "", "what was measured is much smaller"
    assert landscape_captions.beta_artefact(turned(arms(line_along="random"))) == ""


def test_regression_loss_has_its_own_unit(arms):
    records = arms(
        network="deep_linear", dataset="linear_map", learning_rate=1e-3, probes=("landscape_line",), batch_size=20
    )
    assert "nat" not in landscape.loss_variation(records).layout.yaxis.title.text
    assert "(nat)" in landscape.loss_variation(arms()).layout.yaxis.title.text


SHORT = {"line_from": 1e-7, "line_to": 1e-3, "line_points": 9, "line_in": "absolute", "probes": ("landscape_line",)}


def test_rounding_caption_covers_measured_error(run):
    """Against the same network in double precision."""
    single, double = (run(**SHORT, learning_rate=0.0, steps=2, precision=kind) for kind in ("float32", "float64"))
    change, exact = (one.data["line_gradient_change"].values.astype(float) for one in (single, double))
    error = np.median(abs(change - exact) / exact, axis=0)  # (alpha,)
    told = np.median(rounding_of_gradient_change(single).values, axis=0)
    assert error[0] > 0.04
    assert (error <= 3 * told).all(), "the estimate covers the error that was measured"
    assert told[0] > 0.04
    assert told[-1] < 0.01, "and says nothing of longer steps"
    text = landscape_captions.rounding({"standard": single})
    assert "rounding (float32) can cause" in text
    assert f"{percent(told[0]) if told[0] < 1 else 'all'} of it in standard" in text
    assert landscape_captions.rounding({"standard": double}) == ""
    assert landscape_captions.rounding({"standard": run()}) == ""


def test_scoring_caption_names_noise_and_statistics(arms):
    norms = ("none", "noisy_batch", "noisy_none")
    probes = {"probes": ("activations",)}
    usual = arms(norms, **probes)
    score = percent(usual["noisy batch norm"].final("population_test_accuracy"))
    text = noise_captions.scoring_conditions(usual)
    assert "noise is off for test samples, but batch norm's running averages were taken with noise." in text
    assert f"Algorithm 2): noisy batch norm {score}." in text
    assert "running averages" not in noise_captions.scoring_conditions(arms(norms, norm_momentum=0.0, **probes))
    assert "noise stays on" in noise_captions.scoring_conditions(arms(norms, noise_at_test=True, **probes))
    none = {"noise_mean": 0.0, "noise_scale": 1.0, "noise_spread_mean": 0.0, "noise_spread_scale": 0.0}
    assert "add no noise" in noise_captions.scoring_conditions(arms(norms, **none, **probes))
