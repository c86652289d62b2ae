"""What holds for every figure, of whatever records, however little they hold."""

import base64
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnviz import figures
from bnviz.analysis.series import finite, spread
from bnviz.core import registry
from bnviz.core.number_format import percent, two_digits
from bnviz.figures import (
    covariate_shift,
    curves,
    final_accuracy,
    gradient_flow,
    gradient_ray,
    landscape,
    layer_heatmaps,
    measurement_pitfalls,
    plane,
    sharpness,
    theory,
    unit_distribution,
)
from bnviz.figures.chart import Chart
from bnviz.figures.style import KNOWN_NORMS, alt_text, explain_if_empty, norm_style, styles

MODULES = (
    curves,
    gradient_flow,
    landscape,
    layer_heatmaps,
    final_accuracy,
    plane,
    gradient_ray,
    sharpness,
    covariate_shift,
    theory,
    unit_distribution,
    measurement_pitfalls,
)
NOT_OF_RECORDS = {"chart", "cursor", "overlay", "phase_curve", "seed_bands", "style"}
"""Files that draw nothing, or nothing of records: tested elsewhere, as are sentences (told_...)."""
CHOICES: dict[str, dict[str, tuple[Any, ...]]] = {
    "layer_heatmaps.drift": {"quantity": ("mean_change", "variance_change")},
    "covariate_shift.shift_lines": {"quantity": ("l2", "relative", "cosine")},
    "covariate_shift.shift_map": {"quantity": ("l2", "relative", "cosine")},
    "covariate_shift.by_layer": {"quantity": ("l2", "relative", "cosine")},
    "gradient_ray.loss_change": {"over": ("alpha", "distance")},
    "gradient_ray.gradient_change": {"over": ("alpha", "distance")},
}
ORDER = ["records", "arm", "quantity", "over", "layer", "unit", "repeats", "against_loss", "own_axis"]
SWITCHES = ("against_loss", "own_axis")
NOT_A_LINE = {"unit_distribution.bands", "curves.loss", "plane.contour", "plane.surface"}
"""Figures with traces that are not named after arms."""


def _figures() -> dict[str, tuple[Callable[..., Chart], dict[str, Any]]]:
    """Every public figure of records, once for each choice that it offers."""
    found: dict[str, tuple[Callable[..., Chart], dict[str, Any]]] = {}
    for module in MODULES:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == module.__name__ and not name.startswith("_")
            if not own or inspect.signature(function).return_annotation is not Chart:
                continue
            plain = f"{module.__name__.rpartition('.')[2]}.{name}"
            choices = CHOICES.get(plain, {})
            parameters = inspect.signature(function).parameters
            for switch in SWITCHES:
                if switch in parameters:
                    choices = {switch: (False, True)}
            if not choices:
                found[plain] = function, {}
            for parameter, values in choices.items():
                for value in values:
                    label = {True: f" {parameter}", False: ""}.get(value, f" {value}")
                    found[plain + label] = function, {parameter: value}
    return found


FIGURES = _figures()
OF_ONE_ARM = {name for name, (function, _) in FIGURES.items() if "arm" in inspect.signature(function).parameters}
PLACE_HOLDERS = {f"#{number:06x}" for number in range(1, 0x41)}
"""Colours that Streamlit replaces by its theme's."""


@pytest.fixture(params=FIGURES)
def name(request) -> str:
    return request.param


def draw(name, records, arm, at=1, one=1, **more):
    """The figure, asked with as much of this as it takes."""
    function, chosen = FIGURES[name]
    if name.startswith("measurement_pitfalls"):
        more = {"repeats": {arm: [record, record] for arm, record in records.items()}} | more
    known = {"records": records, "arm": arm, "layer": at, "unit": one, **chosen, **more}
    return function(**{word: known[word] for word in inspect.signature(function).parameters if word in known})


def drawn_for(name, records):
    """The figure of every arm; of the first layer and unit, and of the last of both."""
    for place, (arm, record) in enumerate(records.items()):
        if place and name not in OF_ONE_ARM:
            continue
        at = record.data.sizes.get("layer", 1) if place else 1
        one = int(record.data["low"][0].sel(layer=at).notnull().sum()) if place and "low" in record.data else 1
        yield arm, draw(name, records, arm, at, one)


def test_every_figure_module_is_tested():
    files = set(registry.read_folder(Path(figures.__file__).parent))
    assert files == {module.__name__.rpartition(".")[2] for module in MODULES} | NOT_OF_RECORDS
    assert {name.split()[0] for name in FIGURES} >= CHOICES.keys()


def test_figure_parameters_have_common_names(name):
    """Pages say (records, arm, quantity, layer, unit), as far as a figure needs it."""
    asked = [*inspect.signature(FIGURES[name][0]).parameters]
    assert asked == [word for word in ORDER if word in asked]


@pytest.mark.filterwarnings("error")
def test_figures_of_every_case_are_valid(shown):
    for name in FIGURES:
        for arm, figure in drawn_for(name, shown):
            try:
                explain_if_empty(figure)  # as the board does
                check(figure, arm)
            except AssertionError as error:
                error.add_note(f"{name}, {arm}")
                raise


def check(figure, arm):
    text = figure.to_json()
    checked = figure.figure()
    checked.layout.template = None  # which plotly fills with what changes nothing
    ours, theirs = (decoded(json.loads(one)) for one in (text, checked.to_json()))
    assert ours["layout"].pop("template") == theirs["layout"].pop("template", {}) == {}
    assert ours == theirs, "plotly would change it"
    meta, layout = figure.layout.meta, figure.to_plotly_json()["layout"]
    assert meta["title"].strip() == meta["title"] != ""
    assert re.fullmatch(r"\S.* .*[^ :;.]\.", meta["alt"]), meta["alt"]
    assert not re.search(r"\b(nan|inf|infinity|none)\b", meta["alt"], re.IGNORECASE), meta["alt"]
    assert not re.search(r"[:;,] *[.;,]|  ", meta["alt"]), meta["alt"]
    assert isinstance(meta["steps"], bool)
    assert meta["arm"] in (None, arm)
    for axis in ("xaxis", "yaxis"):
        assert layout[axis]["title"]["text"].strip() or layout[axis]["type"] == "category"  # whose labels say it
    assert (layout["xaxis"]["title"]["text"] == "updates") == meta["steps"]
    by_step = meta.get("by_step")
    json.dumps(layout | {"meta": {**meta, "by_step": None}}, allow_nan=False, default=np.ndarray.tolist)
    check_by_step(figure, by_step)
    assert not PLACE_HOLDERS & set(re.findall(r"#[0-9a-f]{6}", text.lower()))
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        low, high = (0, 1) if axis.range is None else axis.range
        assert low > high if axis.title.text.endswith("falling") and axis.range is not None else low < high


def decoded(value):
    """A figure's JSON with its arrays as lists of numbers."""
    if isinstance(value, dict) and "bdata" in value:
        numbers = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        shape = [int(part) for part in value.get("shape", str(numbers.size)).split(",")]
        return [[None if one != one else one for one in row] for row in numbers.reshape(-1, shape[-1]).tolist()]
    if isinstance(value, dict):
        return {name: decoded(one) for name, one in value.items()}
    return [decoded(one) for one in value] if isinstance(value, list) else value


def check_by_step(figure, by_step):
    """An entry for each trace; the trace itself shows the last step."""
    if by_step is None:
        return
    assert len(by_step) == len(figure.data)
    for trace, entry in zip(figure.data, by_step, strict=True):
        if entry is None:
            continue
        assert entry.keys() <= {"steps", "x", "y"}
        assert len(entry["steps"]) == len(entry["y"]) > 0
        assert (np.diff(entry["steps"]) > 0).all()
        np.testing.assert_array_equal(trace.y, entry["y"][-1])
        if "x" in entry:
            assert entry["x"].shape == entry["y"].shape
            np.testing.assert_array_equal(trace.x, entry["x"][-1])


SEED_FIGURES = [
    name
    for name, (function, _) in FIGURES.items()
    if "repeats" in inspect.signature(function).parameters and not name.startswith("measurement_pitfalls")
]
"""Figures that draw several seeds; those of measurement pitfalls take several learning rates instead."""


@pytest.mark.parametrize("name", SEED_FIGURES)
def test_figures_with_repeats_draw_each_seed(name, records, repeats):
    figure = draw(name, records, "standard", 2, repeats=repeats)
    plain = draw(name, records, "standard", 2)
    for arm in records:
        mine = [trace for trace in figure.data if trace.name.split(",")[0] == arm]
        if name.endswith(" against_loss"):  # points of all seeds together
            assert len(mine[0].x) == 3 * len(next(trace for trace in plain.data if trace.name == arm).x)
        elif name != "final_accuracy.final_accuracy":
            thin = [trace.name for trace in mine if "seed " in trace.name]
            assert thin == [f"{arm}, seed {seed}" for seed in range(3)]
            assert [trace.name for trace in mine][-2:] == [f"{arm}, 95 % interval over seeds", arm]
            assert mine[-1].line.width > mine[0].line.width


def test_traces_have_the_style_of_their_arm(name, case):
    records = case("three arms")
    for _, figure in drawn_for(name, records):
        for trace in figure.data:
            arm = styles(records).get((trace.name or "").split(",")[0])
            if arm is None or "mini-batch" in trace.name or "interval" in trace.name:
                assert arm is not None or name in NOT_A_LINE | {"theory.gradient_norms"} or not trace.showlegend
                continue
            if "lines" in trace.mode:
                assert (trace.line.color, trace.line.dash) == (arm.colour, arm.dash)
            if "markers" in trace.mode:
                assert trace.marker.color == arm.colour
                assert trace.marker.symbol in (arm.symbol, f"{arm.symbol}-open", "line-ns")


@pytest.mark.parametrize("name", sorted(OF_ONE_ARM))
def test_single_arm_figure_names_arm_and_colour(name, case):
    records = case("three arms")
    for arm in records:
        figure = draw(name, records, arm)
        assert figure.layout.meta["arm"] == arm
        assert arm in figure.layout.meta["title"]
        lines = [trace.line.color for trace in figure.data if trace.type == "scatter" and name != "plane.contour"]
        assert set(lines) <= {styles(records)[arm].colour}


def test_figures_are_small(name, records):
    for _, figure in drawn_for(name, records):
        assert all(len(trace.x) <= 1000 for trace in figure.data)
        assert len(figure.to_json()) < 200_000


def test_every_norm_has_its_own_style():
    by_norm = {name: norm_style(name) for name in (*registry.names("norms"), "a norm of tomorrow")}
    assert len({(style.colour, style.dash) for style in by_norm.values()}) == len(by_norm)
    assert by_norm["none"].colour == "#D55E00"
    assert (by_norm["batch"].colour, by_norm["batch"].dash) == ("#0072B2", "solid")


@pytest.mark.parametrize("count", [30, 100])
def test_styles_of_many_arms_all_differ(records, count):
    """Arms of the same normalisation, as in a sweep; those that are alone keep the normalisation's style."""
    many = {f"arm {number}": records["standard"] for number in range(count)} | {"batch norm": records["batch norm"]}
    by_arm = styles(many)
    assert len({(style.colour, style.dash) for style in by_arm.values()}) == count + 1
    assert by_arm["arm 0"] == KNOWN_NORMS["none"]
    assert by_arm["batch norm"] == KNOWN_NORMS["batch"]


def test_plotly_and_hatching_accept_styles_of_many_arms(records):
    many = {f"arm {number}": records["standard"] for number in range(60)}
    figure = landscape.loss_band(many)
    assert len({trace.line.dash for trace in figure.data}) > 6, "further than plotly's named dashes"
    assert len(figure.figure().data) == len(figure.data)


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
def test_two_digits_rounds_and_uses_powers(value, text):
    assert two_digits(value) == text


def test_phrases_of_numbers_and_alt_texts():
    assert percent(0.974) == "97 %"
    assert alt_text("What", []) == "What; there is no finite value to show."
    assert alt_text("What", ["a", "b"]) == "What: a; b."
    assert norm_style("none").faded(0.5) == "rgba(213,94,0,0.5)"


@pytest.mark.filterwarnings("error")
def test_spread_and_finite_drop_infinities():
    low = np.array([0.0, -3e38, -np.inf, np.nan, -np.inf], np.float32)
    high = np.array([1.5, 3e38, np.inf, 1.0, -np.inf], np.float32)
    np.testing.assert_array_equal(spread(low, high), np.array([1.5, np.nan, np.nan, np.nan, np.nan]))
    np.testing.assert_array_equal(finite(np.array([[1.0, np.nan], [np.inf, 2.0]])), [1.0, 2.0])
