"""The board: all charts of a page in one component, with one player and one cursor.

Wraps board.js, which draws plotly figures in the browser with plotly's own library. This module knows figures only as
JSON, and nothing of what they show.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st

from bnviz.figures.style import styles
from bnviz.record import Record

HERE = Path(__file__).parent
STATIC_FOLDER = HERE.parent.parent / "static"
CSS_LINES = {"solid": "solid", "dash": "dashed", "dot": "dotted", "dashdot": "dashed", "longdash": "dashed"}

_component = st.components.v2.component(
    "bnviz_board",
    html='<div class="bnviz-board"></div>\n',
    css=(HERE / "board.css").read_text(encoding="utf-8"),
    js=(HERE / "board.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Group:
    """One section of a board: what to look for, and the charts to look at, by name."""

    name: str
    title: str
    caption: str
    charts: Mapping[str, go.Figure]


def board(
    key: str,
    build: Callable[[], Sequence[Group]],
    records: Mapping[str, Record],
    live: bool,
    looked_at: tuple[Any, ...] = (),
    on_unit: Callable[[], None] | None = None,
) -> Any:
    """Draw the groups that `build` makes of the records; `live` while runs go on.

    Figures are built anew only when a record or `looked_at` (whatever else decides what is drawn) has changed.
    `on_unit` is called when a unit was clicked in a layer map.
    """
    arms = [
        {"name": name, "colour": style.colour, "line": CSS_LINES.get(style.dash, "solid")}
        for name, style in styles(records).items()
    ]
    steps = sorted({int(step) for record in records.values() for step in record.data["probe_step"].values})
    data = {
        "groups": _drawn(key, build, records, looked_at),
        "arms": arms,
        "steps": steps,
        "total": max(record.config.steps for record in records.values()),
        "live": live,
        "plotly": f"./app/static/{serve_plotly()}",
    }
    return _component(key=key, data=data, on_unit_change=on_unit or (lambda: None))


def _drawn(
    key: str, build: Callable[[], Sequence[Group]], records: Mapping[str, Record], looked_at: tuple[Any, ...]
) -> list[dict[str, Any]]:
    """The groups as plain data, as they were last time if nothing has changed since: records never change, a run that
    goes on has a new one."""
    seen, kept, groups = st.session_state.get(f"{key}/drawn", (None, {}, []))
    same_names = seen == looked_at and list(kept) == list(records)
    if same_names and all(kept[name] is record for name, record in records.items()):
        return list(groups)
    groups = [
        {
            "name": group.name,
            "title": group.title,
            "caption": group.caption,
            "charts": [{"name": name, "figure": figure.to_json()} for name, figure in group.charts.items()],
        }
        for group in build()
    ]
    st.session_state[f"{key}/drawn"] = (looked_at, dict(records), groups)
    return groups


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
