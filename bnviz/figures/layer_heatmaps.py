"""A whole layer over time, where Ioffe & Szegedy's Fig. 1 shows a single unit.

Heat maps of unit against update, on which the board marks the chosen unit; arms share the colour scale. Lines show the
layer's saturated share and its drift.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bnviz.analysis.phases import median_so_far
from bnviz.analysis.quantities import mean_over, median_over
from bnviz.analysis.series import finite, spread
from bnviz.core.config import MEDIAN
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import MAGNITUDE, SIGNED, alt_text, log_axis, most_steps, new_chart, styles

Array = npt.NDArray[np.floating]
Reduce = Callable[[Array, int], Array]


def medians(records: Mapping[str, Record], arm: str, layer: int) -> Chart:
    """Median pre-activation of every unit of a layer (rows) at every measured step; colours show the sign."""
    by_arm = {name: _median(record, layer) for name, record in records.items()}
    limit = _robust(np.concatenate([abs(values).ravel() for values in by_arm.values()]))
    return _map(records[arm], arm, "Median", by_arm[arm], layer, {"colorscale": SIGNED, "zmin": -limit, "zmax": limit})


def widths(records: Mapping[str, Record], arm: str, layer: int) -> Chart:
    """Distance between the outermost percentiles of every unit of a layer at every measured step."""
    by_arm = {name: _width(record, layer) for name, record in records.items()}
    limit = _robust(np.concatenate([values.ravel() for values in by_arm.values()]))
    return _map(records[arm], arm, "Width", by_arm[arm], layer, {"colorscale": MAGNITUDE, "zmin": 0, "zmax": limit})


def saturated(records: Mapping[str, Record], layer: int) -> Chart:
    """Share of (sample, unit) pairs that are saturated: the chosen layer bold, the others thin."""
    ends = []
    for name, record in records.items():
        if _measured(record, "saturated_share"):
            share = finite(mean_over(record.values("saturated_share", layer=layer), -1))
            ends += [f"{name} ends at {percent(float(value))}" for value in share[-1:]]
    alt = alt_text(f"Share of saturated units of layer {layer} over updates", ends)
    chart = new_chart("Saturated share", alt, "updates", "saturated", most_steps(records))
    _per_layer(chart, records, "saturated_share", mean_over, layer, "%{y:.1%}")
    chart.layout.yaxis.tickformat, chart.layout.yaxis.range = ".0%", (-0.02, 1.02)
    return chart


def drift(records: Mapping[str, Record], quantity: str, layer: int) -> Chart:
    """How far a unit's mean (`mean_change`) or variance (`variance_change`) moves in one step: median over units."""
    word = "mean" if quantity == "mean_change" else "variance"
    ends = []
    for name, record in records.items():
        if not _measured(record, quantity):
            continue
        change = median_so_far(record.values("probe_step"), record.values(quantity, layer=layer))
        if np.isfinite(change):
            ends.append(f"{name} has a median of {two_digits(change)}")
    alt = alt_text(f"Change of a unit's {word} in one step, median over the units of layer {layer}", ends)
    chart = new_chart(f"Drift of the {word}", alt, "updates", f"|change of {word}| per step", most_steps(records))
    _per_layer(chart, records, quantity, median_over, layer, "%{y:.2g}")
    log_axis(chart)
    return chart


def _measured(record: Record, quantity: str) -> bool:
    return quantity in record.data and record.data.sizes["probe_step"] > 0


def _median(record: Record, layer: int) -> Array:
    if not _measured(record, "percentile"):
        return np.full((1, 1), np.nan)
    return record.values("percentile", layer=layer, quantile=MEDIAN)


def _width(record: Record, layer: int) -> Array:
    if not _measured(record, "percentile"):
        return np.full((1, 1), np.nan)
    values = record.values("percentile", layer=layer)
    return spread(values[:, 0], values[:, -1])


def _units(record: Record, layer: int) -> int:
    """Number of units of the layer: those with a value at any step; 1 if nothing was measured."""
    present = ~np.isnan(record.values("low", layer=layer)).all(axis=0) if _measured(record, "low") else np.zeros(0)
    return max(1, int(present.sum()))


def _robust(values: Array) -> float:
    """Colour limit: the 98th percentile, so that a few extreme units do not set it; 1 if nothing was measured."""
    usable = finite(values)
    return float(np.quantile(usable, 0.98)) or 1.0 if usable.size else 1.0


def _map(record: Record, arm: str, title: str, values: Array, layer: int, colours: Mapping[str, Any]) -> Chart:
    units = _units(record, layer)
    levels = record.config.recorded_percentiles
    quantity = "median" if title == "Median" else f"distance from percentile {levels[0]:g} to {levels[-1]:g}"
    chart = new_chart(
        f"{title} of every unit, {arm}",
        f"{arm}: heat map of the {quantity} of the pre-activation for all {units} units of layer {layer} over updates.",
        "updates",
        "unit",
        most_steps({arm: record}),
        arm,
        selects="unit",
    )
    if _measured(record, "percentile"):
        chart.add(
            "heatmap",
            x=record.values("probe_step"),
            y=np.arange(1, units + 1, dtype=np.int32),
            z=values[:, :units].T.astype(np.float32),
            colorbar={
                "orientation": "h",
                "thickness": 8,
                "y": -0.2,
                "yanchor": "top",
                "outlinewidth": 0,
                "len": 1.0,
                "tickformat": ".2~g",
                "nticks": 5,
            },
            hovertemplate=f"unit %{{y}}<br>update %{{x}}<br>{quantity} %{{z:.3g}}<extra></extra>",
            **colours,
        )
    chart.layout.yaxis.range, chart.layout.yaxis.showgrid = (0.5, units + 0.5), False
    chart.layout.margin.b, chart.layout.height = 78, 330
    return chart


def _per_layer(
    chart: Chart, records: Mapping[str, Record], quantity: str, reduce: Reduce, chosen: int, number: str
) -> None:
    for name, record in records.items():
        if not _measured(record, quantity):
            continue
        style = styles(records)[name]
        steps = record.values("probe_step")
        values = record.data.variables[quantity].transpose("layer", "probe_step", "unit").values
        lines = zip(record.values("layer"), reduce(values, -1), strict=True)
        for layer, line in sorted(lines, key=lambda of_layer: of_layer[0] == chosen):  # the chosen one on top
            bold = layer == chosen
            chart.add(
                "scatter",
                x=steps,
                y=line,
                name=f"{name}, layer {layer}",
                mode="lines",
                opacity=1.0 if bold else 0.35,
                line={"color": style.colour, "dash": style.dash, "width": 2.5 if bold else 1},
                hovertemplate=f"{name}, layer {layer}<br>update %{{x}}: {number}<extra></extra>",
            )
