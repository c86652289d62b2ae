"""How a figure looks: one colour and dash per arm, quiet axes, colour scales that survive colour blindness.

Backgrounds are transparent and greys half transparent, so that one figure serves the light and the dark theme; whoever
draws it sets the text colour. Colours: Okabe & Ito (2008); cividis for magnitudes; blue to orange for signed values.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from plotly.colors import get_colorscale

from bnviz.analysis.series import Array, finite
from bnviz.core import registry
from bnviz.core.record import Record
from bnviz.figures.chart import Chart, Part

GRID = "rgba(128,128,128,0.22)"
ZONE = "rgba(128,128,128,0.13)"
MARK = "rgba(128,128,128,0.9)"
SIGNED = [[0.0, "#004b76"], [0.25, "#5aa5d1"], [0.5, "#f4f2ee"], [0.75, "#eca05c"], [1.0, "#a53f00"]]
MAGNITUDE = [[place, colour] for place, colour in get_colorscale("cividis")]  # plotly.js has another of that name
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}, "bgcolor": "rgba(0,0,0,0)"}
DECADES = 6
NARROW = 0.9
"""Values over less than so many decades are shown over one, so that they have marks and a wiggle looks like one."""


@dataclass(frozen=True)
class ArmStyle:
    """Colour (hexadecimal), dash and marker symbol (plotly's names) of one arm."""

    colour: str
    dash: str
    symbol: str = "circle"

    def faded(self, opacity: float) -> str:
        """The colour with an opacity, for fills."""
        red, green, blue = (int(self.colour[start : start + 2], 16) for start in (1, 3, 5))
        return f"rgba({red},{green},{blue},{opacity})"


KNOWN_ARMS = {
    "none": ArmStyle("#D55E00", "dash", "diamond"),
    "batch": ArmStyle("#0072B2", "solid"),
    "noisy_batch": ArmStyle("#009E73", "dashdot", "square"),
    "noisy_none": ArmStyle("#CC79A7", "dot", "x"),
}
FURTHER_ARMS = (ArmStyle("#E69F00", "solid"), ArmStyle("#56B4E9", "longdash"), ArmStyle("#8a7a00", "longdashdot"))


def arm_style(norm: str) -> ArmStyle:
    """The style of an arm, by its normalisation: the same on every page."""
    if norm in KNOWN_ARMS:
        return KNOWN_ARMS[norm]
    others = [name for name in registry.names("norms") if name not in KNOWN_ARMS]
    return FURTHER_ARMS[others.index(norm) % len(FURTHER_ARMS)] if norm in others else FURTHER_ARMS[0]


def styles(records: Mapping[str, Record]) -> dict[str, ArmStyle]:
    """Each arm's style, by the arm's name."""
    return {name: arm_style(record.config.norm) for name, record in records.items()}


def figure(
    title: str, alt: str, x: str, y: str, steps: int | None = None, arm: str | None = None, **meta: Any
) -> Chart:
    """An empty figure with the house's axes; `x` and `y` are axis titles, units included.

    `steps` is given if the x axis counts updates: at which it ends (see `most_steps`). With `legend=True` traces are
    named above the chart: where an arm's colour does not say what they are.
    """
    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "ticks": ""}
    return Chart(
        {
            "meta": {"title": title, "alt": alt, "steps": steps is not None, "arm": arm, **meta},
            "template": {},  # everything is said here; where there is none, plotly in Python takes its own
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 52, "r": 14, "t": 8, "b": 40},
            "height": 280,
            "hovermode": "closest",
            "showlegend": bool(meta.get("legend")),
            "legend": LEGEND,
            "uirevision": title,
            "font": {"size": 13},
            "xaxis": {**axis, "title": {"text": x, "standoff": 8}, "showgrid": False, "range": _range(steps)},
            "yaxis": {**axis, "title": {"text": y, "standoff": 8}, "automargin": True},
        }
    )


def most_steps(records: Mapping[str, Record]) -> int:
    """The update at which an axis of updates ends: that of the longest run.

    One that diverged counts as far as it was measured, any other as long as it was to be: its axis stands still while
    it goes on, is stopped and is trained again.
    """
    ends = [one.last_step if one.outcome == "diverged" else one.config.steps for one in records.values()]
    return max(1, *ends)


def _range(steps: int | None) -> tuple[float, float] | None:
    return None if steps is None else (-0.01 * steps, 1.01 * steps)


def log_axis(drawn: Chart, letter: Literal["x", "y"] = "y", values: Array | None = None, falling: bool = False) -> None:
    """Make an axis logarithmic, with marks that can be read over one decade as well as over thirty.

    Values that hardly vary are shown over a factor of ten; on a `falling` axis the largest comes first. With `values`,
    all that is ever to be seen, the axis stands still; if they span very much, it leaves out the outermost half per
    cent at either end.
    """
    seen = [values] if values is not None else [np.asarray(trace[letter], float) for trace in drawn.data]
    shown = np.concatenate([finite(one) for one in seen] or [np.ones(1)])
    shown = shown[shown > 0] if (shown > 0).any() else np.ones(1)
    low, high = np.log10((shown.min(), shown.max()))
    if values is not None and high - low > DECADES:
        low, high = np.log10(np.quantile(shown, (0.005, 0.995)))
    decades = float(high - low)
    margin = max(0.04 * decades, (1 - decades) / 2)
    axis = drawn.layout[f"{letter}axis"]
    axis.type = "log"
    ends = (float(low) - margin, float(high) + margin)
    if values is None and decades >= NARROW:
        axis.range, axis.autorange = None, "reversed" if falling else None
    else:
        if values is None:  # in steps, or each frame of a run that goes on would undo the zoom of whoever looks
            ends = (round(ends[0], 1), round(ends[0], 1) + 1)
        axis.range = ends[::-1] if falling else ends
    axis.dtick = "D2" if decades <= 2.5 else math.ceil(decades / DECADES)
    axis.tickformat = ".2~r" if decades <= DECADES and shown.min() > 1e-5 and shown.max() < 1e6 else None
    axis.exponentformat = "power"


def level(drawn: Chart, y: float) -> None:
    """Draw a quiet line across, below what was measured."""
    line = {"color": GRID, "width": 1.5}
    across = {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line, "layer": "below"}
    drawn.mark(**across)


def limits(values: Array, least: float = 0.0) -> tuple[float, float]:
    """A linear axis for nearly all of `values`: all but the outermost 2 % at either end, and `least` in any case."""
    seen = finite(values)
    low = float(np.quantile(seen, 0.02, method="higher")) if seen.size else 0.0
    high = float(np.quantile(seen, 0.98, method="lower")) if seen.size else 1.0
    low, high = min(low, least), max(high, least)
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def explain_if_empty(drawn: Chart) -> None:
    """Write into a chart that it has nothing to draw, where this is so, and why: an empty frame explains nothing."""
    measured = shown = False
    for trace in drawn.data:
        if trace.hoverinfo == "skip":  # drawn for the eye, beside what was measured
            continue
        x, y = _points(trace)
        seen = np.isfinite(x) & np.isfinite(y)
        measured |= bool(seen.any())
        for letter, values in (("x", x), ("y", y)):
            if drawn.layout[f"{letter}axis"].type == "log":
                seen = seen & (values > 0)
        shown |= bool(seen.any())
    if not shown:
        why = "No value is above 0, as this axis needs." if measured else "There is no finite value to draw."
        place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "xanchor": "center", "yanchor": "middle"}
        drawn.annotate(**place, text=why, showarrow=False, opacity=0.8, font={"size": 12})


def _points(trace: Part) -> tuple[Array, Array]:
    """A trace's x and y in rows of the same length; a grid's values as y, and names, which are always shown, as 1."""
    if trace.z is not None and trace.type != "scatter3d":
        y = np.asarray(trace.z, float).ravel()
        return np.ones_like(y), y
    x, y = (
        np.ones(len(values)) if len(values) and isinstance(values[0], str) else np.asarray(values, float)
        for values in (trace.x, trace.y)
    )
    return x, y


def told(what: str, parts: Sequence[str]) -> str:
    """A sentence for screen readers: what is drawn, and what was measured of it, if anything."""
    return f"{what}: {'; '.join(parts)}." if parts else f"{what}; there is no finite value to show."
