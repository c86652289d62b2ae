"""What the live view does for others: it draws in turn, lets pass who has clicked, and does not look in vain."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from streamlit import config
from streamlit.testing.v1 import AppTest

from bnviz.ui import live
from bnviz.ui.shown import LastShown
from bnviz.ui.turns import Turns


def page():
    import streamlit as st

    from bnviz.core.config import RunConfig
    from bnviz.ui.live import comparison_view

    tiny = RunConfig(widths=(6,), steps=12, batch_size=20, test_samples=30, probe_points=4, curve_points=3)
    arms = ("none", "batch", "noisy_batch")  # one more than there are workers
    configs = {norm: tiny.model_copy(update={"norm": norm, "seed": st.session_state["seed"]}) for norm in arms}

    def picture(shown):
        st.caption("picture")
        st.session_state["shown"] = shown

    comparison_view("page", configs, picture, lambda _: st.caption("below"))


def opened(seed: int) -> AppTest:
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["seed"] = seed
    at.run()
    assert not at.exception
    return at


def test_picture_and_what_is_below_are_drawn_in_turn_and_let_clicks_pass(service, full_gallery, finish, monkeypatch):
    drawn: list[bool] = []

    class Watched(Turns):
        @contextmanager
        def in_turn(self) -> Iterator[None]:
            drawn.append(self._own.unhurried)
            outer = self._own.has_it
            with super().in_turn():
                yield
            assert self._taken is outer

    turns = Watched()
    monkeypatch.setattr(live, "turns", turns)
    at = finish(opened(860))
    assert [one.value for one in at.caption] == ["picture", "below"]
    assert drawn[-2:] == [True, True]
    assert all(drawn)


def test_the_next_look_depends_on_how_long_the_runs_wait(service, full_gallery, finish, monkeypatch):
    waits: list[float] = []

    def seconds_between(jobs, audience, wait):
        waits.append(wait if any(job.state == "queued" for job in jobs) else -1.0)
        return 1.0

    monkeypatch.setattr(live, "seconds_between", seconds_between)
    monkeypatch.setattr(service, "expected_wait", lambda _: 7.0)
    at = opened(861)
    assert waits == [7.0]
    finish(at)


class Hurried(Turns):
    """As if a click had asked for the picture alone."""

    in_a_hurry = True


def test_a_click_while_runs_go_on_draws_what_was_shown_last_and_afterwards_what_there_is(
    service, full_gallery, finish, monkeypatch
):
    at = finish(opened(863))
    now = at.session_state["shown"]
    last = replace(now, records={"none": now.records["none"]})
    monkeypatch.setattr(live, "turns", Hurried())
    monkeypatch.setattr(LastShown, "get", lambda *_: last)
    at.run()
    assert at.session_state["shown"].records == now.records
    monkeypatch.setattr(live.asked, "training", lambda *_: True)
    at.run()
    shown = at.session_state["shown"]
    assert (shown.records, shown.live) == (last.records, True)


def test_the_theme_is_looked_up_once(service):
    for section in ("theme", "theme.dark"):
        found = config.get_options_for_section(section)
        options = config.get_config_options().values()
        assert found == {one.name: one.value for one in options if one.section == section}
        assert config.get_options_for_section(section) is found
