"""Declared pages: functions get what they name, groups follow conditions, and a calculator needs no training."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.figures.chart import Chart
from bnviz.ui import board as boards
from bnviz.ui.live import sections_of
from bnviz.ui.page import Action, Group, Page, Prose, bind, per_arm, where, write


def chart(records, arm=None, layer=1):
    return Chart({"meta": {"drawn": [arm, layer, sorted(records)]}})


CONTEXT = {"records": {"a": 1, "b": 2}, "repeats": {"a": [1], "b": [2]}, "layer": 3}


def drawn(group: Group) -> dict[str, list]:
    (section,) = sections_of(Page("page", "?", Prose(""), groups=(group,)), CONTEXT)
    return {name: call().layout.meta["drawn"] for name, call in section.charts.items()}


def test_chart_gets_what_it_names():
    assert drawn(Group("group", "Title", {"one": chart})) == {"one": [None, 3, ["a", "b"]]}


def test_per_arm_draws_each_arm_that_meets_condition():
    group = Group("group", "Title", {"all": per_arm(chart), "some": per_arm(chart, lambda arm: arm == "b")})
    assert list(drawn(group)) == ["all-a", "all-b", "some-b"]


def test_condition_leaves_chart_or_group_out():
    assert drawn(Group("group", "Title", {"one": where(lambda layer: layer > 3, chart)})) == {}
    page = Page("page", "?", Prose(""), groups=(Group("group", "Title", {}, only_if=lambda layer: layer > 3),))
    assert sections_of(page, CONTEXT) == []


def test_title_caption_and_action_are_written_from_settings():
    group = Group(
        "group",
        "Layer {layer}",
        {},
        caption=("First.", lambda layer: f"Layer {layer}."),
        note=lambda records: f"{len(records)} arms",
        action=Action("At {step}", "plane"),
    )
    (section,) = sections_of(Page("page", "?", Prose(""), groups=(group,)), CONTEXT)
    assert (section.title, section.caption, section.note) == ("Layer 3", "First. Layer 3.", "2 arms")
    assert section.button == ("At {step}", "plane")


def test_group_of_further_runs_gets_their_records():
    group = Group("group", "Title", {"one": chart}, of="planes")
    page = Page("page", "?", Prose(""), groups=(group,))
    (section,) = sections_of(page, {**CONTEXT, "planes": {"a": ["x", "y"]}})
    assert section.charts["one"].keywords["records"] == {"a": "x"}


def test_missing_parameter_is_named():
    with pytest.raises(TypeError, match="asks for unit; a page has records, repeats, layer"):
        bind(lambda records, unit: (records, unit), CONTEXT)


def test_text_of_several_parts_leaves_empty_ones_out():
    assert write(("one", lambda: "", " two "), {}) == "one two"


def calculator():
    """A page without training: the mean of two numbers, drawn."""
    from bnviz.figures.chart import Chart
    from bnviz.figures.style import new_chart
    from bnviz.ui.page import Group, Number, Page, Prose
    from bnviz.ui.page_view import show
    from bnviz.ui.router_guard import mark_routed

    def bars(mean: float) -> Chart:
        chart = new_chart("Mean", f"The mean is {mean:g}", "number", "value")
        chart.add("scatter", x=[1.0], y=[mean], name="mean")
        return chart

    mark_routed()
    page = Page(
        name="calculator",
        question="What is the mean?",
        prose=Prose("Two numbers."),
        inputs=(Number("first", "First", 1.0, 0.0, 9.0, 1.0), Number("second", "Second", 3.0, 0.0, 9.0, 1.0)),
        compute=lambda first, second: {"mean": (first + second) / 2},
        groups=(Group("mean", "The mean", {"bars": bars}, lambda mean: f"The mean is {mean:g}."),),
    )
    show(page)


def test_calculator_draws_results_of_its_inputs(monkeypatch):
    sent = []
    monkeypatch.setattr(boards, "_component", lambda **options: sent.append(options["data"]))
    at = AppTest.from_function(calculator).run()
    assert not at.exception
    assert at.title[0].value == "What is the mean?"
    at.number_input(key="calculator/second").set_value(7.0).run()
    assert not at.exception
    captions = [data["groups"][0]["caption"] for data in sent]
    assert captions == ["The mean is 2.", "The mean is 4."]
    figure = json.loads(sent[-1]["groups"][0]["charts"][0]["figure"])
    assert figure["data"][0]["y"] == [4.0]
    assert sent[-1]["steps"] == []
