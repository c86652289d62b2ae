"""Internal covariate shift, layer by layer: Santurkar et al. 2018, Def. 2.1, Fig. 3.

How the gradient of a layer's weights changes when the layers in front of it have made their step: as it is (`l2`), as a
share of the gradient (`relative`) and as the cosine of the two. In front of layer 1 there is nothing: its shift is left
out, as undefined. Where nothing is learned "little shift" means only that nothing moves.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bnviz.analysis.phases import median_so_far
from bnviz.analysis.quantities import Kind, of_all, of_layer
from bnviz.analysis.series import Repeats, finite, series
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.cursor import add_moving
from bnviz.figures.seed_bands import lines, told_medians
from bnviz.figures.style import MAGNITUDE, SIGNED, figure, level, log_axis, most_steps, styles, told

Array = npt.NDArray[np.floating]
TITLES = {
    "l2": "Shift of the gradient",
    "relative": "Relative shift of the gradient",
    "cosine": "Cosine of the gradients",
}
BAR = {"orientation": "h", "thickness": 8, "y": -0.2, "yanchor": "top", "outlinewidth": 0, "len": 1.0}
AXES = {"l2": "|G − G'|", "relative": "|G − G'| / |G|", "cosine": "cos(G, G')"}


def shift_lines(records: Mapping[str, Record], quantity: Kind, layer: int, repeats: Repeats | None = None) -> Chart:
    """The shift over the updates, the chosen layer bold, the others thin (unless there are several seeds to show)."""
    parts = told_medians(records, lambda record: of_layer(record, quantity, layer))
    drawn = figure(
        TITLES[quantity],
        told(f"{TITLES[quantity]} of layer {layer} by the step of the layers in front of it, over updates", parts),
        "updates",
        AXES[quantity],
        most_steps(records),
    )
    for arm, record in records.items():
        if len((repeats or {}).get(arm, ())) < 2:
            _thin(drawn, records, arm, record, quantity, layer)
    log = quantity != "cosine"
    lines(drawn, records, lambda record: of_layer(record, quantity, layer), "%{y:.3g}", repeats, log)
    _axis(drawn, quantity)
    return drawn


def shift_map(records: Mapping[str, Record], arm: str, quantity: Kind) -> Chart:
    """Heat map of layer against update, on which the board marks the chosen layer.

    Arms share the colours, which are powers of ten but for the cosine.
    """
    found = {name: _table(record, quantity) for name, record in records.items()}
    values = found[arm]
    layers = values.shape[1]
    drawn = figure(
        f"{TITLES[quantity]} of every layer, {arm}",
        told(f"{arm}: heat map of {AXES[quantity]} for layers 2 to {layers} over updates", _extent(values))
        if layers > 1
        else f"{arm}: shift of every layer over updates; there is no finite value to show.",
        "updates",
        "layer",
        most_steps({arm: records[arm]}),
        arm,
        selects="layer",
    )
    if np.isfinite(values).any():
        everything = finite(np.concatenate([one.ravel() for one in found.values()]))
        if quantity == "cosine":
            colours = {"z": values.T, "zmin": -1, "zmax": 1, "colorscale": SIGNED, "colorbar": dict(BAR)}
        else:
            low, high = _decades(everything)
            marks = [float(mark) for mark in np.linspace(low, high, 5)]
            bar = BAR | {"tickvals": marks, "ticktext": [two_digits(10**mark) for mark in marks]}
            with np.errstate(divide="ignore", invalid="ignore"):
                powers = np.where(values.T > 0, np.log10(values.T), np.nan)
            colours = {"z": powers, "zmin": low, "zmax": high, "colorscale": MAGNITUDE, "colorbar": bar}
        drawn.add(
            "heatmap",
            x=records[arm].values("probe_step"),
            y=np.arange(1, layers + 1, dtype=np.int32),
            customdata=values.T,
            hovertemplate=f"layer %{{y}}<br>update %{{x}}<br>{AXES[quantity]} = %{{customdata:.3g}}<extra></extra>",
            name=AXES[quantity],
            **colours,
        )
        drawn.annotate(
            xref="x domain",
            x=0.5,
            y=1,
            text="nothing is in front of layer 1",
            showarrow=False,
            opacity=0.7,
            font={"size": 11},
        )
    drawn.layout.yaxis.set(range=[0.5, layers + 0.5], showgrid=False, dtick=max(1, layers // 8), tick0=1)
    drawn.layout.margin.b, drawn.layout.height = 78, 330
    return drawn


def by_layer(records: Mapping[str, Record], quantity: Kind) -> Chart:
    """The shift against depth, all arms, at the step of the cursor."""
    found = {name: _table(record, quantity) for name, record in records.items()}
    drawn = figure(
        f"{TITLES[quantity]}, by layer",
        told(
            f"{TITLES[quantity]} against layer at the step of the cursor",
            [
                f"{name} has a median of {two_digits(median_so_far(records[name].values('probe_step'), values))} over "
                "layers and updates"
                for name, values in found.items()
                if finite(values).size
            ],
        ),
        "layer",
        AXES[quantity],
    )
    for name, style in styles(records).items():
        values = found[name]
        add_moving(
            drawn,
            records[name].values("probe_step")[: len(values)],
            np.arange(1, values.shape[1] + 1),
            values,
            name=name,
            mode="lines+markers",
            line={"color": style.colour, "dash": style.dash, "width": 2.5},
            marker={"color": style.colour, "symbol": style.symbol, "size": 7},
            hovertemplate=f"{name}, layer %{{x}}: %{{y:.3g}}<extra></extra>",
        )
    deepest = max(values.shape[1] for values in found.values())
    drawn.layout.xaxis.set(range=(1.5, max(deepest, 2) + 0.5), dtick=max(1, deepest // 8), tick0=2)
    _axis(drawn, quantity, np.concatenate([values.ravel() for values in found.values()]))
    return drawn


def _thin(drawn: Chart, records: Mapping[str, Record], arm: str, record: Record, quantity: Kind, chosen: int) -> None:
    style = styles(records)[arm]
    for layer in range(2, _table(record, quantity).shape[1] + 1):
        found = series(record, lambda one, layer=layer: of_layer(one, quantity, layer))  # type: ignore[misc]
        if layer != chosen and found is not None:
            drawn.add(
                "scatter",
                x=found[0],
                y=found[1],
                name=f"{arm}, layer {layer}",
                mode="lines",
                opacity=0.35,
                line={"color": style.colour, "dash": style.dash, "width": 1},
                hovertemplate=f"{arm}, layer {layer}<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )


def _table(record: Record, quantity: Kind) -> Array:
    """(probe_step, weight_layer), NaN for what is not finite; one empty layer where nothing was measured."""
    try:
        with np.errstate(all="ignore"):
            values = of_all(record, quantity).values
    except KeyError:
        return np.full((0, 1), np.nan, np.float32)
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32)


def _extent(values: Array) -> list[str]:
    seen = finite(values)
    return [f"it goes from {two_digits(float(seen.min()))} to {two_digits(float(seen.max()))}"] if seen.size else []


def _decades(values: Array) -> tuple[float, float]:
    """Colour limits, as powers of ten, that a few extreme values do not set."""
    positive = values[values > 0]
    if not positive.size:
        return -1.0, 1.0
    low, high = np.log10(np.quantile(positive.astype(float), (0.02, 0.98)))
    return (float(low), float(high)) if high - low > 0.1 else (float(low) - 0.5, float(high) + 0.5)


def _axis(drawn: Chart, quantity: Kind, values: Array | None = None) -> None:
    if quantity == "cosine":
        drawn.layout.yaxis.range = [-1.05, 1.05]
        level(drawn, 0)
    else:
        log_axis(drawn, values=values)
