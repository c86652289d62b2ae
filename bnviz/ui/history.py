"""History: the comparisons that finished in this browser, kept by the browser itself, in its localStorage.

Wraps history.js. What comes back from a browser is anybody's text: each entry is validated, and dropped if anything in
it is not as `note` writes it. Where the browser keeps nothing, the session's own entries are all there is. No record is
kept here; whether one is still known is for others to say.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bnviz.analysis.quantities import final_score, score_quantity
from bnviz.core import registry
from bnviz.core.config import QUERY_NAMES, RunConfig
from bnviz.core.number_format import percent, two_digits
from bnviz.core.presets import DEFAULTS
from bnviz.core.record import Record
from bnviz.ui.drawn import drawing
from bnviz.ui.notes import notes

HERE = Path(__file__).parent
PAGES = HERE.parent.parent / "pages"
MOST = 200
"""Entries kept; the oldest go first."""
LONGEST_QUERY = 2000
SETTINGS = {*RunConfig.model_fields, *QUERY_NAMES.values()}
EARLIEST, LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
SESSION = "bnviz.runs"
FORGOTTEN = "bnviz.runs/forgotten"

_component = st.components.v2.component(
    "bnviz_history",
    html='<span class="bnviz-history"></span>\n',
    css='[data-testid="stElementContainer"]:has(.bnviz-history) {\n  display: none;\n}\n',  # it would leave a gap
    js=(HERE / "history.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@lru_cache(maxsize=4096)
def parsed(page: str | None, query: str) -> RunConfig:
    """The run that a query describes, over what the page opens with; over a run's defaults if there is no page.

    Raises:
        ValueError: it cannot be used as it is.
    """
    given = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=100))
    if page is not None:  # its own settings are whole numbers; it says itself if it has no such one
        given = {name: text for name, text in given.items() if name in SETTINGS or not text.isdecimal()}
    config, problems = RunConfig.from_query(given, DEFAULTS.get(page or ""))
    if problems:
        raise ValueError(problems[0])
    return config


def _of_a_run(query: str) -> str:
    parsed(None, query)
    return query


def _of_the_app(page: str) -> str:
    if page not in registry.read_folder(PAGES):
        raise ValueError("must be a page of the app")
    return page


def _in_utc(when: datetime) -> datetime:
    return when.astimezone(UTC)


Name = Annotated[str, Field(max_length=60, pattern=r"^\w[^\x00-\x1f\x7f]*$")]
"""Text that begins with a letter or a digit: in a table that is opened elsewhere, no formula."""


class Arm(BaseModel):
    """One run of a comparison: its configuration as a query, how it ended, and what it took where that is known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    query: Annotated[str, Field(max_length=LONGEST_QUERY), AfterValidator(_of_a_run)]
    result: Name
    seconds: float | None = Field(None, ge=0, le=1e6)

    @property
    def config(self) -> RunConfig:
        """What was run."""
        return parsed(None, self.query)


class Entry(BaseModel):
    """One finished comparison: the page and its query, the runs by the arm's name, and when it was seen last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: Annotated[str, Field(max_length=60), AfterValidator(_of_the_app)]
    query: str = Field(max_length=LONGEST_QUERY)
    arms: dict[Name, Arm] = Field(min_length=1, max_length=4)
    when: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST), AfterValidator(_in_utc)]

    @model_validator(mode="after")
    def _opens(self) -> Self:
        parsed(self.page, self.query)
        return self

    @property
    def same(self) -> tuple[object, ...]:
        """What two entries share if they are about the same comparison."""
        return (self.page, *((name, arm.query) for name, arm in self.arms.items()))


@dataclass(frozen=True)
class History:
    """Entries, the newest first; `available` says whether the browser keeps them, None before it has answered."""

    entries: list[Entry]
    available: bool | None


def note(page: str, records: Mapping[str, Record], seconds: Mapping[str, float] | None = None) -> None:
    """Keep a comparison that the page shows, once all its runs have ended by themselves; may be called at every draw.

    Args:
        page: names the page; its query is what the address says now.
        records: by arm, the run with the page's own seed.
        seconds: by arm, what its training took, where this is known.
    """
    if any(record.outcome not in ("finished", "diverged") for record in records.values()):
        return
    query = urlencode(notes(page).get("query", {}))
    told = (page, query, records, seconds or {})
    entry: Entry | None = drawing("entry", told).made(partial(_entry, *told))
    if entry is None:
        return
    session = _session()
    before = session.get(entry.same)
    if before is not None and (before.query, before.arms) == (entry.query, entry.arms):
        entry = before  # seen again, as it was
    else:
        entry = entry.model_copy(update={"when": datetime.now(UTC)})  # others may have seen the same before
    session.pop(entry.same, None)
    session[entry.same] = entry
    for oldest in list(session)[:-MOST]:
        del session[oldest]
    _component(
        key=f"{page}/history", data={"add": [entry.model_dump(mode="json")], "most": MOST, "report": False}, width=1
    )


def _entry(page: str, query: str, records: Mapping[str, Record], seconds: Mapping[str, float]) -> Entry | None:
    """None for what could not be read back, which is not worth a page's failure."""
    arms = {
        name: {"query": urlencode(one.config.to_query()), "result": result_of(one), "seconds": seconds.get(name)}
        for name, one in records.items()
    }
    with suppress(ValidationError):
        return Entry.model_validate({"page": page, "query": query, "arms": arms, "when": datetime.now(UTC)})
    return None


def history(page: str) -> History:
    """What this browser has kept, and this session noted; drawn by the page that shows it, which it runs again once
    the browser has answered."""
    forgotten: datetime | None = st.session_state.get(FORGOTTEN)
    data = {
        "add": [entry.model_dump(mode="json") for entry in _session().values()],
        "most": MOST,
        "report": True,
        "forget": forgotten and forgotten.timestamp() * 1000,
    }
    answer: Any = _component(key=f"{page}/history", data=data, width=1, on_kept_change=lambda: None).kept
    found = {entry.same: entry for entry in _session().values()}
    if answer is None:
        return History(_newest_first(found), None)
    for entry in validated(answer):
        if forgotten and entry.when <= forgotten:
            continue  # it was said before the browser was told
        if entry.same not in found or found[entry.same].when < entry.when:
            found[entry.same] = entry
    return History(_newest_first(found), isinstance(answer, Mapping) and answer.get("available") is True)


def forget() -> None:
    """Empty the list, here and, once it is shown again, in the browser."""
    _session().clear()
    st.session_state[FORGOTTEN] = datetime.now(UTC)


def validated(answer: object) -> list[Entry]:
    """The entries in a browser's answer that are as `note` writes them, at most MOST."""
    given = answer.get("entries") if isinstance(answer, Mapping) else None
    entries = []
    for one in given[-MOST:] if isinstance(given, list) else []:
        with suppress(ValidationError):
            entries.append(Entry.model_validate(one))
    return entries


def result_of(record: Record) -> str:
    """How a run ended, in a few words."""
    if record.outcome == "diverged":
        return f"diverged by update {record.last_step}"
    name = score_quantity(record)
    value = final_score(record, name)
    if value != value:
        return record.outcome
    score = percent(value) if name == "test_accuracy" else f"loss {two_digits(value)}"
    return score if record.outcome == "finished" else f"{score}, {record.outcome}"


def _newest_first(found: Mapping[Any, Entry]) -> list[Entry]:
    return sorted(found.values(), key=lambda entry: entry.when, reverse=True)[:MOST]


def _session() -> dict[tuple[object, ...], Entry]:
    noted: dict[tuple[object, ...], Entry] = st.session_state.setdefault(SESSION, {})
    return noted
