"""The board: all charts of a page in one component, with one player and one cursor.

Wraps board.js and chart.js, which draw plotly figures in the browser with plotly's own library. This module knows
figures only as JSON, and nothing of what they show.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st

from bnviz.figures.style import styles
from bnviz.record import Record
from bnviz.ui.drawn import Drawing, drawing
from bnviz.ui.shown import Shown

HERE = Path(__file__).parent
STATIC_FOLDER = HERE.parent.parent / "static"
SCRIPTS = ("board.js", "chart.js")
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
    """One section of a board: what to look for, and the charts to look at, by name. Texts are plain, with line breaks.

    `note` is small print below the charts.
    """

    name: str
    title: str
    caption: str
    charts: Mapping[str, go.Figure] = field(default_factory=dict)
    action: Action | None = None
    note: str = ""


def board(
    key: str,
    build: Callable[[], Sequence[Group]],
    shown: Shown,
    looked_at: tuple[Any, ...] = (),
    on_event: Mapping[str, Callable[[int], None]] | None = None,
) -> None:
    """Draw the groups that `build` makes of what is shown.

    Figures are built anew only when a record or `looked_at` (whatever else decides what is drawn) has changed.
    `on_event` has, by the event's name, what to call with the number that the browser reports: an action's update, or
    what was clicked in a chart whose `layout.meta` has that name as `selects`.
    """
    records = shown.records
    arms = [
        {"name": name, "colour": style.colour, "line": CSS_LINES.get(style.dash, "solid")}
        for name, style in styles(records).items()
    ]
    data = {
        "groups": _drawn(key, build, shown, looked_at),
        "arms": arms,
        "steps": _steps(records),
        "total": max(record.config.steps for record in records.values()),
        "live": shown.live,
        "plotly": f"./app/static/{serve_plotly()}",
    }
    calls: dict[str, Any] = {
        f"on_{event}_change": partial(_report, key, event, call) for event, call in (on_event or {}).items()
    }
    _component(key=key, data=data, **calls)


def _report(key: str, event: str, call: Callable[[int], None]) -> None:
    reported = getattr(st.session_state[key], event, None)
    if reported is not None:
        call(int(reported))


def _steps(records: Mapping[str, Record]) -> list[int]:
    """Where the cursor can be: every update at which an arm was measured, if only its loss."""
    axes = [record.data["probe_step" if record.data.sizes.get("probe_step") else "step"] for record in records.values()]
    return sorted({int(step) for axis in axes for step in axis.values})


def _drawn(
    key: str, build: Callable[[], Sequence[Group]], shown: Shown, looked_at: tuple[Any, ...]
) -> list[dict[str, Any]]:
    """The groups as plain data, as they were last time, for anybody, if nothing has changed since."""
    several = [(name, record) for name, records in shown.repeats.items() for record in records]
    now = [*looked_at, *(part for named in (*several, *shown.also.items()) for part in named)]
    before: Drawing | None = st.session_state.get(f"{key}/drawn")
    if before is None or not before.is_of(key, now):
        before = st.session_state[f"{key}/drawn"] = drawing(key, now)
    groups: list[dict[str, Any]] = before.made(lambda: _plain(build()))
    return groups


def _plain(groups: Sequence[Group]) -> list[dict[str, Any]]:
    return [
        {
            "name": group.name,
            "title": group.title,
            "caption": group.caption,
            "note": group.note,
            "action": asdict(group.action) if group.action else None,
            "charts": [{"name": name, "figure": figure.to_json()} for name, figure in group.charts.items()],
        }
        for group in groups
    ]


def serve_plotly() -> str:
    """Put plotly.py's own plotly.min.js where Streamlit serves static files from; the name carries its version."""
    name = f"plotly-{version('plotly')}.min.js"
    target = STATIC_FOLDER / name
    if not target.exists():
        STATIC_FOLDER.mkdir(exist_ok=True)
        partial = target.with_suffix(".part")
        copyfile(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", partial)
        partial.replace(target)
    return name
