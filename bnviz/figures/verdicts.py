"""Claims and what the seeds say of them: a forest plot.

Knows numbers only: who claims what, and how it is judged, is told by whoever makes the rows. Rows share an axis, so
they are to be of one kind: differences, or ratios (then with a logarithmic axis).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from bnviz.experiments import Verdict
from bnviz.figures.style import GRID, MARK, figure, told, two_digits

LOOKS: dict[Verdict, tuple[str, str]] = {
    "supported": ("#009E73", "circle"),
    "contradicted": ("#D55E00", "x"),
    "inconclusive": ("#8c8c8c", "diamond-open"),
}
"""Colour and marker of each verdict: neither alone has to be seen."""
ROW = 46


@dataclass(frozen=True)
class Row:
    """One claim: the interval of its statistic, the value of each seed, the bounds it was held against."""

    label: str
    low: float
    mean: float
    high: float
    values: Sequence[float]
    verdict: Verdict
    thresholds: Sequence[float] = (0.0,)


def forest(rows: Sequence[Row], statistic: str, log: bool = False) -> go.Figure:
    """Each claim's seeds (dots), mean (marker), 95 % interval (bar) and bounds (dotted); `statistic` names the axis."""
    parts = [
        f"{row.label} {row.verdict}" + (f", mean {two_digits(row.mean)}" if math.isfinite(row.mean) else "")
        for row in rows
    ]
    drawn = figure(
        "Verdicts", told("Claims with the interval of what was measured", parts), statistic, "claim", legend=True
    )
    for height, row in enumerate(reversed(rows)):
        colour, symbol = LOOKS[row.verdict]
        for threshold in row.thresholds:
            drawn.add_scatter(
                x=[threshold, threshold],
                y=[height - 0.38, height + 0.38],
                name="bound",
                mode="lines",
                showlegend=False,
                line={"color": MARK, "width": 1.5, "dash": "dot"},
                hovertemplate=f"{row.label}<br>bound %{{x:.3g}}<extra></extra>",
            )
        if math.isfinite(row.low) and math.isfinite(row.high):
            drawn.add_scatter(
                x=[row.low, row.high],
                y=[height, height],
                name="95 % interval",
                mode="lines",
                showlegend=False,
                line={"color": colour, "width": 3},
                hovertemplate=f"{row.label}<br>end of the 95 % interval: %{{x:.3g}}<extra></extra>",
            )
        drawn.add_scatter(
            x=list(row.values),
            y=[height - 0.22] * len(row.values),
            name="seed",
            mode="markers",
            showlegend=False,
            marker={"color": colour, "size": 5, "opacity": 0.6},
            hovertemplate=f"{row.label}<br>one seed: %{{x:.3g}}<extra></extra>",
        )
        drawn.add_scatter(
            x=[row.mean],
            y=[height],
            name=row.verdict,
            mode="markers",
            showlegend=row.verdict not in {one.verdict for one in rows[len(rows) - height :]},
            legendgroup=row.verdict,
            marker={"color": colour, "symbol": symbol, "size": 13, "line": {"color": colour, "width": 2}},
            hovertemplate=f"{row.label}<br>{row.verdict}, mean %{{x:.3g}}<extra></extra>",
        )
    drawn.update_yaxes(
        tickvals=np.arange(len(rows)),
        ticktext=[_wrapped(row.label) for row in reversed(rows)],
        range=(-0.6, len(rows) - 0.4),
        showgrid=False,
        title_text="claim",
    )
    drawn.update_xaxes(showgrid=True, gridcolor=GRID, type="log" if log else "linear")
    if log:
        drawn.update_xaxes(exponentformat="power", dtick="D2", tickformat=".2~r")
    drawn.update_layout(height=110 + ROW * len(rows))
    return drawn


def _wrapped(label: str, width: int = 34) -> str:
    """A label in lines that leave room for the picture."""
    lines = [""]
    for word in label.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)
