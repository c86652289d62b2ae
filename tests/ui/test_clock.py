"""The clock: when a page looks again, from jobs as they are; that it does is for the browser tests and benchmarks."""

from time import monotonic

import pytest

from bnviz.core.config import RunConfig
from bnviz.jobs.job import Job
from bnviz.ui.clock import (
    AUDIENCE,
    END_SECONDS,
    POLL_SECONDS,
    QUEUED_SECONDS,
    SOON_SECONDS,
    WAITING_SECONDS,
    seconds_between,
)

SHORT = RunConfig(widths=(6,), steps=12)
LONG = RunConfig(widths=(30,) * 10, steps=100_000)


def job(config: RunConfig = SHORT, state: str = "queued", ago: float = 60.0) -> Job:
    """As it is that many seconds after it was asked for."""
    made = Job(config)
    made.submitted = monotonic() - ago
    if state != "queued":
        made.receive(0, [])
    if state not in ("queued", "running"):
        made.end("stopped")
    return made


def test_nothing_is_looked_at_again_once_all_has_ended():
    assert seconds_between([], 1) is None
    assert seconds_between([job(state="stopped")], 100) is None
    assert seconds_between([job(state="stopped"), job(state="running")], 1) == POLL_SECONDS


def test_what_goes_on_is_looked_at_more_often_than_what_waits():
    assert seconds_between([job(state="running")], 1) == pytest.approx(POLL_SECONDS)
    assert seconds_between([job(LONG, "running")], 1) == QUEUED_SECONDS
    assert seconds_between([job()], 1) == QUEUED_SECONDS
    assert seconds_between([job(ago=0.0)], 1) == pytest.approx(POLL_SECONDS), "asked for just now"
    assert seconds_between([job(LONG), job(state="running")], 1) == QUEUED_SECONDS


def test_the_end_of_a_run_is_looked_at_when_it_is_due():
    ending, later = job(state="running"), job(state="running")
    ending.started, ending.heard, ending.step = monotonic() - 1.0, monotonic(), 10
    assert seconds_between([ending], 1) == pytest.approx(0.2, abs=0.05), "two updates of ten a second"
    assert seconds_between([ending, job(ago=60.0)], 1) == pytest.approx(POLL_SECONDS), "one still waits"
    later.started, later.heard, later.step = monotonic() - 1.0, monotonic(), 3
    assert seconds_between([ending, later], 1) == pytest.approx(POLL_SECONDS), "the other takes another 3 s"
    ending.step, ending.heard = SHORT.steps, monotonic() + 0.05
    assert seconds_between([ending], 1) == pytest.approx(END_SECONDS)
    assert seconds_between([ending], 3 * AUDIENCE) == pytest.approx(4 * END_SECONDS)
    ending.heard = monotonic() - 1.0
    assert seconds_between([ending], 1) == pytest.approx(POLL_SECONDS), "it is late, and nobody knows how late"


def test_the_more_watch_the_less_often_each_looks_but_never_too_seldom():
    running, waiting = [job(state="running")], [job(ago=SOON_SECONDS + 1)]
    assert seconds_between(running, 3 * AUDIENCE) == pytest.approx(4 * POLL_SECONDS)
    assert seconds_between(waiting, AUDIENCE) == pytest.approx(3 * QUEUED_SECONDS)
    assert seconds_between(waiting, 100 * AUDIENCE) == WAITING_SECONDS


def test_who_has_long_to_wait_is_not_looked_at_as_if_it_began_soon():
    asked_for_just_now, waiting = [job(ago=0.0)], [job(ago=60.0)]
    assert seconds_between(asked_for_just_now, 1, SOON_SECONDS - 1) == pytest.approx(POLL_SECONDS)
    assert seconds_between(asked_for_just_now, 1, SOON_SECONDS + 1) == QUEUED_SECONDS
    crowd = 100 * AUDIENCE
    assert seconds_between(waiting, crowd, WAITING_SECONDS) == WAITING_SECONDS
    assert seconds_between(waiting, crowd, 4 * WAITING_SECONDS) == pytest.approx(3 * WAITING_SECONDS)
    assert seconds_between(waiting, 1, 4 * WAITING_SECONDS) == QUEUED_SECONDS, "nobody else watches"
    assert seconds_between([job(state="running")], 1, 60.0) == pytest.approx(POLL_SECONDS), "the other one goes on"


def test_what_is_left_of_a_run_follows_from_its_pace():
    run = job(state="running")
    assert run.seconds_left is None
    run.started, run.heard, run.step = monotonic() - 2.0, monotonic() - 1.0, 4
    assert run.seconds_left == pytest.approx(8 / 4 - 1, abs=0.1)
    run.start_over()
    assert run.seconds_left is None
