"""Style of figures: one colour and dash per arm, axes, and colour scales for colour-blind readers.

Backgrounds are transparent and greys half transparent, so that a figure suits the light and the dark theme; the page
sets the text colour. Colours: Okabe & Ito (2008); cividis for magnitudes; blue to orange for signed values.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
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
MAGNITUDE = [[place, colour] for place, colour in get_colorscale("cividis")]  # plotly.js's own cividis differs
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 11}, "bgcolor": "rgba(0,0,0,0)"}
DECADES = 6
NARROW = 0.9
"""A logarithmic axis over fewer decades is widened to one, so that it has marks and small changes look small."""


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


KNOWN_NORMS = {
    "none": ArmStyle("#D55E00", "dash", "diamond"),
    "batch": ArmStyle("#0072B2", "solid"),
    "noisy_batch": ArmStyle("#009E73", "dashdot", "square"),
    "noisy_none": ArmStyle("#CC79A7", "dot", "x"),
}
COLOURS = ("#E69F00", "#56B4E9", "#8a7a00", "#D55E00", "#0072B2", "#009E73", "#CC79A7")
"""Okabe & Ito's, with a dark yellow that can be seen on white."""
DASHES = ("solid", "longdash", "longdashdot", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "diamond", "square", "x", "cross", "triangle-up", "star")


def further_styles() -> Iterator[ArmStyle]:
    """Yield styles without end; no two share both colour and dash, and none is that of a known normalisation."""
    known = {(style.colour, style.dash) for style in KNOWN_NORMS.values()}
    for cycle in count():
        for place, colour in enumerate(COLOURS):
            further = cycle >= len(DASHES)
            dash = f"{cycle}px,4px" if further else DASHES[(place + cycle) % len(DASHES)]
            if (colour, dash) not in known:
                yield ArmStyle(colour, dash, SYMBOLS[(place + cycle) % len(SYMBOLS)])


def norm_style(norm: str) -> ArmStyle:
    """Return the style of a normalisation, the same on every page; further norms are counted by their names."""
    if norm in KNOWN_NORMS:
        return KNOWN_NORMS[norm]
    others = [name for name in registry.names("norms") if name not in KNOWN_NORMS]
    place = others.index(norm) if norm in others else len(others)
    return next(islice(further_styles(), place, None))


def styles(records: Mapping[str, Record]) -> dict[str, ArmStyle]:
    """Return each arm's style, by the arm's name; no two arms share both colour and dash.

    An arm has the style of its normalisation; of several arms with the same one, the first.
    """
    of_norms = {arm: norm_style(record.config.norm) for arm, record in records.items()}
    free = (style for style in further_styles() if style not in of_norms.values())
    result: dict[str, ArmStyle] = {}
    for arm, style in of_norms.items():
        result[arm] = next(free) if style in result.values() else style
    return result


def new_chart(
    title: str, alt: str, x: str, y: str, steps: int | None = None, arm: str | None = None, **meta: Any
) -> Chart:
    """Return a chart without traces.

    Args:
        title: shown above the chart.
        alt: alternative text for screen readers.
        x: title of the x axis, with its unit.
        y: title of the y axis, with its unit.
        steps: the update at which the x axis ends (see `most_steps`); None if it does not count updates.
        arm: the arm that the chart shows; None if it shows all.
        **meta: further entries of `layout.meta`; `legend=True` names the traces above the chart.
    """
    axis = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "ticks": ""}
    return Chart(
        {
            "meta": {"title": title, "alt": alt, "steps": steps is not None, "arm": arm, **meta},
            "template": {},  # without an entry, plotly in Python uses its default template
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
    """Return the update at which an axis of updates ends: that of the longest run.

    A diverged run counts up to its last step, any other with its planned length, so that the axis stays the same while
    the run trains, is stopped and is trained again.
    """
    ends = [record.last_step if record.outcome == "diverged" else record.config.steps for record in records.values()]
    return max(1, *ends)


def _range(steps: int | None) -> tuple[float, float] | None:
    return None if steps is None else (-0.01 * steps, 1.01 * steps)


def log_axis(chart: Chart, letter: Literal["x", "y"] = "y", values: Array | None = None, falling: bool = False) -> None:
    """Make an axis logarithmic, with readable marks over one decade as well as over thirty.

    Args:
        chart: the chart to change.
        letter: which axis.
        values: fix the range to all of these; if they span many decades, without the outermost 0.5 % at either end.
            None: the range of the traces.
        falling: put the largest value first.

    Values that hardly vary are shown over one decade.
    """
    arrays = [values] if values is not None else [np.asarray(trace[letter], float) for trace in chart.data]
    positive = np.concatenate([finite(array) for array in arrays] or [np.ones(1)])
    positive = positive[positive > 0] if (positive > 0).any() else np.ones(1)
    low, high = np.log10((positive.min(), positive.max()))
    if values is not None and high - low > DECADES:
        low, high = np.log10(np.quantile(positive, (0.005, 0.995)))
    decades = float(high - low)
    margin = max(0.04 * decades, (1 - decades) / 2)
    axis = chart.layout[f"{letter}axis"]
    axis.type = "log"
    ends = (float(low) - margin, float(high) + margin)
    if values is None and decades >= NARROW:
        axis.range, axis.autorange = None, "reversed" if falling else None
    else:
        if values is None:  # rounded, so that new frames of a running run do not reset a reader's zoom
            ends = (round(ends[0], 1), round(ends[0], 1) + 1)
        axis.range = ends[::-1] if falling else ends
    axis.dtick = "D2" if decades <= 2.5 else math.ceil(decades / DECADES)
    axis.tickformat = ".2~r" if decades <= DECADES and positive.min() > 1e-5 and positive.max() < 1e6 else None
    axis.exponentformat = "power"


def add_level(chart: Chart, y: float) -> None:
    """Draw a thin horizontal line at `y`, behind the traces."""
    line = {"color": GRID, "width": 1.5}
    across = {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line, "layer": "below"}
    chart.mark(**across)


def axis_limits(values: Array, least: float = 0.0) -> tuple[float, float]:
    """Return the range of a linear axis: the values without the outermost 2 % at either end, and `least`."""
    usable = finite(values)
    low = float(np.quantile(usable, 0.02, method="higher")) if usable.size else 0.0
    high = float(np.quantile(usable, 0.98, method="lower")) if usable.size else 1.0
    low, high = min(low, least), max(high, least)
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def explain_if_empty(chart: Chart) -> None:
    """Write the reason into a chart that has no visible point."""
    measured = visible = False
    for trace in chart.data:
        if trace.hoverinfo == "skip":  # decoration, not a measurement
            continue
        x, y = _points(trace)
        valid = np.isfinite(x) & np.isfinite(y)
        measured |= bool(valid.any())
        for letter, values in (("x", x), ("y", y)):
            if chart.layout[f"{letter}axis"].type == "log":
                valid = valid & (values > 0)
        visible |= bool(valid.any())
    if not visible:
        why = "No value is above 0, as this axis needs." if measured else "There is no finite value to draw."
        place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "xanchor": "center", "yanchor": "middle"}
        chart.annotate(**place, text=why, showarrow=False, opacity=0.8, font={"size": 12})


def _points(trace: Part) -> tuple[Array, Array]:
    """A trace's x and y as rows of the same length; a grid's values as y, and categories as 1."""
    if trace.z is not None and trace.type != "scatter3d":
        y = np.asarray(trace.z, float).ravel()
        return np.ones_like(y), y
    x, y = (
        np.ones(len(values)) if len(values) and isinstance(values[0], str) else np.asarray(values, float)
        for values in (trace.x, trace.y)
    )
    return x, y


def alt_text(subject: str, parts: Sequence[str]) -> str:
    """Return a sentence for screen readers: the subject of the chart and its main values, if there are any."""
    return f"{subject}: {'; '.join(parts)}." if parts else f"{subject}; there is no finite value to show."
