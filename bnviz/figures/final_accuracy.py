"""Noisy batch norm: who learns in spite of it (Santurkar et al. 2018, Fig. 2).

How distributions move is drawn by `unit` and `layer`; here is what comes of it, seed by seed.
"""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis.captions.shared import last_score
from bnviz.analysis.series import Repeats
from bnviz.analysis.statistics import student
from bnviz.core.number_format import percent
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import RIBBON
from bnviz.figures.style import figure, styles, told


def final_accuracy(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Test accuracy of every seed (points), their mean (bar) and its 95 % interval, one row an arm."""
    found = {}
    for name, record in records.items():
        values = np.array([last_score(one, "test_accuracy") for one in (repeats or {}).get(name) or (record,)])
        if np.isfinite(values).any():
            found[name] = values
    parts = []
    for name, values in found.items():
        seen = values[np.isfinite(values)]
        several = f" (mean of {len(seen)} seeds)" if len(seen) > 1 else ""
        parts.append(f"{name} gets {percent(float(seen.mean()))}{several}")
    drawn = figure("Accuracy at the end", told("Test accuracy at the end, by arm", parts), "test accuracy", "arm")
    for name, values in found.items():
        style = styles(records)[name]
        mean, low, high = (float(part[0]) for part in student(values[:, None]))
        if len(values) > 1 and np.isfinite(low):
            drawn.add(
                "scatter",
                x=[low, high],
                y=[name, name],
                name=f"{name}, {RIBBON}",
                mode="lines",
                line={"color": style.faded(0.3), "width": 14},
                hovertemplate=f"{name}, {RIBBON}: {low:.1%} to {high:.1%}<extra></extra>",
            )
            drawn.add(
                "scatter",
                x=[mean],
                y=[name],
                name=f"{name}, mean",
                mode="markers",
                marker={
                    "color": style.colour,
                    "symbol": "line-ns",
                    "size": 22,
                    "line": {"color": style.colour, "width": 3},
                },
                hovertemplate=f"{name}, mean: %{{x:.1%}}<extra></extra>",
            )
        drawn.add(
            "scatter",
            x=values,
            y=[name] * len(values),
            name=name,
            mode="markers",
            marker={"color": style.colour, "symbol": style.symbol, "size": 9, "opacity": 0.85},
            hovertemplate=f"{name}<br>%{{x:.1%}}<extra></extra>",
        )
    drawn.layout.xaxis.set(tickformat=".0%", range=(-0.02, 1.02), showgrid=True)
    rows = list(reversed(list(records)))
    drawn.layout.yaxis.set(type="category", categoryorder="array", categoryarray=rows, range=(-0.6, len(rows) - 0.4))
    drawn.layout.yaxis.title.text = ""
    drawn.layout.height = 90 + 44 * len(rows)
    return drawn
