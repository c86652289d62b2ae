"""Explaining: what to look for, the source that measured, and what can be taken away from a page."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from bnviz.analysis.captions.shared import untrained
from bnviz.analysis.csv_tables import curves_table
from bnviz.core import registry
from bnviz.core.record import Record
from bnviz.ui.prose import text
from bnviz.ui.reminded import Recall, reminders

Table = tuple[str, Callable[[Mapping[str, Record]], bytes]]
"""A file's name, and what makes its CSV of the arms' records when it is asked for."""


BASELINE = """
**What to look for.** The learning rate is 0, so no weight changes and nothing is learned. What still differs from one
update to the next is the mini-batch and, in arms that have it, the noise. Take these charts as the baseline for runs
that do learn: choose a learning rate above 0 to see one.
"""


def what_to_look_for(records: Mapping[str, Record], markdown: str) -> None:
    """The page's advice on reading its charts; where nothing was trained, what the charts are good for then."""
    text(BASELINE if untrained(records) else markdown)


@st.fragment
def probe_source(*names: str) -> None:
    """The probes' own files, read from disk: what is shown is what ran.

    Nothing is in it until it is opened: some thousand coloured words would slow down every redrawing of the page.
    """
    box = st.expander("The code that measured this", icon=":material/code:", key="probe-source", on_change="rerun")
    if not box.open:
        return
    with box:
        places = st.tabs([f"{name}.py" for name in names]) if len(names) > 1 else [st.container()]
        for name, place in zip(names, places, strict=True):
            place.caption(f"bnviz/probes/{name}.py, as it ran")
            place.code(registry.source("probes", name), language="python", line_numbers=True)


def take_away(page: str, records: Mapping[str, Record], tables: Mapping[str, Table] | None = None) -> None:
    """Downloads: the whole record of each arm, the curves, and further tables by their label.

    Nothing while one of them trains: it is not whole yet, and each look at it would offer everything anew.
    """
    if any(record.outcome == "running" for record in records.values()):
        return
    offered: dict[str, Table] = {"Curves (CSV)": ("curves.csv", curves_table), **(tables or {})}
    recalled = reminders(records)
    with st.container(horizontal=True, key=f"{page}-downloads"):
        for name, record in records.items():
            st.download_button(
                f"Record of {name}",
                data=partial(_whole, recalled[name]),
                file_name=f"{_slug(name)}-{record.config.key}.nc",
                mime="application/x-netcdf",
                key=f"{page}/nc/{name}",
                on_click="ignore",
                icon=":material/database:",
                help="Everything this run measured, as one netCDF file",
            )
        for label, (file_name, build) in offered.items():
            st.download_button(
                label,
                data=partial(_made, build, recalled),
                file_name=file_name,
                mime="text/csv",
                key=f"{page}/csv/{file_name}",
                on_click="ignore",
                icon=":material/table:",
            )


def _whole(recall: Recall) -> bytes:
    return recall().to_bytes()


def _made(build: Callable[[Mapping[str, Record]], bytes], recalled: Mapping[str, Recall]) -> bytes:
    return build({name: recall() for name, recall in recalled.items()})


def _slug(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in name)
