"""The comparisons that finished in this browser, kept by the browser itself, in its localStorage.

Wraps history.js. Where the browser keeps nothing, the session's own entries are all there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from bnviz.core.record import Record
from bnviz.records.history_entries import MOST_ENTRIES, Entry, entry_of, newest_first, valid_entries
from bnviz.ui.run_client import RunClient
from bnviz.ui.session import session

_component = st.components.v2.component(
    "bnviz_history",
    html='<span class="bnviz-history"></span>\n',
    css='[data-testid="stElementContainer"]:has(.bnviz-history) {\n  display: none;\n}\n',
    js=Path(__file__).with_name("history.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@dataclass(frozen=True)
class History:
    """Entries, the newest first; `available` says whether the browser keeps them, None before it has answered."""

    entries: list[Entry]
    available: bool | None


def note_comparison(page: str, client: RunClient, records: Mapping[str, Record]) -> None:
    """Add a comparison to the list once all its runs have ended by themselves; may be called at every look.

    A page that was only opened is not listed: something must have been set or trained there.
    """
    state = session().page(page)
    ended = all(record.outcome in ("finished", "diverged") for record in records.values())
    if not ended or not (state.trained or state.query):
        return
    jobs = {arm: client.job(record.config) for arm, record in records.items()}
    seconds = {arm: job.seconds for arm, job in jobs.items() if job is not None and job.seconds is not None}
    entry = entry_of(page, urlencode(state.query), records, seconds)
    if entry is None:
        return
    kept = session().history
    before = kept.pop(entry.comparison, None)
    if before is not None and (before.query, before.arms) == (entry.query, entry.arms):
        entry = before
    kept[entry.comparison] = entry
    for oldest in list(kept)[:-MOST_ENTRIES]:
        del kept[oldest]
    data = {"add": [entry.model_dump(mode="json")], "most": MOST_ENTRIES, "report": False}
    _component(key=f"{page}/history", data=data, width=1)


def read_history(page: str) -> History:
    """What this browser has kept, and this session added; the page runs again once the browser has answered."""
    kept, forgotten = session().history, session().forgotten
    data = {
        "add": [entry.model_dump(mode="json") for entry in kept.values()],
        "most": MOST_ENTRIES,
        "report": True,
        "forget": forgotten and forgotten.timestamp() * 1000,
    }
    answer: Any = _component(key=f"{page}/history", data=data, width=1, on_kept_change=lambda: None).kept
    found = dict(kept)
    for entry in valid_entries(answer):
        if forgotten and entry.when <= forgotten:
            continue  # the browser has not heard yet that the list was emptied
        if entry.comparison not in found or found[entry.comparison].when < entry.when:
            found[entry.comparison] = entry
    available = None if answer is None else isinstance(answer, Mapping) and answer.get("available") is True
    return History(newest_first(list(found.values())), available)


def forget_history() -> None:
    """Empty the list, here and, once it is on screen again, in the browser."""
    session().history.clear()
    session().forgotten = datetime.now(UTC)
