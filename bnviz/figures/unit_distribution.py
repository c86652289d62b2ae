"""One unit over time: the distribution of what enters its nonlinearity (Ioffe & Szegedy 2015, Fig. 1b and 1c).

Every arm has a figure of its own; its axis is chosen from all the records handed in, so that arms share one axis when
all are, and an arm has its own when only it is.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bnviz.analysis.quantities import memoized_per_record
from bnviz.analysis.series import finite
from bnviz.core.config import MEDIAN
from bnviz.core.messages import to_text
from bnviz.core.nonlinearities import NONLINEARITIES
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import GRID, MAGNITUDE, ZONE, arm_style, figure, most_steps, styles

Array = npt.NDArray[np.floating]
VALUE = "pre-activation"
BINS = 32
NARROWEST = 1e-5
"""Least margin of the axis of a constant, as a share of it: half a unit is nothing beside 10²⁰."""


def value_range(records: Mapping[str, Record], layer: int, unit: int) -> tuple[float, float]:
    """The axis that the given arms share: nearly every sample of the unit at nearly every step."""
    found = [ends for record in records.values() if (ends := _ends(record, layer, unit)) is not None]
    low, high = min((ends[0] for ends in found), default=-1.0), max((ends[1] for ends in found), default=1.0)
    low, high = min(low, high), max(low, high)
    margin = 0.04 * (high - low) or max(0.5, NARROWEST * abs(high))
    return low - margin, high + margin


@memoized_per_record
def _ends(record: Record, layer: int, unit: int) -> tuple[float, float] | None:
    smallest, largest = (_of_unit(record, name, layer, unit) for name in ("low", "high"))
    seen = np.isfinite(smallest) & np.isfinite(largest)
    if not seen.any():
        return None
    return float(np.quantile(smallest[seen], 0.05)), float(np.quantile(largest[seen], 0.95))


def bands(records: Mapping[str, Record], arm: str, layer: int, unit: int, own_axis: bool = False) -> Chart:
    """Percentiles of one unit's pre-activation over the updates, in one arm, with the saturated zone shaded.

    All arms share an axis, unless the arm has its own.
    """
    on_axis = {arm: records[arm]} if own_axis else records
    record, style = records[arm], arm_style(records[arm].config.norm)
    levels = record.config.recorded_percentiles
    drawn = figure(
        f"Percentiles, {arm}",
        f"{arm}: percentiles {to_text(levels)} of the pre-activation of unit {unit} in layer {layer} over updates; "
        f"{_extent(record, layer, unit)}.",
        "updates",
        VALUE,
        most_steps({arm: record}),
        arm,
    )
    if "percentile" in record.data:
        values = _of_unit(record, "percentile", layer, unit)  # (probe_step, quantile)
        steps = record.values("probe_step")
        for place, level in enumerate(levels):
            drawn.add(
                "scatter",
                x=steps,
                y=values[:, place],
                name=f"percentile {level:g}",
                mode="lines",
                fill="tonexty" if place else None,
                fillcolor=style.faded(0.18),
                line={"color": style.colour, "width": 2.5 if level == MEDIAN else 1},
                hovertemplate=f"percentile {level:g}<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )
    drawn.layout.yaxis.range = value_range(on_axis, layer, unit)
    drawn.layout.uirevision = f"{layer}/{unit}/{len(on_axis)}"
    _shade_saturation(drawn, record)
    return drawn


def history(records: Mapping[str, Record], arm: str, layer: int, unit: int, own_axis: bool = False) -> Chart:
    """Histogram over time: how one unit's pre-activations are spread (colour) at every measured step."""
    on_axis = {arm: records[arm]} if own_axis else records
    record = records[arm]
    low, high = value_range(on_axis, layer, unit)
    drawn = figure(
        f"Histogram over time, {arm}",
        f"{arm}: histogram of the pre-activation of unit {unit} in layer {layer} at every measured step.",
        "updates",
        VALUE,
        most_steps({arm: record}),
        arm,
    )
    if "count" in record.data:
        edges = np.linspace(low, high, BINS + 1)
        rows = densities(record, layer, unit, edges)
        drawn.add(
            "heatmap",
            x=record.values("probe_step"),
            y=((edges[:-1] + edges[1:]) / 2).astype(np.float32),
            z=rows.T.astype(np.float32),
            colorscale=MAGNITUDE,
            zmin=0,
            zmax=float(np.quantile(rows[rows > 0], 0.95)) if (rows > 0).any() else 1.0,
            showscale=False,
            hovertemplate="update %{x}<br>pre-activation %{y:.2f}<br>density %{z:.2f}<extra></extra>",
        )
    drawn.layout.yaxis.range, drawn.layout.yaxis.showgrid = (low, high), False
    drawn.layout.uirevision = f"{layer}/{unit}/{len(on_axis)}"
    return drawn


def at_cursor(records: Mapping[str, Record], layer: int, unit: int) -> Chart:
    """The unit's histogram in all arms at one step, the last, each as a share of its own largest bin.

    `layout.meta["by_step"]` holds, for each trace, the measured steps and the y values at each (steps, bins), for
    whoever moves the cursor.
    """
    low, high = value_range(records, layer, unit)
    edges = np.linspace(low, high, BINS + 1)
    centres = ((edges[:-1] + edges[1:]) / 2).astype(np.float32)
    drawn = figure(
        "Distribution at the cursor",
        f"Histogram of the pre-activation of unit {unit} in layer {layer}, all arms, at the step of the cursor.",
        VALUE,
        "share of largest bin",
    )
    shown = {}
    for name, record in records.items():
        if "count" in record.data:
            rows = densities(record, layer, unit, edges)
            shown[name] = rows / np.maximum(rows.max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    steps = {name: record.values("probe_step").astype(np.int32) for name, record in records.items()}
    for name, style in styles(records).items():
        drawn.add(
            "scatter",
            x=centres,
            y=shown[name][-1].astype(np.float32) if len(shown.get(name, ())) else np.full(BINS, np.nan, np.float32),
            name=name,
            mode="lines",
            line={"color": style.colour, "dash": style.dash, "width": 2, "shape": "hvh"},
            fill="tozeroy",
            fillcolor=style.faded(0.15),
            hovertemplate=f"{name}<br>pre-activation %{{x:.2f}}: %{{y:.0%}} of the largest bin<extra></extra>",
        )
    drawn.layout.meta["by_step"] = [
        {"steps": steps[name], "y": shown[name].astype(np.float32)} if name in shown else None for name in records
    ]
    drawn.layout.xaxis.range, drawn.layout.yaxis.range = (low, high), (0, 1.05)
    drawn.layout.uirevision = f"{layer}/{unit}"
    return drawn


def densities(record: Record, layer: int, unit: int, edges: Array) -> Array:
    """The unit's recorded histograms over common bins, (probe_steps, bins), as densities (area 1 over all values).

    A recorded histogram has equal bins between the smallest and largest value of its step; each of its bins is shared
    out over the common bins that it overlaps. What lies outside `edges` is left out.
    """
    counts = _of_unit(record, "count", layer, unit)  # (probe_step, bin)
    lows, highs = (_of_unit(record, name, layer, unit).astype(float) for name in ("low", "high"))
    width, bins = edges[1] - edges[0], counts.shape[-1]
    result = np.zeros((len(counts), len(edges) - 1))
    seen = np.isfinite(lows) & np.isfinite(highs) & counts.any(axis=-1)
    with np.errstate(invalid="ignore"):
        at_one_value = seen & (highs - lows < 1e-6 * width)
        places = np.floor((lows - edges[0]) / width)
    inside = np.flatnonzero(at_one_value & (places >= 0) & (places < result.shape[1]))
    result[inside, places[inside].astype(int)] = 1 / width
    wide = np.flatnonzero(seen & ~at_one_value)
    cumulative = np.zeros((len(wide), bins + 1))
    np.cumsum(counts[wide], axis=1, out=cumulative[:, 1:])
    cumulative /= cumulative[:, -1:]
    low, high = lows[wide, None], highs[wide, None]
    at = np.clip((edges - low) / (high - low), 0, 1) * bins  # of each edge, counted in recorded bins
    before = np.minimum(at.astype(int), bins - 1)
    left, right = (np.take_along_axis(cumulative, place, axis=1) for place in (before, before + 1))
    below = left + (right - left) * (at - before)  # the share of samples below each edge
    result[wide] = np.maximum(np.diff(below), 0) / width
    return result


def _of_unit(record: Record, quantity: str, layer: int, unit: int) -> Array:
    return record.values(quantity, layer=layer, unit=unit) if quantity in record.data else np.empty((0,))


def _shade_saturation(drawn: Chart, record: Record) -> None:
    kind = NONLINEARITIES["identity" if record.config.network == "deep_linear" else record.config.activation]
    low, high = drawn.layout.yaxis.range
    zones = ((low, min(kind.saturated_below, high)), (max(kind.saturated_above, low), high))
    seen = [(start, end) for start, end in zones if math.isfinite(start) and math.isfinite(end) and end > start]
    across = {"type": "rect", "xref": "x domain", "x0": 0, "x1": 1, "layer": "below"}
    look = {"fillcolor": ZONE, "line": {"color": GRID, "width": 1}}
    name = {"x": 1, "xref": "x domain", "xanchor": "right", "showarrow": False, "font": {"size": 11}, "opacity": 0.7}
    for start, end in seen:
        drawn.mark(**across, **look, y0=start, y1=end)
        drawn.annotate(**name, y=(start + end) / 2, text=f"{kind.label} saturated")


def _extent(record: Record, layer: int, unit: int) -> str:
    if "percentile" not in record.data:
        return "there is no finite value to show"
    median = finite(record.values("percentile", layer=layer, unit=unit, quantile=MEDIAN))
    if not median.size:
        return "no median is finite"
    return f"the median moves between {two_digits(float(median.min()))} and {two_digits(float(median.max()))}"
