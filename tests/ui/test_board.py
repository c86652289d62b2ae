"""The board's server side: what it hands to the browser, and what it draws again."""

import json
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from bnviz import Record, RunConfig
from bnviz.figures.chart import Chart
from bnviz.ui import board as boards
from bnviz.ui import render_cache
from bnviz.ui.board import Section, board
from bnviz.ui.session import Session

CONFIG = RunConfig(steps=40, probes=())


def record(*steps: int) -> Record:
    loss = np.zeros(len(steps), np.float32)
    data = xr.Dataset({"train_loss": ("step", loss)}, {"step": np.array(steps, np.int32), "probe_step": np.arange(0)})
    return Record(CONFIG, data)


class Screen:
    """Takes what it is sent, and notes which charts are drawn."""

    def __init__(self, monkeypatch):
        self.sent, self.drawn, self.state, session = [], [], {}, Session()
        render_cache._entries.clear()
        monkeypatch.setattr(boards, "_component", self.take)
        monkeypatch.setattr(boards, "session", lambda: session)
        monkeypatch.setattr(boards.st, "session_state", self.state)

    def take(self, key: str, data: dict, **calls: partial) -> None:
        self.sent.append(data)
        self.state[key] = SimpleNamespace()  # as Streamlit has it for a component that stands on the page
        self.missing = calls["on_missing_change"]

    def chart(self, shown: Record, extra: int = 0) -> Chart:
        self.drawn.append((shown, extra))
        return Chart({"meta": {"extra": extra}})

    def look(self, shown: Record, live: bool = True, **charts: partial) -> dict:
        charts = charts or {"one": partial(self.chart, shown)}
        section = Section("group", "A title", "A caption", charts, "A note", ("At {step}", "asked"))
        board("page", [section], {"standard": shown}, live)
        return self.sent[-1]


@pytest.fixture
def screen(monkeypatch) -> Screen:
    return Screen(monkeypatch)


def test_what_the_browser_is_sent(screen):
    data = screen.look(record(0, 5, 10), live=False)
    (group,) = data["groups"]
    assert [group[part] for part in ("name", "title", "caption", "note")] == ["group", "A title", "A caption", "A note"]
    assert group["action"] == {"label": "At {step}", "event": "asked"}
    assert [json.loads(chart["figure"])["layout"]["meta"] for chart in group["charts"]] == [{"extra": 0}]
    assert (data["steps"], data["total"], data["live"]) == ([0, 5, 10], 40, False)
    assert [arm["name"] for arm in data["arms"]] == ["standard"]


def test_only_charts_whose_arguments_have_changed_are_drawn_again(screen):
    still, first, second = record(0), record(1), record(2)
    calls = {"still": partial(screen.chart, still, extra=1), "moves": partial(screen.chart, first)}
    screen.look(first, live=False, **calls)
    screen.look(second, live=False, **{**calls, "moves": partial(screen.chart, second)})
    assert screen.drawn == [(still, 1), (first, 0), (second, 0)]
    screen.look(second, live=False, **{**calls, "still": partial(screen.chart, still, extra=2)})
    assert screen.drawn[3:] == [(still, 2)], "the other was drawn of the first record before"


def figures(data: dict) -> dict[str, bool]:
    """Of each chart, whether its figure was sent."""
    return {chart["name"]: "figure" in chart for group in data["groups"] for chart in group["charts"]}


def test_a_figure_is_sent_once_and_again_if_it_has_changed_if_it_is_missing_or_if_the_board_is_new(screen):
    shown = record(0, 1)

    def look(unit: int) -> dict[str, bool]:
        still, moves = partial(screen.chart, shown, extra=7), partial(screen.chart, shown, extra=unit)
        return figures(screen.look(shown, live=False, still=still, moves=moves))

    assert look(1) == {"still": True, "moves": True}
    assert look(1) == {"still": False, "moves": False}
    assert look(2) == {"still": False, "moves": True}
    assert look(1) == {"still": False, "moves": True}, "the browser has the last one only"
    screen.missing()
    assert look(1) == {"still": True, "moves": True}
    del screen.state["page/board"]  # the page was left, and is there again
    assert look(1) == {"still": True, "moves": True}


def test_figures_that_are_left_out_are_told_apart_by_what_is_in_them(screen):
    shown = record(0)
    one, two = (screen.look(shown, one=partial(screen.chart, shown, extra=e)) for e in (1, 2))
    digests = [data["groups"][0]["charts"][0]["digest"] for data in (one, two)]
    assert digests[0] != digests[1]
    again = screen.look(shown, one=partial(screen.chart, shown, extra=1))
    assert again["groups"][0]["charts"][0]["digest"] == digests[0]


def test_the_runs_that_a_chart_is_drawn_of_are_named_also_where_its_figure_is_left_out(screen):
    """Other settings can give the same picture: its CSV still names the run that is shown."""
    several = [replace(record(0), config=CONFIG.with_changes(seed=seed)) for seed in (0, 1)]

    def draw(records, repeats):
        return Chart({"meta": {}})

    seen = [
        screen.look(several[0], live=False, one=partial(draw, {"a": several[place]}, repeats))
        for place, repeats in ((0, {"a": several}), (1, None))
    ]
    first, second = (data["groups"][0]["charts"][0] for data in seen)
    keys = [one.config.key for one in several]
    assert first["runs"] == {"a": " ".join(keys), "a, seed 0": keys[0], "a, seed 1": keys[1]}
    assert "figure" not in second
    assert second["runs"]["a"] == keys[1]


def test_a_folder_that_cannot_be_written_to_is_told_instead_of_charts(screen, monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr(boards.st, "error", lambda text, **_: told.append(text))
    in_the_way = tmp_path / "static"
    in_the_way.write_text("a file, not a folder")
    monkeypatch.setattr(boards, "STATIC_FOLDER", in_the_way)
    boards.serve_plotly.cache_clear()
    try:
        board("page", [], {"standard": record(0)})
        assert screen.sent == []
        (sentence,) = told
        assert sentence.startswith("The charts cannot be drawn: their library could not be copied")
        assert f"static/{boards.plotly_script()}" in sentence
        assert str(tmp_path) not in sentence, "visitors are not told the server's paths"
        in_the_way.unlink()
        screen.look(record(0))
        assert (in_the_way / boards.plotly_script()).is_file(), "what was mended counts at the next look"
        assert len(told) == 1
    finally:
        boards.serve_plotly.cache_clear()
