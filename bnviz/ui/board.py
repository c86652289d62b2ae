"""The board: all charts of a page in one component, with one player and one cursor.

Wraps board.js and chart.js, which draw plotly figures in the browser with plotly's own library. This module knows
figures only as JSON, and nothing of what they show.
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from time import monotonic
from typing import Any

import plotly
import streamlit as st

from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import explain_if_empty, styles
from bnviz.ui.drawn import Drawing, drawing
from bnviz.ui.notes import notes
from bnviz.ui.shown import Shown
from bnviz.ui.turns import turns

HERE = Path(__file__).parent
STATIC_FOLDER = HERE.parent.parent / "static"
SCRIPTS = ("board.js", "chart.js")
REST = 1  # while runs go on, a board rests so many times as long as it took to draw, and others can draw and train
CSS_LINES = {"solid": "solid", "dash": "dashed", "dot": "dotted", "dashdot": "dashed", "longdash": "dashed"}

_component = st.components.v2.component(
    "bnviz_board",
    html='<div class="bnviz-board"></div>\n',
    css=(HERE / "board.css").read_text(encoding="utf-8"),
    js="\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Action:
    """A button in a group's head: it reports the update at the cursor under the event's name.

    In the label, {step} stands for that update.
    """

    label: str
    event: str


@dataclass(frozen=True)
class Group:
    """One section of a board: what to look for, and the charts to look at. Texts are plain, with line breaks.

    `charts` has, by name, the call that draws each: `partial(curves.accuracy, records)`. It is made again only when its
    arguments have changed. `note` is small print below the charts.
    """

    name: str
    title: str
    caption: str
    charts: Mapping[str, partial[Chart]] = field(default_factory=dict)
    action: Action | None = None
    note: str = ""


class _Live:
    """What is drawn of runs that go on, for all who look at them: by one of them, and not all the time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._data: dict[str, Any] = {}
        self._rest_until = -math.inf

    def data(self, draw: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """As it was drawn last, or as `draw` draws it now."""
        if not self._lock.acquire(blocking=False):  # another draws it, and may have let this one pass
            return self._data or draw()
        try:
            began = monotonic()
            if began >= self._rest_until:
                self._data = draw()
                self._rest_until = monotonic() + REST * (monotonic() - began)
            return self._data
        finally:
            self._lock.release()


def board(
    key: str,
    build: Callable[[], Sequence[Group]],
    shown: Shown,
    looked_at: tuple[Any, ...] = (),
    on_event: Mapping[str, Callable[[int], None]] | None = None,
    marks: Mapping[str, int] | None = None,
) -> None:
    """Draw the groups that `build` makes of what is shown.

    They are built anew only when a record or `looked_at` (whatever else decides what is drawn) has changed; while runs
    go on, not so often that drawing would take most of the time.
    `on_event` has, by the event's name, what to call with the number that the browser reports: an action's update, or
    what was clicked in a chart whose `layout.meta` has that name as `selects`. `marks` has, by the same name, the row
    of such charts that is chosen; they are not drawn anew for another one.
    """
    try:
        serve_plotly()
    except OSError as error:
        st.error(
            f"The charts cannot be drawn: their library could not be copied into the app's folder "
            f"{STATIC_FOLDER.name}/ ({error.strerror or error}). Whoever runs the app has to let it write there, or "
            f"copy plotly.min.js from the Python package plotly to {STATIC_FOLDER.name}/{plotly_script()}.",
            icon=":material/folder_off:",
        )
        return
    draw = partial(_data, key, build, shown, looked_at, dict(marks or {}))
    if shown.live:
        # Of runs that go on, not the records, which grow, but which they are; who has stopped one has another outcome.
        runs = {arm: [(one.config.key, one.outcome) for one in several] for arm, several in shown.repeats.items()}
        live: _Live = drawing(f"{key}/live", (looked_at, runs, shown.also)).made(_Live)
        data = live.data(draw)
    else:
        data = draw()
    calls: dict[str, Any] = {
        f"on_{event}_change": partial(_report, key, event, call) for event, call in (on_event or {}).items()
    }
    _component(key=key, data=_unsent(key, data), on_missing_change=partial(_forget_sent, key), **calls)


def _data(
    key: str,
    build: Callable[[], Sequence[Group]],
    shown: Shown,
    looked_at: tuple[Any, ...],
    marks: dict[str, int],
) -> dict[str, Any]:
    """What board.js is told."""
    records = shown.records
    arms = [
        {"name": name, "colour": style.colour, "line": CSS_LINES.get(style.dash, "solid")}
        for name, style in styles(records).items()
    ]
    return {
        "groups": _drawn(key, build, shown, looked_at),
        "arms": arms,
        "marks": marks,
        "steps": _steps(records),
        "total": max(record.config.steps for record in records.values()),
        "live": shown.live,
        "plotly": f"./app/static/{serve_plotly()}",
    }


def _unsent(key: str, data: dict[str, Any]) -> dict[str, Any]:
    """The same without the figures that this session's browser has by now; should it lack one, it says so."""
    noted = notes(key)
    has: Mapping[str, str] = noted.get("sent", {}) if key in st.session_state else {}  # a board that is new has none
    sent = noted["sent"] = {}
    groups = []
    for group in data["groups"]:
        charts = []
        for chart in group["charts"]:
            name = chart["name"]
            sent[name] = chart["digest"]
            known = has.get(name) == chart["digest"]
            charts.append({part: chart[part] for part in chart if part != "figure"} if known else chart)
        groups.append({**group, "charts": charts})
    return {**data, "groups": groups}


def _forget_sent(key: str) -> None:
    notes(key)["sent"] = {}


def _report(key: str, event: str, call: Callable[[int], None]) -> None:
    reported = getattr(st.session_state[key], event, None)
    if reported is not None:
        call(int(reported))


def _steps(records: Mapping[str, Record]) -> list[int]:
    """Where the cursor can be: every update at which an arm was measured, if only its loss."""
    axes = [
        record.values("probe_step" if record.data.sizes.get("probe_step") else "step") for record in records.values()
    ]
    return sorted({step for axis in axes for step in axis.tolist()})


def _drawn(
    key: str, build: Callable[[], Sequence[Group]], shown: Shown, looked_at: tuple[Any, ...]
) -> list[dict[str, Any]]:
    """The groups as plain data, as they were last time, for anybody, if nothing has changed since."""
    several = [(name, record) for name, records in shown.repeats.items() for record in records]
    now = [*looked_at, *(part for named in (*several, *shown.also.items()) for part in named)]
    noted = notes(key)
    before: Drawing | None = noted.get("drawn")
    if before is None or not before.is_of(key, now):
        before = noted["drawn"] = drawing(key, now)
    groups: list[dict[str, Any]] = before.composed(lambda: _plain(build()))
    return groups


def _plain(groups: Sequence[Group]) -> list[dict[str, Any]]:
    return [
        {
            "name": group.name,
            "title": group.title,
            "caption": group.caption,
            "note": group.note,
            "action": asdict(group.action) if group.action else None,
            "charts": [{"name": name, "runs": _runs(call), **_figure(call)} for name, call in group.charts.items()],
        }
        for group in groups
    ]


def _runs(call: "partial[Chart]") -> dict[str, str]:
    """Run keys of what a chart is drawn of, for its CSV: by arm, and of several seeds by the series of each, too."""
    keys: dict[str, str] = {}
    for given in (*call.args, *call.keywords.values()):
        for arm, one in given.items() if isinstance(given, Mapping) else ():
            several = [one] if isinstance(one, Record) else list(one)
            keys[arm] = " ".join(record.config.key for record in several)
            keys |= {f"{arm}, seed {record.config.seed}": record.config.key for record in several}
    return keys


def _figure(call: "partial[Chart]") -> dict[str, str]:
    """The chart as JSON, with its digest, as it was drawn last of the same arguments, for anybody."""

    def draw() -> dict[str, str]:
        chart = call()
        explain_if_empty(chart)
        text = chart.to_json()
        return {"figure": text, "digest": blake2b(text.encode(), digest_size=8).hexdigest()}

    turns.let_pass()
    name = f"{call.func.__module__}.{call.func.__qualname__}"
    made: dict[str, str] = drawing(name, (call.args, call.keywords)).made(draw)
    return made


def plotly_script() -> str:
    """The file's name where it is served from; it carries the version."""
    return f"plotly-{version('plotly')}.min.js"


@cache
def serve_plotly() -> str:
    """Put plotly.py's own plotly.min.js where Streamlit serves static files from, and return its name there.

    Raises:
        OSError: the folder cannot be written to.
    """
    name = plotly_script()
    target = STATIC_FOLDER / name
    if not target.exists():
        STATIC_FOLDER.mkdir(exist_ok=True)
        partial = target.with_suffix(".part")
        copyfile(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", partial)
        partial.replace(target)
    return name
