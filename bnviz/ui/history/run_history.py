"""The page of runs: this browser's list, curves of some laid over each other, files in and out."""

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256

import streamlit as st

from bnviz.analysis.csv_tables import as_csv
from bnviz.core.record import Record
from bnviz.figures.overlay import MOST_RUNS, QUANTITIES, names, overlay
from bnviz.records.history_entries import result_of
from bnviz.records.untrusted import read_untrusted
from bnviz.ui.history import forget_history, read_history
from bnviz.ui.history.run_table import PAGE, Run, runs_of, table_of
from bnviz.ui.polling import QUEUED_SECONDS, poll
from bnviz.ui.prose import READING_WIDTH, link_problems, text
from bnviz.ui.run_client import run_client
from bnviz.ui.session import session

MOST_IMPORTED = 4
QUIET = {"displayModeBar": False}  # on a phone its buttons lie on the legend
EMPTY = """
No comparison has finished in this browser yet. Open a page, change a setting and wait; what you see is listed here.
"""
NOT_KEPT = (
    "This browser keeps nothing for the app: a private window, or its storage is switched off or full. The list has "
    "the runs of this session only, and ends with it."
)
FORGETTING = (
    "Empties this browser's list. Other tabs that are open may bring back what they have shown. Links that you have "
    "shared go on working."
)
IMPORT_HELP = "A run file, as saved here or on another page. It stays in this session; nobody else gets to see it."


def run_history() -> None:
    """Draw the list, the ticked runs' curves, and the files."""
    kept = read_history(PAGE)
    runs = runs_of(session().imported, kept.entries)
    if kept.available is False:
        st.info(NOT_KEPT, icon=":material/cloud_off:")
    if runs:
        ticked = _ticked(runs)
        if len(ticked) > MOST_RUNS:
            st.error(f"{len(ticked)} rows are ticked, and {MOST_RUNS} can be told apart in one chart; untick some.")
        elif ticked:
            _compare(ticked)
    elif kept.available is None:
        st.caption("Asking this browser for its list …")
    else:
        text(EMPTY)
        st.page_link("pages/activations.py", label="Activation distributions", icon=":material/stacked_line_chart:")
        st.page_link("pages/loss_landscape.py", label="Loss landscape", icon=":material/landscape:")
    _files(runs, can_forget=bool(kept.entries))


def _ticked(runs: Sequence[Run]) -> list[Run]:
    """Draw the table and return the runs whose rows are ticked."""
    rows = sha256("\n".join(f"{run.page} {run.arm} {run.config.key}" for run in runs).encode()).hexdigest()[:16]
    column = st.column_config
    ticked = st.dataframe(
        table_of(runs),
        hide_index=True,
        key=f"{PAGE}/table/{rows}",  # with other rows, the places that were ticked mean other runs
        on_select="rerun",
        selection_mode="multi-row",
        column_order=("link", "page", "arm", "settings", "result", "when", "seconds"),
        column_config={
            "link": column.LinkColumn("Open", display_text=":material/open_in_new:", width=60),
            "page": "Page",
            "arm": "Run",
            "settings": column.TextColumn("Settings", help="How the page differs from what it opens with"),
            "result": column.TextColumn("Result", help="Test accuracy of the first seed, or the loss without one"),
            "when": column.DatetimeColumn("When", format="YYYY-MM-DD HH:mm", timezone=st.context.timezone),
            "seconds": column.NumberColumn("Seconds", format="%.1f", help="Of training; empty if it was known already"),
        },
        placeholder="–",
        alt="This browser's runs: link, page, arm, settings, result, when, and seconds of training",
    )
    return [runs[place] for place in ticked["selection"]["rows"]]


def _compare(ticked: Sequence[Run]) -> None:
    """What can be done with the ticked runs, and their curves."""
    polling = any(run.training for run in ticked)

    @st.fragment
    def view() -> None:
        records: dict[str, Record] = {}
        labels = names([run.config for run in ticked])
        for place, (column, label, run) in enumerate(zip(st.columns(len(ticked)), labels, ticked, strict=True)):
            record = run.record
            label = f"imported, {label}" if run.imported else label
            with column:
                _run(place, label, run, record)
            if record is not None and not run.training:
                records[label] = record
        if len(records) > 1:
            _curves(records)
        training = any(run.training for run in ticked)
        if training:
            poll(PAGE, QUEUED_SECONDS)
        if polling != training:
            st.rerun()  # the whole page, whose table says what is known

    view()


def _run(place: int, name: str, run: Run, record: Record | None) -> None:
    """The run's name and how it ended, and its file or the button that trains it again."""
    if run.training:
        st.markdown(f"**{name}** trains, update {record.last_step if record else 0} of {run.config.steps}")
    elif record is None:
        st.markdown(f"**{name}**: its measurements are not known any more")
        again = partial(run_client(PAGE).train_again, [run.config])
        st.button("Train again", key=f"{PAGE}/again/{place}", icon=":material/play_arrow:", on_click=again)
    else:
        st.markdown(f"**{name}** {result_of(record)}")
        st.download_button(
            "Save",
            data=record.to_bytes,
            file_name=f"{run.config.key}.nc",
            key=f"{PAGE}/save/{place}",
            on_click="ignore",
            icon=":material/database:",
            help="Everything this run measured, as one netCDF file",
        )


def _curves(records: Mapping[str, Record]) -> None:
    """The overlay, one chart a quantity; empty where no run has it."""
    for quantity, place in zip(QUANTITIES, st.columns(len(QUANTITIES)), strict=True):
        drawn = overlay(records, quantity)
        drawn.layout.set(dragmode=False)  # on a phone, plotly would keep each swipe for itself
        place.markdown(f"**{QUANTITIES[quantity]}**")
        place.plotly_chart(drawn.figure(), key=f"{PAGE}/{quantity}", config=QUIET, alt=drawn.layout.meta["alt"])


def _files(runs: Sequence[Run], can_forget: bool) -> None:
    """Runs from files, the table as a file, and the button that empties the list."""
    st.header("Files")
    field = f"{PAGE}/upload/{session().uploads}"
    st.file_uploader(
        "Add runs from files",
        ["nc", "gz"],
        accept_multiple_files=True,
        key=field,
        on_change=_import_files,
        args=(field,),
        help=IMPORT_HELP,
        width=READING_WIDTH,
    )
    link_problems(session().import_problems)
    with st.container(horizontal=True, key=f"{PAGE}-files"):
        if session().imported:
            st.button("Remove the imported runs", icon=":material/delete:", on_click=_remove_imported)
        if runs:
            st.download_button(
                "This table (CSV)",
                data=as_csv(table_of(runs)),
                file_name="bnviz-runs.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/table:",
            )
        if can_forget:
            with st.popover("Forget this list", icon=":material/delete_sweep:"):
                st.markdown(FORGETTING)
                st.button("Forget all", on_click=forget_history, key=f"{PAGE}/forget", type="primary")


def _import_files(field: str) -> None:
    """Read the files that were given in the upload field of this key; the next field is a new one, and empty."""
    current = session()
    current.import_problems = []
    for file in st.session_state[field] or []:
        content = file.getvalue()
        if len(current.imported) >= MOST_IMPORTED:
            current.import_problems.append(
                f"{MOST_IMPORTED} imported runs are here already; remove them before you add more."
            )
            break
        try:
            current.imported[sha256(content).hexdigest()] = (file.name[:40], read_untrusted(content))
        except ValueError as error:
            current.import_problems.append(f"{file.name[:40]}: {error}")
    current.uploads += 1


def _remove_imported() -> None:
    """Drop the imported runs, and the sentences on their files."""
    session().imported.clear()
    session().import_problems = []
