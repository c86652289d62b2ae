"""Sharpness beside the effective beta: the curvature itself, and what a finite step sees of it.

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
from bnviz.figures.seed_bands import told_medians
from bnviz.figures.style import MARK, figure, log_axis, most_steps, styles, told

LABEL = 0.3
"""How far a label reaches, as a share of the axis."""


def smoothness_and_sharpness(records: Mapping[str, Record]) -> Chart:
    """Effective beta (thin), largest eigenvalue of the Hessian (marked) and 2 / learning rate, where it means much."""
    parts = [
        f"{arm} has a median {named} of {two_digits(value)}"
        for named, of in (("λ max", quantities.largest_eigenvalue), ("effective β", quantities.effective_smoothness))
        for arm, value in medians(records, of).items()
    ]
    drawn = figure(
        "Effective β and sharpness",
        told("Effective β and the largest Hessian eigenvalue over updates", parts),
        "updates",
        "curvature",
        most_steps(records),
        legend=True,
    )
    for name, style in styles(records).items():
        thin = series(records[name], quantities.effective_smoothness)
        if thin is not None:
            drawn.add(
                "scatter",
                x=thin[0],
                y=thin[1],
                name=f"{name}, effective β",
                mode="lines",
                line={"color": style.colour, "dash": style.dash, "width": 1},
                hovertemplate=f"{name}, effective β<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )
    _sharpness(drawn, records, quantities.largest_eigenvalue, "λ max")
    drawn.layout.height += 20 * len(records)
    if drawn.data:
        _limits(drawn, records)
    log_axis(drawn)
    return drawn


def scale_invariant(records: Mapping[str, Record]) -> Chart:
    """Largest eigenvalue times the squared norm of all weights: what growing weights alone do not change."""
    drawn = figure(
        "Sharpness, scale-invariant",
        told("Largest Hessian eigenvalue times the squared norm of the weights", told_medians(records, _scale_free)),
        "updates",
        "λ max · |θ|²",
        most_steps(records),
    )
    _sharpness(drawn, records, _scale_free, "λ max · |θ|²")
    log_axis(drawn)
    return drawn


def eigenvalues(records: Mapping[str, Record]) -> Chart:
    """The largest eigenvalues of the Hessian, as many as were asked for, the first bold; negative ones are left out."""
    drawn = figure(
        "Largest eigenvalues",
        told("Largest Hessian eigenvalues over updates", told_medians(records, quantities.largest_eigenvalue)),
        "updates",
        "eigenvalue",
        most_steps(records),
    )
    for name, style in styles(records).items():
        ranks = records[name].data.sizes.get("rank", 0)
        for rank in reversed(range(ranks)):
            found = series(records[name], partial(_ranked, rank))
            if found is not None:
                drawn.add(
                    "scatter",
                    x=found[0],
                    y=np.where(found[1] > 0, found[1], np.nan),
                    name=f"{name}, λ {rank + 1}",
                    mode="lines+markers",
                    line={"color": style.colour, "dash": style.dash, "width": 1 if rank else 2.5},
                    marker={"color": style.colour, "symbol": style.symbol, "size": 4 if rank else 8},
                    hovertemplate=f"{name}, λ {rank + 1}<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
                )
    log_axis(drawn)
    return drawn


def _ranked(rank: int, record: Record) -> xr.DataArray:
    return record.data["sharpness"].isel(rank=rank).dropna("probe_step")


def _sharpness(drawn: Chart, records: Mapping[str, Record], of: Quantity, named: str) -> None:
    for name, style in styles(records).items():
        found = series(records[name], of)
        if found is not None:
            drawn.add(
                "scatter",
                x=found[0],
                y=found[1],
                name=f"{name}, {named}",
                mode="lines+markers",
                line={"color": style.colour, "dash": style.dash, "width": 2.5},
                marker={"color": style.colour, "symbol": style.symbol, "size": 8},
                hovertemplate=f"{name}, {named}<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )


def _limits(drawn: Chart, records: Mapping[str, Record]) -> None:
    """The stability limit of each arm, or of all where it is the same."""
    found = {name: quantities.stability_limit(record) for name, record in records.items()}
    shared = len(set(found.values())) == 1
    for name, limit in list(found.items())[: 1 if shared else None]:
        if not np.isfinite(limit):
            continue
        rule = "2 / learning rate" if not records[name].config.momentum else "(2 + 2 × momentum) / learning rate"
        label = f"{rule} = {two_digits(limit)}" + ("" if shared else f", {name}")
        ends = np.linspace(0, most_steps(records), 3)
        place = _quietest(drawn, ends, limit)
        drawn.add(
            "scatter",
            x=ends,
            y=[limit] * 3,
            name=label,
            mode="lines+text",
            text=[label if at == place else "" for at in range(3)],
            textposition=["top right", "top center", "top left"],
            textfont={"size": 12},
            showlegend=False,
            line={"color": MARK if shared else styles(records)[name].colour, "width": 1.5, "dash": "dot"},
            hovertemplate=f"{label}<extra></extra>",
        )


def _quietest(drawn: Chart, places: np.ndarray, level: float) -> int:
    """Which of the places has the measured lines furthest from the level, so that a label there can be read."""
    nearest = []
    for place in places:
        gaps = [np.inf]
        for trace in drawn.data:
            x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
            seen = (y > 0) & (abs(x - place) <= LABEL * (places[-1] - places[0]))
            gaps += list(abs(np.log10(y[seen] / level)))
        nearest.append(min(gaps))
    return int(np.argmax(nearest))


def _scale_free(record: Record) -> xr.DataArray:
    return quantities.largest_eigenvalue(record) * record.data["sharpness_weight_norm"] ** 2
