"""Test accuracy at the end of training, by arm and seed (Santurkar et al. 2018, Fig. 2)."""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis.quantities import final_score
from bnviz.analysis.series import Repeats
from bnviz.analysis.statistics import student
from bnviz.core.number_format import percent
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import RIBBON
from bnviz.figures.style import alt_text, new_chart, styles


def final_accuracy(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Test accuracy of every seed (points), their mean (bar) and its 95 % interval, one row per arm."""
    scores = {}
    for name, record in records.items():
        values = np.array([final_score(run, "test_accuracy") for run in (repeats or {}).get(name) or (record,)])
        if np.isfinite(values).any():
            scores[name] = values
    parts = []
    for name, values in scores.items():
        finite_scores = values[np.isfinite(values)]
        several = f" (mean of {len(finite_scores)} seeds)" if len(finite_scores) > 1 else ""
        parts.append(f"{name} {percent(float(finite_scores.mean()))}{several}")
    chart = new_chart(
        "Accuracy at the end", alt_text("Test accuracy at the end, by arm", parts), "test accuracy", "arm"
    )
    for name, values in scores.items():
        style = styles(records)[name]
        mean, low, high = (float(part[0]) for part in student(values[:, None]))
        if len(values) > 1 and np.isfinite(low):
            chart.add(
                "scatter",
                x=[low, high],
                y=[name, name],
                name=f"{name}, {RIBBON}",
                mode="lines",
                line={"color": style.faded(0.3), "width": 14},
                hovertemplate=f"{name}, {RIBBON}: {low:.1%} to {high:.1%}<extra></extra>",
            )
            chart.add(
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
        chart.add(
            "scatter",
            x=values,
            y=[name] * len(values),
            name=name,
            mode="markers",
            marker={"color": style.colour, "symbol": style.symbol, "size": 9, "opacity": 0.85},
            hovertemplate=f"{name}<br>%{{x:.1%}}<extra></extra>",
        )
    chart.layout.xaxis.set(tickformat=".0%", range=(-0.02, 1.02), showgrid=True)
    rows = list(reversed(list(records)))
    chart.layout.yaxis.set(type="category", categoryorder="array", categoryarray=rows, range=(-0.6, len(rows) - 0.4))
    chart.layout.yaxis.title.text = ""
    chart.layout.height = 90 + 44 * len(rows)
    return chart
