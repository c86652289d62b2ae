"""Have the browser ask for a fragment again after a pause."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path

import streamlit as st

from bnviz.jobs.job import Job

POLL_SECONDS = 0.35
QUEUED_SECONDS = 1.0
"""The pause while every run waits behind others."""
REST = 3.0
"""A page rests this many times as long as its last look took, so that a crowd of sessions slows itself down."""

_looks = count()
_component = st.components.v2.component(
    "bnviz_polling",
    html='<span class="bnviz-polling"></span>\n',
    css='[data-testid="stElementContainer"]:has(.bnviz-polling) {\n  display: none;\n}\n',
    js=Path(__file__).with_name("polling.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def poll(key: str, seconds: float) -> None:
    """Run the current fragment again after so many seconds; to be called at the end of each run that is to be followed
    by another."""
    # A number that changes: the browser leaves alone what has not changed.
    _component(key=f"{key}/polling", data={"seconds": seconds, "look": next(_looks)}, on_look_change=lambda: None)


def pause(jobs: Iterable[Job], took: float, wait: float) -> float:
    """Seconds until the next look at live runs.

    Args:
        jobs: of the runs that wait or train.
        took: seconds that the last look took.
        wait: seconds after which the first waiting run is expected to start.
    """
    everything_waits = all(job.state == "queued" for job in jobs) and wait > QUEUED_SECONDS
    return max(QUEUED_SECONDS if everything_waits else POLL_SECONDS, REST * took)
