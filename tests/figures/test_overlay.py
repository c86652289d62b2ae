"""Runs laid over each other, against their records; names that come from anywhere."""

import re
from itertools import islice

import numpy as np
import pytest

from bnviz.core.config import RunConfig
from bnviz.core.number_format import percent, two_digits
from bnviz.figures.overlay import MOST_RUNS, QUANTITIES, RUN_STYLES, names, overlay
from bnviz.figures.style import KNOWN_NORMS, further_styles
from tests.figures.test_every_figure import check

ARMS = (*KNOWN_NORMS.values(), *islice(further_styles(), 10))
PAPER, NIGHT = "#ffffff", "#101418"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_overlay_has_a_line_per_run(run, quantity):
    runs = {f"learning rate {rate:g}": run(learning_rate=rate) for rate in (0.05, 0.1, 0.4)}
    figure = overlay(runs, quantity)
    assert [trace.name for trace in figure.data] == list(runs)
    assert figure.layout.showlegend
    for trace, record, style in zip(figure.data, runs.values(), RUN_STYLES, strict=False):
        np.testing.assert_array_equal(trace.x, record.data["step"])
        np.testing.assert_array_equal(trace.y, record.data[quantity])
        assert (trace.line.color, trace.line.dash) == (style.colour, style.dash)
        last = float(trace.y[-1])
        told = percent(last) if quantity == "test_accuracy" else two_digits(last)
        assert f"{trace.name} ends at {told}" in figure.layout.meta["alt"]


@pytest.mark.parametrize("name", ["nothing yet", "first frame", "arms out of step", "stopped", "diverged"])
@pytest.mark.filterwarnings("error")
def test_overlay_of_every_case_is_valid(case, name):
    for quantity in QUANTITIES:
        check(overlay(case(name), quantity), None)


def test_run_without_quantity_keeps_others_styles(run, case):
    (without,) = list(case("no accuracy").values())[:1]
    figure = overlay({"values": without, "classes": run()}, "test_accuracy")
    (line,) = figure.data
    assert (line.name, line.line.color) == ("classes", RUN_STYLES[1].colour)


def test_overlay_axis_has_common_units_only(run, case):
    (values,) = list(case("no accuracy").values())[:1]
    both = overlay({"a": run(), "b": values}, "train_loss").layout.yaxis.title.text
    assert both == "training loss"
    assert overlay({"a": run(), "c": run(norm="batch")}, "train_loss").layout.yaxis.title.text == "training loss (nat)"


def test_run_names_are_escaped(run):
    name = "<a href='javascript:x'>&nbsp;</a> %{x}"
    figure = overlay({name: run()}, "test_accuracy")
    (line,) = figure.data
    assert "<" not in line.name
    assert line.name.startswith("&lt;a href=")
    assert "%{x}" in line.name
    assert "href" not in line.hovertemplate
    assert name in figure.layout.meta["alt"], "alternative texts are no HTML"


def test_run_styles_differ_from_arms_and_are_visible():
    assert len(RUN_STYLES) == MOST_RUNS == 4
    assert not {style.colour.lower() for style in RUN_STYLES} & {arm.colour.lower() for arm in ARMS}
    assert len({style.colour for style in RUN_STYLES}) == len({style.dash for style in RUN_STYLES}) == MOST_RUNS
    for style in RUN_STYLES:
        for ground in (PAPER, NIGHT):
            assert contrast(style.colour, ground) >= 3, "WCAG 2.2, 1.4.11"


def contrast(one: str, other: str) -> float:
    """As WCAG defines it, of relative luminances."""
    parts = np.array([[int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)] for colour in (one, other)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    dark, light = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (light + 0.05) / (dark + 0.05)


def test_run_names_have_differing_settings():
    runs = [RunConfig(learning_rate=0.5), RunConfig(norm="batch"), RunConfig(norm="batch", widths=(50, 50))]
    assert names(runs) == [
        "3 × 100 units, no normalisation, learning rate 0.5",
        "3 × 100 units, batch norm, learning rate 0.1",
        "2 × 50 units, batch norm, learning rate 0.1",
    ]


def test_run_names_ignore_measuring_and_number_equals():
    same = [RunConfig(norm="batch"), RunConfig(norm="batch", probes=(), probe_points=5, line_points=4)]
    assert names(same) == ["batch norm (1)", "batch norm (2)"]
    assert names(same[:1]) == ["batch norm"]
    assert names([]) == []


def test_run_names_are_short_and_unique():
    other = RunConfig(
        norm="batch", activation="relu", seed=3, steps=50, learning_rate=2, batch_size=8, optimizer="adam"
    )
    found = names([RunConfig(), other, other])
    assert all(len(name) < 100 and name.count(",") == 4 for name in found)
    assert all(re.search(r", …( \(\d\))?$", name) for name in found)
    assert len(set(found)) == 3
