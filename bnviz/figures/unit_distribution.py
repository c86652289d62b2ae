"""Distribution of one unit's pre-activation over time (Ioffe & Szegedy 2015, Fig. 1b and 1c).

Each arm has its own chart. Charts share the axis of values, unless `own_axis` fits it to the arm alone.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bnviz.analysis.quantities import memoized_per_record
from bnviz.analysis.series import finite
from bnviz.core.config import MEDIAN
from bnviz.core.messages import to_text
from bnviz.core.nonlinearities import applied_nonlinearity
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import GRID, MAGNITUDE, ZONE, most_steps, new_chart, styles

Array = npt.NDArray[np.floating]
VALUE = "pre-activation"
BINS = 32
NARROWEST = 1e-5
"""Smallest margin of the axis around a constant value, as a share of the value: 0.5 is too small near 10²⁰."""


def value_range(records: Mapping[str, Record], layer: int, unit: int) -> tuple[float, float]:
    """Return the axis range of all given arms: nearly every sample of the unit at nearly every step."""
    ranges = [limits for record in records.values() if (limits := _unit_range(record, layer, unit)) is not None]
    low, high = min((limits[0] for limits in ranges), default=-1.0), max((limits[1] for limits in ranges), default=1.0)
    low, high = min(low, high), max(low, high)
    margin = 0.04 * (high - low) or max(0.5, NARROWEST * abs(high))
    return low - margin, high + margin


@memoized_per_record
def _unit_range(record: Record, layer: int, unit: int) -> tuple[float, float] | None:
    smallest, largest = (_unit_values(record, name, layer, unit) for name in ("low", "high"))
    valid = np.isfinite(smallest) & np.isfinite(largest)
    if not valid.any():
        return None
    return float(np.quantile(smallest[valid], 0.05)), float(np.quantile(largest[valid], 0.95))


def bands(records: Mapping[str, Record], arm: str, layer: int, unit: int, own_axis: bool = False) -> Chart:
    """Percentiles of one unit's pre-activation over the updates, in one arm, with the saturated zone shaded."""
    record, style = records[arm], styles(records)[arm]
    levels = record.config.recorded_percentiles
    chart = new_chart(
        f"Percentiles, {arm}",
        f"{arm}: percentiles {to_text(levels)} of the pre-activation of unit {unit} in layer {layer} over updates; "
        f"{_describe_range(record, layer, unit)}.",
        "updates",
        VALUE,
        most_steps({arm: record}),
        arm,
    )
    if "percentile" in record.data:
        values = _unit_values(record, "percentile", layer, unit)  # (probe_step, quantile)
        steps = record.values("probe_step")
        for place, level in enumerate(levels):
            chart.add(
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
    chart.layout.yaxis.range = value_range({arm: record} if own_axis else records, layer, unit)
    chart.layout.uirevision = f"{layer}/{unit}/{own_axis}"
    _shade_saturation(chart, record)
    return chart


def history(records: Mapping[str, Record], arm: str, layer: int, unit: int, own_axis: bool = False) -> Chart:
    """Histogram (colour) of one unit's pre-activations at every measured step."""
    record = records[arm]
    low, high = value_range({arm: record} if own_axis else records, layer, unit)
    chart = new_chart(
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
        chart.add(
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
    chart.layout.yaxis.range, chart.layout.yaxis.showgrid = (low, high), False
    chart.layout.uirevision = f"{layer}/{unit}/{own_axis}"
    return chart


def histogram_at_cursor(records: Mapping[str, Record], layer: int, unit: int) -> Chart:
    """Histogram of the unit in all arms at the step of the cursor, each as a share of its largest bin."""
    low, high = value_range(records, layer, unit)
    edges = np.linspace(low, high, BINS + 1)
    centres = ((edges[:-1] + edges[1:]) / 2).astype(np.float32)
    chart = new_chart(
        "Distribution at the cursor",
        f"Histogram of the pre-activation of unit {unit} in layer {layer}, all arms, at the step of the cursor.",
        VALUE,
        "share of largest bin",
    )
    shares = {}
    for name, record in records.items():
        if "count" in record.data:
            rows = densities(record, layer, unit, edges)
            shares[name] = rows / np.maximum(rows.max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    steps = {name: record.values("probe_step").astype(np.int32) for name, record in records.items()}
    for name, style in styles(records).items():
        chart.add(
            "scatter",
            x=centres,
            y=shares[name][-1].astype(np.float32) if len(shares.get(name, ())) else np.full(BINS, np.nan, np.float32),
            name=name,
            mode="lines",
            line={"color": style.colour, "dash": style.dash, "width": 2, "shape": "hvh"},
            fill="tozeroy",
            fillcolor=style.faded(0.15),
            hovertemplate=f"{name}<br>pre-activation %{{x:.2f}}: %{{y:.0%}} of the largest bin<extra></extra>",
        )
    chart.layout.meta["by_step"] = [
        {"steps": steps[name], "y": shares[name].astype(np.float32)} if name in shares else None for name in records
    ]
    chart.layout.xaxis.range, chart.layout.yaxis.range = (low, high), (0, 1.05)
    chart.layout.uirevision = f"{layer}/{unit}"
    return chart


def densities(record: Record, layer: int, unit: int, edges: Array) -> Array:
    """Convert the unit's recorded histograms to densities over common bins, (probe_steps, bins).

    A recorded histogram has equal bins between the smallest and largest value of its step. Each of its bins is divided
    among the common bins that it overlaps; parts outside of `edges` are dropped.

    Args:
        record: of the run.
        layer: counted from 1.
        unit: counted from 1.
        edges: of the common bins, equally spaced, (bins + 1,).
    """
    counts = _unit_values(record, "count", layer, unit)  # (probe_step, bin)
    lows, highs = (_unit_values(record, name, layer, unit).astype(float) for name in ("low", "high"))
    width, bins = edges[1] - edges[0], counts.shape[-1]
    result = np.zeros((len(counts), len(edges) - 1))
    valid = np.isfinite(lows) & np.isfinite(highs) & counts.any(axis=-1)
    with np.errstate(invalid="ignore"):
        at_one_value = valid & (highs - lows < 1e-6 * width)
        places = np.floor((lows - edges[0]) / width)
    inside = np.flatnonzero(at_one_value & (places >= 0) & (places < result.shape[1]))
    result[inside, places[inside].astype(int)] = 1 / width
    wide = np.flatnonzero(valid & ~at_one_value)
    cumulative = np.zeros((len(wide), bins + 1))
    np.cumsum(counts[wide], axis=1, out=cumulative[:, 1:])
    cumulative /= cumulative[:, -1:]
    low, high = lows[wide, None], highs[wide, None]
    position = np.clip((edges - low) / (high - low), 0, 1) * bins  # of each edge, in units of recorded bins
    before = np.minimum(position.astype(int), bins - 1)
    left, right = (np.take_along_axis(cumulative, place, axis=1) for place in (before, before + 1))
    below = left + (right - left) * (position - before)  # the share of samples below each edge
    result[wide] = np.maximum(np.diff(below), 0) / width
    return result


def _unit_values(record: Record, quantity: str, layer: int, unit: int) -> Array:
    return record.values(quantity, layer=layer, unit=unit) if quantity in record.data else np.empty((0,))


def _shade_saturation(chart: Chart, record: Record) -> None:
    nonlinearity = applied_nonlinearity(record.config.network, record.config.activation)
    low, high = chart.layout.yaxis.range
    zones = ((low, min(nonlinearity.saturated_below, high)), (max(nonlinearity.saturated_above, low), high))
    visible = [(start, end) for start, end in zones if math.isfinite(start) and math.isfinite(end) and end > start]
    across = {"type": "rect", "xref": "x domain", "x0": 0, "x1": 1, "layer": "below"}
    fill = {"fillcolor": ZONE, "line": {"color": GRID, "width": 1}}
    label = {"x": 1, "xref": "x domain", "xanchor": "right", "showarrow": False, "font": {"size": 11}, "opacity": 0.7}
    for start, end in visible:
        chart.mark(**across, **fill, y0=start, y1=end)
        chart.annotate(**label, y=(start + end) / 2, text=f"{nonlinearity.label} saturated")


def _describe_range(record: Record, layer: int, unit: int) -> str:
    if "percentile" not in record.data:
        return "there is no finite value to show"
    median = finite(record.values("percentile", layer=layer, unit=unit, quantile=MEDIAN))
    if not median.size:
        return "no median is finite"
    return f"the median moves between {two_digits(float(median.min()))} and {two_digits(float(median.max()))}"
