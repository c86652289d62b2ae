"""Sharpness and effective beta: the curvature at a point and its estimate from finite steps.

Cohen et al. 2021: training hovers where the largest eigenvalue of the Hessian is near 2 / learning rate. A value in
front of a normalisation shrinks merely because weights grow, so there is a scale-invariant partner (Lyu et al. 2022).
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import xarray as xr

from bnviz.analysis import quantities
from bnviz.analysis.series import Quantity, medians, series
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import describe_medians
from bnviz.figures.style import MARK, alt_text, log_axis, most_steps, new_chart, styles

LABEL = 0.3
"""Width of a label as a share of the axis."""


def smoothness_and_sharpness(records: Mapping[str, Record]) -> Chart:
    """Effective beta (thin), largest eigenvalue of the Hessian (markers) and the stability limit."""
    parts = [
        f"{arm} has a median {label} of {two_digits(value)}"
        for label, quantity in (
            ("λ max", quantities.largest_eigenvalue),
            ("effective β", quantities.effective_smoothness),
        )
        for arm, value in medians(records, quantity).items()
    ]
    chart = new_chart(
        "Effective β and sharpness",
        alt_text("Effective β and the largest Hessian eigenvalue over updates", parts),
        "updates",
        "curvature",
        most_steps(records),
        legend=True,
    )
    for name, style in styles(records).items():
        thin = series(records[name], quantities.effective_smoothness)
        if thin is not None:
            chart.add(
                "scatter",
                x=thin[0],
                y=thin[1],
                name=f"{name}, effective β",
                mode="lines",
                line={"color": style.colour, "dash": style.dash, "width": 1},
                hovertemplate=f"{name}, effective β<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )
    _add_sharpness(chart, records, quantities.largest_eigenvalue, "λ max")
    chart.layout.height += 20 * len(records)
    if chart.data:
        _add_limits(chart, records)
    log_axis(chart)
    return chart


def scale_invariant(records: Mapping[str, Record]) -> Chart:
    """Largest eigenvalue times the squared norm of all weights, which growing weights alone do not change."""
    chart = new_chart(
        "Sharpness, scale-invariant",
        alt_text(
            "Largest Hessian eigenvalue times the squared norm of the weights",
            describe_medians(records, _scale_invariant_sharpness),
        ),
        "updates",
        "λ max · |θ|²",
        most_steps(records),
    )
    _add_sharpness(chart, records, _scale_invariant_sharpness, "λ max · |θ|²")
    log_axis(chart)
    return chart


def eigenvalues(records: Mapping[str, Record]) -> Chart:
    """The largest eigenvalues of the Hessian, the first bold; negative ones are left out."""
    chart = new_chart(
        "Largest eigenvalues",
        alt_text("Largest Hessian eigenvalues over updates", describe_medians(records, quantities.largest_eigenvalue)),
        "updates",
        "eigenvalue",
        most_steps(records),
    )
    for name, style in styles(records).items():
        ranks = records[name].data.sizes.get("rank", 0)
        for rank in reversed(range(ranks)):
            line = series(records[name], partial(_ranked, rank))
            if line is not None:
                chart.add(
                    "scatter",
                    x=line[0],
                    y=np.where(line[1] > 0, line[1], np.nan),
                    name=f"{name}, λ {rank + 1}",
                    mode="lines+markers",
                    line={"color": style.colour, "dash": style.dash, "width": 1 if rank else 2.5},
                    marker={"color": style.colour, "symbol": style.symbol, "size": 4 if rank else 8},
                    hovertemplate=f"{name}, λ {rank + 1}<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
                )
    log_axis(chart)
    return chart


def _ranked(rank: int, record: Record) -> xr.DataArray:
    return record.data["sharpness"].isel(rank=rank).dropna("probe_step")


def _add_sharpness(chart: Chart, records: Mapping[str, Record], quantity: Quantity, label: str) -> None:
    for name, style in styles(records).items():
        line = series(records[name], quantity)
        if line is not None:
            chart.add(
                "scatter",
                x=line[0],
                y=line[1],
                name=f"{name}, {label}",
                mode="lines+markers",
                line={"color": style.colour, "dash": style.dash, "width": 2.5},
                marker={"color": style.colour, "symbol": style.symbol, "size": 8},
                hovertemplate=f"{name}, {label}<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )


def _add_limits(chart: Chart, records: Mapping[str, Record]) -> None:
    """Add the stability limit of each arm, or one line if all arms share it."""
    limits = {name: quantities.stability_limit(record) for name, record in records.items()}
    shared = len(set(limits.values())) == 1
    for name, limit in list(limits.items())[: 1 if shared else None]:
        if not np.isfinite(limit):
            continue
        rule = "2 / learning rate" if not records[name].config.momentum else "(2 + 2 × momentum) / learning rate"
        label = f"{rule} = {two_digits(limit)}" + ("" if shared else f", {name}")
        ends = np.linspace(0, most_steps(records), 3)
        emptiest = _emptiest_position(chart, ends, limit)
        chart.add(
            "scatter",
            x=ends,
            y=[limit] * 3,
            name=label,
            mode="lines+text",
            text=[label if position == emptiest else "" for position in range(3)],
            textposition=["top right", "top center", "top left"],
            textfont={"size": 12},
            showlegend=False,
            line={"color": MARK if shared else styles(records)[name].colour, "width": 1.5, "dash": "dot"},
            hovertemplate=f"{label}<extra></extra>",
        )


def _emptiest_position(chart: Chart, positions: np.ndarray, level: float) -> int:
    """Index of the position at which the lines are furthest from the level, so that a label can be read."""
    nearest = []
    for position in positions:
        gaps = [np.inf]
        for trace in chart.data:
            x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
            near = (y > 0) & (abs(x - position) <= LABEL * (positions[-1] - positions[0]))
            gaps += list(abs(np.log10(y[near] / level)))
        nearest.append(min(gaps))
    return int(np.argmax(nearest))


def _scale_invariant_sharpness(record: Record) -> xr.DataArray:
    return quantities.largest_eigenvalue(record) * record.data["sharpness_weight_norm"] ** 2
