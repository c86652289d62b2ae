"""What holds for every figure, of whatever records, however little they hold."""

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from bnviz import figures, registry
from bnviz.figures import curves, layer, style, unit
from bnviz.figures.style import arm_style, finite, percent, spread, styles, told, two_digits

FIGURES: dict[str, Callable[..., go.Figure]] = {
    "accuracy": lambda records, *_: curves.accuracy(records),
    "loss": lambda records, *_: curves.loss(records),
    "bands": unit.bands,
    "history": unit.history,
    "at_cursor": lambda records, _arm, at, one: unit.at_cursor(records, at, one),
    "medians": layer.medians,
    "widths": layer.widths,
    "saturated": lambda records, _arm, at, _one: layer.saturated(records, at),
    "drift of means": lambda records, _arm, at, _one: layer.drift(records, "mean_change", at),
    "drift of variances": lambda records, _arm, at, _one: layer.drift(records, "variance_change", at),
}
OF_ONE_ARM = {"bands", "history", "medians", "widths"}
PLACE_HOLDERS = {f"#{number:06x}" for number in range(1, 0x41)}
"""Colours that Streamlit replaces by its theme's."""


@pytest.fixture(params=FIGURES)
def name(request) -> str:
    return request.param


def drawn_for(name, records):
    """The figure of every arm; of the first layer and unit, and of the last of both."""
    for place, (arm, record) in enumerate(records.items()):
        if place and name not in OF_ONE_ARM:
            continue
        at = record.data.sizes.get("layer", 1) if place else 1
        one = int(record.data["low"][0].sel(layer=at).notnull().sum()) if place and "low" in record.data else 1
        yield arm, FIGURES[name](records, arm, at, one)


def test_every_figure_of_the_package_is_checked_here():
    public = {
        name
        for module in (curves, layer, unit)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(function).return_annotation is go.Figure
    }
    assert public == {name.split()[0] for name in FIGURES}
    files = set(registry.read_folder(Path(figures.__file__).parent))
    assert files == {"curves", "layer", "sentences", "style", "unit"}, "a new file of figures: check it here too"


def test_every_figure_is_asked_for_in_the_same_words():
    """Pages say (records, arm, layer, unit), as far as a figure needs it."""
    for module in (curves, layer, unit):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            asked = [*inspect.signature(function).parameters]
            if inspect.signature(function).return_annotation is go.Figure and not name.startswith("_"):
                order = ["records", "arm", "quantity", "layer", "unit"]
                assert function is style.figure or asked == [word for word in order if word in asked]


@pytest.mark.filterwarnings("error")
def test_it_can_be_drawn_and_says_what_it_shows_in_finite_numbers_and_no_place_holder_colours(name, shown):
    for arm, figure in drawn_for(name, shown):
        text = figure.to_json()
        parsed = json.loads(text)
        meta = parsed["layout"]["meta"]
        assert meta["title"].strip() == meta["title"] != ""
        assert re.fullmatch(r"\S.* .*[^ :;.]\.", meta["alt"]), meta["alt"]
        assert not re.search(r"\b(nan|inf|infinity|none)\b", meta["alt"], re.IGNORECASE), meta["alt"]
        assert not re.search(r"[:;,] *[.;,]|  ", meta["alt"]), meta["alt"]
        assert isinstance(meta["steps"], bool)
        assert meta["arm"] in (None, arm)
        for axis in ("xaxis", "yaxis"):
            assert parsed["layout"][axis]["title"]["text"].strip()
        assert (parsed["layout"]["xaxis"]["title"]["text"] == "updates") == meta["steps"]

        layout = figure.to_plotly_json()["layout"]
        by_step = layout["meta"].pop("by_step", None)
        json.dumps(layout, allow_nan=False, default=np.ndarray.tolist)
        assert by_step is None or isinstance(by_step, list)
        assert not PLACE_HOLDERS & set(re.findall(r"#[0-9a-f]{6}", text.lower()))
        for axis in (figure.layout.xaxis, figure.layout.yaxis):
            assert axis.range is None or axis.range[0] < axis.range[1]


def test_each_arm_has_its_colour_and_dash_in_every_line(name, case):
    records = case("three arms")
    for _, figure in drawn_for(name, records):
        for trace in figure.data:
            if trace.type == "heatmap" or "percentile" in trace.name or "mini-batch" in trace.name:
                continue
            arm = styles(records)[trace.name.split(",")[0]]
            assert (trace.line.color, trace.line.dash) == (arm.colour, arm.dash)


@pytest.mark.parametrize("name", sorted(OF_ONE_ARM))
def test_a_figure_of_one_arm_names_it_and_shows_its_colour(name, case):
    records = case("three arms")
    for arm in records:
        figure = FIGURES[name](records, arm, 1, 1)
        assert figure.layout.meta["arm"] == arm
        assert arm in figure.layout.meta["title"]
        lines = [trace.line.color for trace in figure.data if trace.type == "scatter"]
        assert set(lines) <= {styles(records)[arm].colour}


def test_a_line_has_few_enough_points_and_a_picture_few_enough_bytes(name, records):
    for _, figure in drawn_for(name, records):
        assert all(len(trace.x) <= 1000 for trace in figure.data)
        assert len(figure.to_json()) < 200_000


def test_all_normalisations_have_styles_of_their_own():
    told_apart = {name: arm_style(name) for name in registry.names("norms")}
    assert len(set(told_apart.values())) == len(told_apart)
    assert arm_style("a norm of tomorrow").colour.startswith("#")
    assert told_apart["none"].colour == "#D55E00"
    assert (told_apart["batch"].colour, told_apart["batch"].dash) == ("#0072B2", "solid")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0123, "0.012"),
        (-1.26, "-1.3"),
        (123.4, "120"),
        (9.96, "10"),
        (1.8e-4, "0.00018"),
        (1e-5, "1.0×10⁻⁵"),
        (2.5e4, "25000"),
    ],
)
def test_two_digits(value, text):
    assert two_digits(value) == text


def test_small_words():
    assert percent(0.974) == "97 %"
    assert told("What", []) == "What; nothing is measured yet."
    assert told("What", ["a", "b"]) == "What: a; b."
    assert arm_style("none").faded(0.5) == "rgba(213,94,0,0.5)"


@pytest.mark.filterwarnings("error")
def test_what_is_not_finite_is_left_out():
    low = np.array([0.0, -3e38, -np.inf, np.nan, -np.inf], np.float32)
    high = np.array([1.5, 3e38, np.inf, 1.0, -np.inf], np.float32)
    np.testing.assert_array_equal(spread(low, high), np.array([1.5, np.nan, np.nan, np.nan, np.nan]))
    np.testing.assert_array_equal(finite(np.array([[1.0, np.nan], [np.inf, 2.0]])), [1.0, 2.0])
