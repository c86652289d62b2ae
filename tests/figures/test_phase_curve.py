"""The curve beside a verdict: its points are where the numbers are, and what is missing is not drawn."""

import math
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from bnviz.core.measurement_schedule import PHASES
from bnviz.experiments import Curve, Finding
from bnviz.figures.phase_curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, phase_curve
from tests.made_findings import made

UPDATES = 400
STEPS = (0, 20, 40, 200, 400)
MEAN = (1.0, 2.0, 4.0, 2.0, 0.5)
LOW = (0.5, 1.0, 2.0, 1.0, 0.25)
HIGH = (2.0, 4.0, 8.0, 4.0, 1.0)
FINDING = made(claim="rises", phase="whole run", bound=1.0, curve=Curve(STEPS, MEAN, LOW, HIGH))
PRECISION = 0.051  # of a pixel: coordinates have one decimal


def changed(**parts: tuple[float, ...]) -> Finding:
    return replace(FINDING, curve=replace(FINDING.curve, **parts))


def drawn(finding: Finding = FINDING, ratio: bool = False) -> ElementTree.Element:
    """The picture, which has to be well-formed."""
    return ElementTree.fromstring(phase_curve(finding, ratio, UPDATES))


def corners(picture: ElementTree.Element, tag: str) -> np.ndarray:
    """Of the only line or area, (n, 2) in pixels."""
    (found,) = picture.findall(tag)
    return np.array([[float(one) for one in pair.split(",")] for pair in found.attrib["points"].split()])


def dashes(picture: ElementTree.Element) -> list[float]:
    """Heights of the dashed lines, in pixels."""
    assert all(line.attrib["y1"] == line.attrib["y2"] for line in picture.findall("line"))
    return [float(line.attrib["y1"]) for line in picture.findall("line")]


def heights(*values: float, ratio: bool = False, least: float = 0.25, most: float = 8.0) -> list[float]:
    """Where values lie on an axis that goes from `least` at the bottom to `most` at the top."""
    place = math.log if ratio else float
    share = [(place(value) - place(least)) / (place(most) - place(least)) for value in values]
    return [HEIGHT - BOTTOM - one * (HEIGHT - BOTTOM - TOP) for one in share]


@pytest.mark.parametrize("ratio", [False, True])
def test_points_lie_at_their_values(ratio: bool) -> None:
    line = corners(drawn(ratio=ratio), "polyline")
    np.testing.assert_allclose(line[:, 0], np.interp(STEPS, (0, UPDATES), (LEFT, WIDTH - RIGHT)), atol=PRECISION)
    np.testing.assert_allclose(line[:, 1], heights(*MEAN, ratio=ratio), atol=PRECISION)


@pytest.mark.parametrize("ratio", [False, True])
def test_band_spans_the_interval(ratio: bool) -> None:
    picture = drawn(ratio=ratio)
    there, back = np.split(corners(picture, "polygon"), 2)
    np.testing.assert_allclose(there[:, 1], heights(*LOW, ratio=ratio), atol=PRECISION)
    np.testing.assert_allclose(back[::-1, 1], heights(*HIGH, ratio=ratio), atol=PRECISION)
    for half in (there, back[::-1]):
        np.testing.assert_array_equal(half[:, 0], corners(picture, "polyline")[:, 0])


def test_ratio_axis_is_logarithmic() -> None:
    heights = corners(drawn(ratio=True), "polyline")[:, 1]  # of 1, 2, 4, 2 and 0.5
    np.testing.assert_allclose(np.diff(heights) / (heights[1] - heights[0]), [1, 1, -1, -2], atol=0.02)


@pytest.mark.parametrize(
    ("kind", "bound", "ratio", "asked"),
    [
        ("above", 1.0, False, [1.0]),
        ("below", 2.0, True, [2.0]),
        ("within", 1.5, False, [-1.5, 1.5]),
        ("within", 4.0, True, [0.25, 4.0]),
    ],
)
def test_rule_bound_is_dashed(kind: str, bound: float, ratio: bool, asked: list[float]) -> None:
    found = dashes(drawn(replace(FINDING, kind=kind, bound=bound), ratio))
    assert found == pytest.approx(heights(*asked, ratio=ratio, least=min(0.25, *asked)), abs=PRECISION)


def test_distant_rule_bound_is_on_the_axis() -> None:
    picture = drawn(replace(FINDING, bound=20.0))
    assert dashes(picture) == [TOP]
    np.testing.assert_allclose(corners(picture, "polyline")[:, 1], heights(*MEAN, most=20.0), atol=PRECISION)


def test_phases_are_shaded_and_named() -> None:
    parts = drawn().findall("rect")
    assert [part.findtext("title") for part in parts] == list(PHASES)
    width = WIDTH - LEFT - RIGHT
    for part, (start, end) in zip(parts, PHASES.values(), strict=True):
        left = float(part.attrib["x"])
        assert left == pytest.approx(LEFT + start * width, abs=PRECISION)
        assert left + float(part.attrib["width"]) == pytest.approx(LEFT + end * width, abs=2 * PRECISION)
    shades = [part.attrib["opacity"] for part in parts]
    assert shades[0] == shades[2] != shades[1]


def test_phase_curve_axes_have_labels() -> None:
    labels = [label.text for label in drawn(ratio=True).findall("text")]
    assert sorted(labels[:-3]) == ["0.25", "1", "8"]
    assert labels[-3:] == ["0", "200", "400 updates"]


def test_labels_do_not_overlap() -> None:
    near_an_end = drawn(replace(FINDING, bound=0.5))
    assert sorted(label.text or "" for label in near_an_end.findall("text"))[:2] == ["0", "0.25"]
    assert "0.5" not in [label.text for label in near_an_end.findall("text")]


def test_phase_curve_has_a_description() -> None:
    picture = drawn(replace(FINDING, claim='a<b & "c"'))
    assert picture.attrib["role"] == "img"
    assert picture.attrib["aria-label"] == picture.findtext("title")
    assert picture.attrib["aria-label"] == (
        'a<b & "c" over the updates: 1 at update 0, 0.5 at update 400; above 1 is required'
    )


@pytest.mark.parametrize(
    "curve",
    [
        Curve(),
        Curve((3,), (1.0,), (0.5,), (1.5,)),
        Curve(STEPS, (math.nan,) * 5, (math.nan,) * 5, (math.nan,) * 5),
        Curve(STEPS, (math.nan, math.inf, 1.0, math.nan, math.nan), LOW, HIGH),
    ],
)
def test_phase_curve_needs_two_points(curve: Curve) -> None:
    assert phase_curve(replace(FINDING, curve=curve), False, UPDATES) == ""


def test_ratio_that_is_not_positive_is_not_drawn() -> None:
    finding = changed(mean=(0.0, -1.0, 1.0, 2.0, 4.0))
    assert corners(drawn(finding, ratio=True), "polyline").shape == (3, 2)


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("lost", [0, 2, 4])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_missing_values_are_left_out(value: float, lost: int, ratio: bool) -> None:
    parts = {
        name: tuple(value if place == lost else number for place, number in enumerate(numbers))
        for name, numbers in (("mean", MEAN), ("low", LOW), ("high", HIGH))
    }
    finding = changed(**parts)
    assert "nan" not in phase_curve(finding, ratio, UPDATES)
    assert "inf" not in phase_curve(finding, ratio, UPDATES)
    picture = drawn(finding, ratio)
    left = [step for place, step in enumerate(STEPS) if place != lost]
    at = np.interp(left, (0, UPDATES), (LEFT, WIDTH - RIGHT))
    np.testing.assert_allclose(corners(picture, "polyline")[:, 0], at, atol=PRECISION)
    assert len(corners(picture, "polygon")) == 8
    assert f" at update {left[0]}, " in picture.attrib["aria-label"]
    assert f" at update {left[-1]}; " in picture.attrib["aria-label"]


def test_single_seed_has_no_band() -> None:
    picture = drawn(changed(low=(math.nan,) * 5, high=(math.nan,) * 5))
    there, back = np.split(corners(picture, "polygon"), 2)
    np.testing.assert_array_equal(there, back[::-1])
    np.testing.assert_array_equal(there, corners(picture, "polyline"))


def test_constant_statistic_is_drawn() -> None:
    still = changed(mean=(1.0,) * 5, low=(1.0,) * 5, high=(1.0,) * 5)
    assert len(set(corners(drawn(still), "polyline")[:, 1])) == 1


def test_phase_curve_has_the_text_colour() -> None:
    for part in drawn().iter():
        assert part.attrib.get("fill", "none") in ("none", "currentColor")
        assert part.attrib.get("stroke", "currentColor") == "currentColor"
