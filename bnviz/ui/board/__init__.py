"""The board: all charts of a page in one component, with one player and one cursor.

Wraps board.js and chart.js, which draw plotly figures in the browser with plotly's own library.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from typing import Any

import plotly
import streamlit as st

from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import explain_if_empty, styles
from bnviz.ui.render_cache import cached
from bnviz.ui.session import session

FOLDER = Path(__file__).parent
STATIC_FOLDER = FOLDER.parents[2] / "static"
CSS_LINES = {"solid": "solid", "dash": "dashed", "dot": "dotted", "dashdot": "dashed", "longdash": "dashed"}

_component = st.components.v2.component(
    "bnviz_board",
    html='<div class="bnviz-board"></div>\n',
    css=(FOLDER / "board.css").read_text(encoding="utf-8"),
    js="\n".join((FOLDER / name).read_text(encoding="utf-8") for name in ("board.js", "chart.js")),
    isolate_styles=False,
)


@dataclass(frozen=True)
class Section:
    """One section of a board: plain texts, the calls that draw its charts by name, and perhaps a button.

    `button` is a label, in which {step} stands for the update at the cursor, and the event that reports this update.
    """

    name: str
    title: str
    caption: str
    charts: Mapping[str, "partial[Chart]"] = field(default_factory=dict)
    note: str = ""
    button: tuple[str, str] | None = None


def board(
    page: str,
    sections: Sequence[Section],
    records: Mapping[str, Record],
    live: bool = False,
    events: Mapping[str, Callable[[int], None]] | None = None,
    marks: Mapping[str, int] | None = None,
) -> None:
    """Draw a page's sections.

    Args:
        page: names the page.
        sections: in their order.
        records: by arm, those whose steps the player walks through; none: there is nothing to play.
        live: whether runs go on, so that the cursor follows the newest step.
        events: by name, what to call with the number that the browser reports: a button's update, or the row that was
            clicked in a chart whose `layout.meta` has that name as `selects`.
        marks: by the same names, the row that is chosen.
    """
    try:
        script = serve_plotly()
    except OSError as error:
        st.error(
            f"The charts cannot be drawn: their library could not be copied into the app's folder "
            f"{STATIC_FOLDER.name}/ ({error.strerror or error}). Whoever runs the app has to let it write there, or "
            f"copy plotly.min.js from the Python package plotly to {STATIC_FOLDER.name}/{plotly_script()}.",
            icon=":material/folder_off:",
        )
        return
    key = f"{page}/board"
    sent = session().page(page).sent
    if key not in st.session_state:
        sent.clear()  # a board that is new has no figures
    arms = [
        {"name": name, "colour": style.colour, "line": CSS_LINES.get(style.dash, "solid")}
        for name, style in styles(records).items()
    ]
    data = {
        "groups": [_plain(section, sent) for section in sections],
        "arms": arms,
        "marks": dict(marks or {}),
        "steps": _steps(records),
        "total": max((record.config.steps for record in records.values()), default=0),
        "live": live,
        "plotly": f"./app/static/{script}",
    }
    calls: dict[str, Any] = {
        f"on_{event}_change": partial(_report, key, event, call) for event, call in (events or {}).items()
    }
    _component(key=key, data=data, on_missing_change=sent.clear, **calls)


def _plain(section: Section, sent: dict[str, str]) -> dict[str, Any]:
    """A section as board.js reads it, without the figures that the browser has; should it lack one, it says so."""
    charts = []
    for name, call in section.charts.items():
        figure, digest = rendered(call)
        chart = {"name": name, "runs": _run_keys(call), "digest": digest}
        charts.append(chart if sent.get(name) == digest else {**chart, "figure": figure})
        sent[name] = digest
    texts = {name: getattr(section, name) for name in ("name", "title", "caption", "note")}
    button = {"label": section.button[0], "event": section.button[1]} if section.button else None
    return {**texts, "action": button, "charts": charts}


def rendered(call: "partial[Chart]") -> tuple[str, str]:
    """The chart as JSON, with a digest of it; drawn anew only if its arguments have changed."""

    def draw() -> tuple[str, str]:
        chart = call()
        explain_if_empty(chart)
        text = chart.to_json()
        return text, blake2b(text.encode(), digest_size=8).hexdigest()

    return cached(f"{call.func.__module__}.{call.func.__qualname__}", (call.args, call.keywords), draw)


def _run_keys(call: "partial[Chart]") -> dict[str, str]:
    """Run keys of what a chart shows, for its CSV: by arm, and by arm and seed."""
    keys: dict[str, str] = {}
    for argument in (*call.args, *call.keywords.values()):
        for arm, item in argument.items() if isinstance(argument, Mapping) else ():
            records = [item] if isinstance(item, Record) else list(item)
            keys[arm] = " ".join(record.config.key for record in records)
            keys |= {f"{arm}, seed {record.config.seed}": record.config.key for record in records}
    return keys


def _steps(records: Mapping[str, Record]) -> list[int]:
    """Where the cursor can be: every update at which an arm was measured, if only its loss."""
    axes = [
        record.values("probe_step" if record.data.sizes.get("probe_step") else "step") for record in records.values()
    ]
    return sorted({step for axis in axes for step in axis.tolist()})


def _report(key: str, event: str, call: Callable[[int], None]) -> None:
    reported = getattr(st.session_state[key], event, None)
    if reported is not None:
        call(int(reported))


def plotly_script() -> str:
    """The name of plotly's script where it is served from; it carries the version."""
    return f"plotly-{version('plotly')}.min.js"


@cache
def serve_plotly() -> str:
    """Copy plotly.py's own plotly.min.js to the folder that Streamlit serves files from, and return its name there.

    Raises:
        OSError: the folder cannot be written to.
    """
    name = plotly_script()
    target = STATIC_FOLDER / name
    if not target.exists():
        STATIC_FOLDER.mkdir(exist_ok=True)
        part = target.with_suffix(".part")
        copyfile(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", part)
        part.replace(target)
    return name
