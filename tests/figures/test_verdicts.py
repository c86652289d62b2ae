"""The forest plot: its rows, bounds and verdicts."""

import json
import math

import numpy as np
import pytest

from bnviz.figures import verdicts
from bnviz.figures.verdicts import Row

ROWS = [
    Row("no harm", -0.03, -0.01, 0.01, [-0.02, -0.01, 0.0], "inconclusive", (-0.02, 0.02)),
    Row("better", 0.05, 0.1, 0.15, [0.08, 0.1, 0.12], "supported"),
    Row("worse", 0.2, 0.3, 0.4, [0.3], "contradicted"),
    Row("undefined", math.nan, math.nan, math.nan, [0.1, math.nan], "inconclusive"),
]


def of_row(drawn, place):
    """Traces at the height of a row."""
    height = len(ROWS) - 1 - place
    return [trace for trace in drawn.data if abs(np.mean(trace.y) - height) < 0.3]


@pytest.mark.parametrize("place", range(len(ROWS)))
def test_each_row_has_its_seeds_interval_bounds_and_verdict(place):
    row, traces = ROWS[place], of_row(verdicts.forest(ROWS, "difference"), place)
    assert [trace.x[0] for trace in traces if trace.name == "bound"] == list(row.thresholds)
    intervals = [tuple(trace.x) for trace in traces if trace.name == "95 % interval"]
    assert intervals == ([(row.low, row.high)] if math.isfinite(row.low) else [])
    (seeds,) = (trace for trace in traces if trace.name == "seed")
    np.testing.assert_array_equal(seeds.x, row.values)
    (mean,) = (trace for trace in traces if trace.name == row.verdict)
    np.testing.assert_array_equal(mean.x, [row.mean])
    assert (mean.marker.color, mean.marker.symbol) == verdicts.LOOKS[row.verdict]


def test_verdicts_differ_in_colour_and_in_shape_and_each_is_named_once():
    colours, shapes = zip(*verdicts.LOOKS.values(), strict=True)
    assert len(set(colours)) == len(set(shapes)) == 3
    named = [trace.name for trace in verdicts.forest(ROWS, "difference").data if trace.showlegend]
    assert sorted(named) == ["contradicted", "inconclusive", "supported"]


def test_labels_are_at_their_rows_in_order_from_the_top():
    axis = verdicts.forest(ROWS, "difference").layout.yaxis
    assert list(axis.ticktext) == ["undefined", "worse", "better", "no harm"]
    assert list(axis.tickvals) == [0, 1, 2, 3]
    long = Row("a claim of so many words that it needs a second line", 1, 2, 3, [2], "supported", (1,))
    (text,) = verdicts.forest([long], "ratio", log=True).layout.yaxis.ticktext
    assert text.replace("<br>", " ") == long.label
    assert all(len(line) <= 34 for line in text.split("<br>"))


def test_alternative_text_and_axis():
    drawn = verdicts.forest(ROWS, "difference of accuracy")
    assert (
        "better supported, mean 0.1; worse contradicted, mean 0.3; undefined inconclusive." in drawn.layout.meta["alt"]
    )
    assert drawn.layout.xaxis.title.text == "difference of accuracy"
    assert verdicts.forest(ROWS[1:3], "ratio", log=True).layout.xaxis.type == "log"
    json.dumps(drawn.layout.to_plotly_json(), allow_nan=False, default=np.ndarray.tolist)


def test_no_claims_no_rows():
    drawn = verdicts.forest([], "difference")
    assert not drawn.data
    assert "nothing is measured yet" in drawn.layout.meta["alt"]
