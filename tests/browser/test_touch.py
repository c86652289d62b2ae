"""Fingers on a phone: a swipe scrolls the page wherever it starts, and a tap on a chart does what a click does."""

import re

import pytest
from playwright.sync_api import Page, expect

from scripts import RunningApp
from tests.browser.screen import BUSY_MACHINE, chart, drawn, open_board, step, swipe, table, tick


@pytest.mark.parametrize("name", ["accuracy", "history-standard", "medians-batch norm"])
def test_swipe_on_a_chart_scrolls_the_page(phone: Page, app: RunningApp, name: str) -> None:
    open_board(phone, f"{app.url}/activations")
    assert swipe(phone, drawn(phone, name), up=200) > 100


def test_swipe_on_a_chart_of_the_runs_page_scrolls_it(phone: Page, app: RunningApp) -> None:
    open_board(phone, f"{app.url}/activations?layer=2")
    phone.goto(f"{app.url}/runs")
    table(phone)
    tick(phone, 1)
    tick(phone, 2)
    curves = phone.get_by_test_id("stPlotlyChart").first
    expect(curves.locator(".main-svg").first).to_be_visible(timeout=BUSY_MACHINE)
    assert swipe(phone, curves, up=200) > 100


def test_tap_on_a_heat_map_selects_its_unit(phone: Page, app: RunningApp) -> None:
    open_board(phone, f"{app.url}/activations")
    plot = drawn(phone, "medians-batch norm").locator(".bnviz-plot")
    place = plot.evaluate("""({_fullLayout: {xaxis, yaxis}}) => (
        { x: xaxis._offset + xaxis._length / 2, y: yaxis._offset + yaxis.d2p(42) })""")
    plot.tap(position=place)
    expect(phone.get_by_role("heading", name=re.compile("One unit: 4[123] of layer 3"))).to_be_visible(
        timeout=BUSY_MACHINE
    )


def test_tap_on_a_curve_moves_the_cursor(phone: Page, app: RunningApp) -> None:
    open_board(phone, f"{app.url}/activations")
    plot = drawn(phone, "accuracy").locator(".bnviz-plot")
    point = plot.evaluate("""({data, _fullLayout: {xaxis, yaxis}}) => {
        const place = [...data[0].x].findIndex((update) => update > 250);
        return { update: data[0].x[place], x: xaxis._offset + xaxis.d2p(data[0].x[place]),
                 y: yaxis._offset + yaxis.d2p(data[0].y[place]) };
    }""")
    plot.tap(position={"x": point["x"], "y": point["y"]})
    expect(chart(phone, "accuracy").locator(".bnviz-cursor")).to_be_visible()
    assert abs(step(phone) - point["update"]) < 30
