"""The clock: when a page looks again at what goes on, and which part of it.

Wraps clock.js, which asks from the browser. Knows jobs; knows neither records nor what is drawn.
"""

import math
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from time import monotonic

import streamlit as st

from bnviz.jobs.service import Job

HERE = Path(__file__).parent
POLL_SECONDS = 0.35
QUEUED_SECONDS = 1.0  # while everything still waits; also the most between two looks at runs that go on
SOON_SECONDS = 3.0  # a run that was asked for so lately is looked at as if it went on: mostly, it is about to
END_SECONDS = 0.1  # the least between two looks at runs of which the last is about to end
LOOKS = 20  # at a long run, if it takes as long as its configuration lets expect
AUDIENCE = 5  # visitors who watch runs or click; with more, each page looks less often, so that all are answered
WAITING_SECONDS = 4.0  # the most between two looks while everything waits, however many watch; or
OF_THE_WAIT = 0.75  # this share of the wait, which may turn out shorter than expected
_looks = count()
"""Each look has a number of its own: the browser leaves alone what has not changed."""

_component = st.components.v2.component(
    "bnviz_clock",
    html='<span class="bnviz-clock"></span>\n',
    css='[data-testid="stElementContainer"]:has(.bnviz-clock) {\n  display: none;\n}\n',  # it would leave a gap
    js=(HERE / "clock.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def clock(part: str, seconds: float | None = None, asks: str | None = None) -> None:
    """Have a part of the page drawn again.

    To be called once in each fragment that is to be asked for, on every run of it.

    Args:
        part: names the fragment that this is called in.
        seconds: after which to ask; None to ask for nothing, and only be there to be asked for.
        asks: which part to ask for, by the name it gave itself; None for this one.
    """
    data = {"part": part, "asks": asks or part, "seconds": seconds, "look": next(_looks)}
    _component(key=f"{part}/clock", data=data, on_look_change=_looked)


def seconds_between(jobs: Sequence[Job], audience: int, wait: float = 0.0) -> float | None:
    """Seconds after which to look again at runs, of which some may have ended; None if all have.

    Args:
        jobs: of the runs.
        audience: how many visitors watch runs or have clicked lately, on all pages.
        wait: seconds after which the first of those that wait is expected to begin.
    """
    live = [job for job in jobs if job.live]
    if not live:
        return None
    crowd = 1 + audience // AUDIENCE
    look = max(job.estimated_seconds for job in live) / LOOKS
    soon = wait < SOON_SECONDS
    if any(job.state == "running" or (soon and monotonic() - job.submitted < SOON_SECONDS) for job in live):
        often = crowd * min(max(POLL_SECONDS, look), QUEUED_SECONDS)
        left = max(math.inf if (seconds := job.seconds_left) is None else seconds for job in live)
        return min(often, max(crowd * END_SECONDS, left)) if left > 0 else often  # what is late may be so for long
    return min((2 * crowd - 1) * QUEUED_SECONDS, max(WAITING_SECONDS, OF_THE_WAIT * wait))


def _looked() -> None:
    """Nothing to do: what asks for a look is drawn anew anyway."""
