"""Runs

What finished in this browser, run by run: links back, curves of two to four laid over each other, files in and out.
"""

from collections.abc import Sequence
from functools import partial
from hashlib import sha256

import streamlit as st

from bnviz.analysis.csv_tables import as_csv
from bnviz.core.record import Record
from bnviz.figures.overlay import MOST_RUNS, QUANTITIES, names, overlay
from bnviz.records.untrusted import read_untrusted
from bnviz.ui.asked import train_again
from bnviz.ui.clock import QUEUED_SECONDS, clock
from bnviz.ui.history import forget, history, result_of
from bnviz.ui.prose import READING_WIDTH, link_problems, text
from bnviz.ui.routing import require_router
from bnviz.ui.run_rows import PAGE, Run, rows, table
from bnviz.ui.share import titled

SECTION = "Lab"
ORDER = 10
ICON = ":material/history:"
IMPORTED = f"{PAGE}/imported"
PROBLEMS = f"{PAGE}/problems"
UPLOADS = f"{PAGE}/uploads"
MOST_IMPORTED = 4
QUIET = {"displayModeBar": False}  # on a phone its buttons lie on the legend

INTRODUCTION = """
Each row is one run of a comparison that finished in this browser. The list is kept by the browser, not by the app:
nobody else sees it, and it goes when you empty it below or clear the browser's data. Open a link to see the page as it
was; tick **two to four** rows to lay their curves over each other.
"""
EMPTY = """
No comparison has finished in this browser yet. Open a page, change a setting and wait; what you see is listed here.
"""
NOT_KEPT = (
    "This browser keeps nothing for the app: a private window, or its storage is switched off or full. The list has "
    "the runs of this session only, and ends with it."
)
NO_ADDRESS = "The link leads to this page, not to your runs: they stay in your browser. To share a run, open its link."
FORGETTING = (
    "Empties this browser's list. Other tabs that are open may bring back what they have shown. Links that you have "
    "shared go on working."
)
IMPORT_HELP = "A run file, as saved here or on another page. It stays in this session; nobody else gets to see it."


def chosen_of(runs: Sequence[Run]) -> list[Run]:
    """Draw the table; the rows that are ticked."""
    which = sha256("\n".join(f"{run.page} {run.arm} {run.config.key}" for run in runs).encode()).hexdigest()[:16]
    column = st.column_config
    ticked = st.dataframe(
        table(runs),
        hide_index=True,
        key=f"{PAGE}/table/{which}",  # other rows: what was ticked by its place is so no more
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


def take_in(uploaded: str) -> None:
    """Read the files that were just given in the field of this key; the next field has another, and is empty."""
    held = st.session_state.setdefault(IMPORTED, {})
    problems = st.session_state[PROBLEMS] = []
    for file in st.session_state[uploaded] or []:
        content = file.getvalue()
        if len(held) >= MOST_IMPORTED:
            problems.append(f"{MOST_IMPORTED} imported runs are here already; remove them before you add more.")
            break
        try:
            held[sha256(content).hexdigest()] = (file.name[:40], read_untrusted(content))
        except ValueError as error:
            problems.append(f"{file.name[:40]}: {error}")
    st.session_state[UPLOADS] = st.session_state.get(UPLOADS, 0) + 1


def remove_imported() -> None:
    """Let go of the imported runs, and of what was said about their files."""
    st.session_state[IMPORTED].clear()
    st.session_state[PROBLEMS] = []


def look(chosen: Sequence[Run]) -> None:
    """What can be done with the ticked runs, and their curves."""
    polling = any(run.training for run in chosen)

    @st.fragment
    def view() -> None:
        records: dict[str, Record] = {}
        told_apart = names([run.config for run in chosen])
        for place, (column, name, run) in enumerate(zip(st.columns(len(chosen)), told_apart, chosen, strict=True)):
            record = run.record
            name = f"imported, {name}" if run.imported else name
            with column:
                one_run(place, name, run, record)
            if record is not None and not run.training:
                records[name] = record
        if len(records) > 1:
            curves(records)
        clock(f"{PAGE}/view", QUEUED_SECONDS if polling else None)
        if polling != any(run.training for run in chosen):
            st.rerun()  # the whole page, whose table says what is known

    view()


def one_run(place: int, name: str, run: Run, record: Record | None) -> None:
    """The run's name and how it ended, and its file or the button that trains it again."""
    if run.training:
        st.markdown(f"**{name}** trains, update {record.last_step if record else 0} of {run.config.steps}")
    elif record is None:
        st.markdown(f"**{name}**: its measurements are not known any more")
        again = partial(train_again, PAGE, [run.config])
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


def curves(records: dict[str, Record]) -> None:
    """The overlay, one chart a quantity; empty where no run has it."""
    for quantity, place in zip(QUANTITIES, st.columns(len(QUANTITIES)), strict=True):
        drawn = overlay(records, quantity)
        drawn.layout.set(dragmode=False)  # on a phone, plotly would keep each swipe for itself
        place.markdown(f"**{QUANTITIES[quantity]}**")
        place.plotly_chart(drawn.figure(), key=f"{PAGE}/{quantity}", config=QUIET, alt=drawn.layout.meta["alt"])


require_router()
titled(PAGE, "What have I tried?", NO_ADDRESS)
text(INTRODUCTION)
kept = history(PAGE)
runs = rows(st.session_state.get(IMPORTED, {}), kept.entries)
if kept.available is False:
    st.info(NOT_KEPT, icon=":material/cloud_off:")
if runs:
    chosen = chosen_of(runs)
    if len(chosen) > MOST_RUNS:
        st.error(f"{len(chosen)} rows are ticked, and {MOST_RUNS} can be told apart in one chart; untick some.")
    elif chosen:
        look(chosen)
elif kept.available is None:
    st.caption("Asking this browser for its list …")
else:
    text(EMPTY)
    st.page_link("pages/activations.py", label="Activation distributions", icon=":material/stacked_line_chart:")
    st.page_link("pages/loss_landscape.py", label="Loss landscape", icon=":material/landscape:")

st.header("Files")
field = f"{PAGE}/upload/{st.session_state.get(UPLOADS, 0)}"
st.file_uploader(
    "Add runs from files",
    ["nc", "gz"],
    accept_multiple_files=True,
    key=field,
    on_change=take_in,
    args=(field,),
    help=IMPORT_HELP,
    width=READING_WIDTH,
)
link_problems(st.session_state.get(PROBLEMS, []))
with st.container(horizontal=True, key=f"{PAGE}-files"):
    if st.session_state.get(IMPORTED):
        st.button("Remove the imported runs", icon=":material/delete:", on_click=remove_imported)
    if runs:
        st.download_button(
            "This table (CSV)",
            data=as_csv(table(runs)),
            file_name="bnviz-runs.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/table:",
        )
    if kept.entries:
        with st.popover("Forget this list", icon=":material/delete_sweep:"):
            st.markdown(FORGETTING)
            st.button("Forget all", on_click=forget, key=f"{PAGE}/forget", type="primary")
