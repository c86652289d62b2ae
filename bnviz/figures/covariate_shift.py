"""Internal covariate shift, layer by layer: Santurkar et al. 2018, Def. 2.1, Fig. 3.

Change of the gradient of a layer's weights by the step of the layers in front of it: its norm (`l2`), its norm relative
to the gradient (`relative`) and the cosine of the two gradients. Layer 1 has no layers in front and no shift. Where
nothing is learned, little shift means only that nothing moves.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bnviz.analysis.phases import median_so_far
from bnviz.analysis.quantities import ShiftQuantity, layer_shift, shift
from bnviz.analysis.series import Repeats, finite, series
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.cursor import add_layer_lines
from bnviz.figures.seed_bands import add_arm_lines, describe_medians
from bnviz.figures.style import MAGNITUDE, SIGNED, add_level, alt_text, log_axis, most_steps, new_chart, styles

Array = npt.NDArray[np.floating]
TITLES = {
    "l2": "Shift of the gradient",
    "relative": "Relative shift of the gradient",
    "cosine": "Cosine of the gradients",
}
BAR = {"orientation": "h", "thickness": 8, "y": -0.2, "yanchor": "top", "outlinewidth": 0, "len": 1.0}
AXES = {"l2": "|G − G'|", "relative": "|G − G'| / |G|", "cosine": "cos(G, G')"}


def shift_lines(
    records: Mapping[str, Record], quantity: ShiftQuantity, layer: int, repeats: Repeats | None = None
) -> Chart:
    """The shift over the updates, the chosen layer bold; with a single seed the other layers are thin lines."""
    parts = describe_medians(records, lambda record: layer_shift(record, quantity, layer))
    chart = new_chart(
        TITLES[quantity],
        alt_text(f"{TITLES[quantity]} of layer {layer} by the step of the layers in front of it, over updates", parts),
        "updates",
        AXES[quantity],
        most_steps(records),
    )
    for arm, record in records.items():
        if len((repeats or {}).get(arm, ())) < 2:
            _add_other_layers(chart, records, arm, record, quantity, layer)
    log = quantity != "cosine"
    add_arm_lines(chart, records, lambda record: layer_shift(record, quantity, layer), "%{y:.3g}", repeats, log)
    _set_axis(chart, quantity)
    return chart


def shift_map(records: Mapping[str, Record], arm: str, quantity: ShiftQuantity) -> Chart:
    """Heat map of layer against update, on which the board marks the chosen layer.

    Arms share the colour scale, which is logarithmic except for the cosine.
    """
    tables = {name: _table(record, quantity) for name, record in records.items()}
    values = tables[arm]
    layers = values.shape[1]
    chart = new_chart(
        f"{TITLES[quantity]} of every layer, {arm}",
        alt_text(f"{arm}: heat map of {AXES[quantity]} for layers 2 to {layers} over updates", _describe_range(values))
        if layers > 1
        else f"{arm}: shift of every layer over updates; there is no finite value to show.",
        "updates",
        "layer",
        most_steps({arm: records[arm]}),
        arm,
        selects="layer",
    )
    if np.isfinite(values).any():
        everything = finite(np.concatenate([table.ravel() for table in tables.values()]))
        if quantity == "cosine":
            colours = {"z": values.T, "zmin": -1, "zmax": 1, "colorscale": SIGNED, "colorbar": dict(BAR)}
        else:
            low, high = _colour_limits(everything)
            marks = [float(mark) for mark in np.linspace(low, high, 5)]
            bar = BAR | {"tickvals": marks, "ticktext": [two_digits(10**mark) for mark in marks]}
            with np.errstate(divide="ignore", invalid="ignore"):
                powers = np.where(values.T > 0, np.log10(values.T), np.nan)
            colours = {"z": powers, "zmin": low, "zmax": high, "colorscale": MAGNITUDE, "colorbar": bar}
        chart.add(
            "heatmap",
            x=records[arm].values("probe_step"),
            y=np.arange(1, layers + 1, dtype=np.int32),
            customdata=values.T,
            hovertemplate=f"layer %{{y}}<br>update %{{x}}<br>{AXES[quantity]} = %{{customdata:.3g}}<extra></extra>",
            name=AXES[quantity],
            **colours,
        )
        chart.annotate(
            xref="x domain",
            x=0.5,
            y=1,
            text="nothing is in front of layer 1",
            showarrow=False,
            opacity=0.7,
            font={"size": 11},
        )
    chart.layout.yaxis.set(range=[0.5, layers + 0.5], showgrid=False, dtick=max(1, layers // 8), tick0=1)
    chart.layout.margin.b, chart.layout.height = 78, 330
    return chart


def by_layer(records: Mapping[str, Record], quantity: ShiftQuantity) -> Chart:
    """The shift against depth, all arms, at the step of the cursor."""
    tables = {name: _table(record, quantity) for name, record in records.items()}
    chart = new_chart(
        f"{TITLES[quantity]}, by layer",
        alt_text(
            f"{TITLES[quantity]} against layer at the step of the cursor",
            [
                f"{name} has a median of {two_digits(median_so_far(records[name].values('probe_step'), values))} over "
                "layers and updates"
                for name, values in tables.items()
                if finite(values).size
            ],
        ),
        "layer",
        AXES[quantity],
    )
    add_layer_lines(chart, records, tables)
    deepest = max(values.shape[1] for values in tables.values())
    chart.layout.xaxis.set(range=(1.5, max(deepest, 2) + 0.5), dtick=max(1, deepest // 8), tick0=2)
    _set_axis(chart, quantity, np.concatenate([values.ravel() for values in tables.values()]))
    return chart


def _add_other_layers(
    chart: Chart, records: Mapping[str, Record], arm: str, record: Record, quantity: ShiftQuantity, chosen: int
) -> None:
    style = styles(records)[arm]
    for layer in range(2, _table(record, quantity).shape[1] + 1):
        line = series(record, lambda own_record, layer=layer: layer_shift(own_record, quantity, layer))  # type: ignore[misc]
        if layer != chosen and line is not None:
            chart.add(
                "scatter",
                x=line[0],
                y=line[1],
                name=f"{arm}, layer {layer}",
                mode="lines",
                opacity=0.35,
                line={"color": style.colour, "dash": style.dash, "width": 1},
                hovertemplate=f"{arm}, layer {layer}<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )


def _table(record: Record, quantity: ShiftQuantity) -> Array:
    """(probe_step, weight_layer), NaN where a value is not finite; (0, 1) if nothing was measured."""
    try:
        with np.errstate(all="ignore"):
            values = shift(record, quantity).values
    except KeyError:
        return np.full((0, 1), np.nan, np.float32)
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32)


def _describe_range(values: Array) -> list[str]:
    valid = finite(values)
    return [f"it goes from {two_digits(float(valid.min()))} to {two_digits(float(valid.max()))}"] if valid.size else []


def _colour_limits(values: Array) -> tuple[float, float]:
    """Colour limits as base-10 logarithms: the 2nd and 98th percentile."""
    positive = values[values > 0]
    if not positive.size:
        return -1.0, 1.0
    low, high = np.log10(np.quantile(positive.astype(float), (0.02, 0.98)))
    return (float(low), float(high)) if high - low > 0.1 else (float(low) - 0.5, float(high) + 0.5)


def _set_axis(chart: Chart, quantity: ShiftQuantity, values: Array | None = None) -> None:
    if quantity == "cosine":
        chart.layout.yaxis.range = [-1.05, 1.05]
        add_level(chart, 0)
    else:
        log_axis(chart, values=values)
