"""Charts as plain data; plotly is the oracle. Every real chart is compared in test_every_figure.py."""

import base64
import copy
import json

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from bnviz.figures.chart import Chart


def chart() -> Chart:
    made = Chart({"height": 200, "xaxis": {"title": {"text": "x"}, "range": None}, "meta": {"arm": None}})
    made.add("scatter", x=np.arange(3), y=[1.0, 2.0, 4.0], name="line", line={"color": "#0072B2"}, fill=None)
    return made


def test_properties_are_items_and_attributes():
    made = chart()
    assert made.layout.xaxis.title.text == made.layout["xaxis"]["title"]["text"] == "x"
    assert made.layout.xaxis.range is None
    assert "range" not in made.layout.xaxis
    assert made.layout.meta == {"arm": None}
    made.layout.xaxis.range = (0, 1)
    made.layout.xaxis.set(title={"text": "y"}, type="log")
    assert made.layout.xaxis == {"title": {"text": "y"}, "range": (0, 1), "type": "log"}
    made.layout.xaxis.type = None
    assert "type" not in made.layout.xaxis
    assert made.data[0].line.color == "#0072B2"
    with pytest.raises(AttributeError):
        made.layout.to_plotly_json()


def test_annotations_and_shapes_accumulate():
    made = chart()
    for place in range(2):
        made.annotate(x=place, text=f"here {place}")
        made.mark(type="line", x0=place, x1=place)
    assert [note.text for note in made.layout.annotations] == ["here 0", "here 1"]
    assert [shape.x0 for shape in made.layout.shapes] == [0, 1]


def test_copied_chart_is_independent():
    made = chart()
    other = copy.deepcopy(made)
    other.data[0].line.color = "black"
    assert made.data[0].line.color == "#0072B2"


def test_figure_is_validated_by_plotly():
    assert isinstance(chart().figure(), go.Figure)
    assert chart().figure().data[0].line.color == "#0072B2"
    wrong = chart()
    wrong.layout.xaxis.colour = "black"
    with pytest.raises(ValueError, match="colour"):
        wrong.figure()


def test_notebook_displays_plotly_figure(monkeypatch):
    monkeypatch.setattr(pio.renderers, "default", "plotly_mimetype")
    shown = chart()._repr_mimebundle_()
    assert shown == chart().figure()._repr_mimebundle_()
    assert shown["application/vnd.plotly.v1+json"]["data"][0]["name"] == "line"


@pytest.mark.parametrize(
    "values",
    [
        np.arange(5),
        np.arange(300, dtype=np.uint64),
        np.array([-1, 7], np.int8),
        np.linspace(0, 1, 4),
        np.array([0.1, np.nan, np.inf], np.float32),
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.arange(12, dtype=np.float32).reshape(3, 4).T,
    ],
    ids=lambda values: f"{values.dtype} {values.shape}",
)
def test_numeric_arrays_are_encoded_as_bytes(values):
    made = Chart({})
    made.add("heatmap", z=values)
    sent = json.loads(made.to_json())["data"][0]["z"]
    shape = tuple(int(part) for part in sent.get("shape", str(values.size)).split(","))
    read = np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"]).reshape(shape)
    np.testing.assert_array_equal(read, values)
    assert sent["dtype"] in {"i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"}, "what plotly.js reads"


@pytest.mark.parametrize("values", [np.empty(0), np.array(["a", "b"]), np.array([True, False])])
def test_other_arrays_are_encoded_as_lists(values):
    made = Chart({})
    made.add("scatter", x=values)
    assert json.loads(made.to_json())["data"][0]["x"] == values.tolist()


def test_nan_is_valid_json():
    made = Chart({"xaxis": {"range": [float("nan"), np.float32(2)]}})
    assert json.loads(made.to_json())["layout"]["xaxis"]["range"] == [None, 2]
