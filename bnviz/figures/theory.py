"""The theorems on a live network, unit by unit: Santurkar et al. 2018, Sec. 4.

Scatter plots of both sides of each statement at the step of the cursor, the size of the effect, and how often the
condition of Theorem 4.2 is met. In the standard arm, a batch norm that changes no activation is inserted into one layer
at a time. Open points are negative values.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from bnviz.analysis import quantities
from bnviz.analysis.phases import median_so_far
from bnviz.analysis.series import Repeats, finite, medians
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.cursor import add_moving, add_still
from bnviz.figures.seed_bands import add_arm_lines, describe_medians
from bnviz.figures.style import MARK, add_level, alt_text, log_axis, most_steps, new_chart, styles

Array = npt.NDArray[np.floating]
EQUAL = "both sides equal"
EPSILON = float(np.finfo(np.float64).eps)


def gradient_norms(records: Mapping[str, Record]) -> Chart:
    """Theorem 4.1: measured norm of the gradient in front of batch norm against the theorem's value."""
    sides = ("theorem_41_right", "theorem_bn_gradient")
    return _scatter(records, *sides, "Theorem 4.1, gradient", "by the theorem", "measured |∂L/∂y|")


def curvatures(records: Mapping[str, Record]) -> Chart:
    """Theorem 4.2: measured curvature along the gradient against the theorem's value; open points are negative."""
    sides = ("theorem_42_right", "theorem_42_left")
    return _scatter(records, *sides, "Theorem 4.2, curvature", "|by the theorem|", "|measured curvature|", True)


def weight_gradients(records: Mapping[str, Record]) -> Chart:
    """Theorem 4.4: squared gradient of a unit's weights against its maximum over all inputs of the same norm."""
    sides = ("theorem_44_right", "theorem_44_actual")
    return _scatter(
        records, *sides, "Theorem 4.4, weights", "maximum over inputs of the same norm", "|∂L/∂w|², actual input"
    )


def starting_points(records: Mapping[str, Record]) -> Chart:
    """Lemma 4.5: squared distance from the initial weights to the nearest optimum, against its bound."""
    sides = ("lemma_45_right", "lemma_45_left")
    return _scatter(records, *sides, "Lemma 4.5, distance", "bound", "squared distance to the start")


def residuals(records: Mapping[str, Record]) -> Chart:
    """How exactly Theorems 4.1 and 4.2 hold: histogram of the relative residuals of all units and steps.

    A residual of exactly 0 is counted in the leftmost bin.
    """
    logarithms, parts = {}, []
    for name, record in records.items():
        for theorem in ("41", "42"):
            label = f"{name}, Thm. {theorem[0]}.{theorem[1]}"
            values = finite(_values(record, f"theorem_{theorem}_residual").ravel())
            if values.size:
                logarithms[name, label] = np.log10(np.maximum(values.astype(float), EPSILON / 16))
                parts.append(f"{label}: at most {two_digits(float(values.max()))}")
    chart = new_chart(
        "How exactly the theorems hold",
        alt_text("Histogram of the relative difference of the two sides, units and steps together", parts),
        "relative difference of the two sides",
        "share of units and steps",
        legend=True,
    )
    everything = np.concatenate([*logarithms.values(), [np.log10(EPSILON) - 1.0, np.log10(EPSILON) + 3.0]])
    edges = np.arange(np.floor(everything.min()), np.ceil(everything.max()) + 0.5, 0.5)
    for (name, label), values in logarithms.items():
        style = styles(records)[name]
        counts = np.histogram(values, edges)[0] / len(values)
        first = label.endswith("4.1")
        chart.add(
            "scatter",
            x=10 ** ((edges[:-1] + edges[1:]) / 2),
            y=counts,
            name=label,
            mode="lines",
            line={"color": style.colour, "dash": style.dash, "width": 2.5 if first else 1.2, "shape": "hvh"},
            fill="tozeroy" if first else None,
            fillcolor=style.faded(0.12),
            hovertemplate=f"{label}<br>near %{{x:.1e}}: %{{y:.0%}}<extra></extra>",
        )
    chart.layout.xaxis.set(type="log", exponentformat="power", dtick=2, range=(float(edges[0]), float(edges[-1])))
    highest = max((float(np.max(trace.y)) for trace in chart.data), default=1.0)
    chart.layout.yaxis.set(tickformat=".0%", range=(0, 1.25 * highest))
    chart.annotate(
        x=float(np.log10(EPSILON)),
        y=1,
        yref="y domain",
        yanchor="top",
        xanchor="left",
        xshift=4,
        showarrow=False,
        text="rounding of float64",
        font={"size": 11},
        opacity=0.8,
    )
    chart.mark(
        type="line",
        x0=EPSILON,
        x1=EPSILON,
        yref="y domain",
        y0=0,
        y1=1,
        line={"color": MARK, "width": 1, "dash": "dot"},
    )
    chart.layout.height += 40
    return chart


def gradient_reduction(records: Mapping[str, Record]) -> Chart:
    """|Pg| / |g| of every unit, by layer, at the step of the cursor: the share of the gradient that is kept."""
    ratios = {name: _values(record, "theorem_ratio") for name, record in records.items()}
    parts = [
        f"{name} has a median of {two_digits(median_so_far(records[name].values('probe_step'), values))}"
        for name, values in ratios.items()
        if finite(values).size
    ]
    chart = new_chart(
        "Share of the gradient that batch norm keeps",
        alt_text("|Pg| / |g| of every unit by layer, at the step of the cursor", parts),
        "layer",
        "|Pg| / |g|",
    )
    add_level(chart, 1)
    for place, (name, style) in enumerate(styles(records).items()):
        values = ratios[name]
        layers, units = values.shape[1:]
        spread = 0.7 / len(records)
        jitter = spread * (np.modf(np.arange(units) * 0.6180339887)[0] - 0.5) * 0.8  # even, and the same every time
        middle = (place - (len(records) - 1) / 2) * spread
        x = (np.arange(1, layers + 1)[:, None] + middle + jitter).ravel()
        add_moving(
            chart,
            _steps(records[name])[: len(values)],
            x,
            values.reshape(len(values), layers * units),
            name=name,
            mode="markers",
            marker={"color": style.colour, "symbol": style.symbol, "size": 4, "opacity": 0.6},
            hovertemplate=f"{name}<br>%{{y:.3f}}<extra></extra>",
        )
    everything = finite(np.concatenate([values.ravel() for values in ratios.values()]))
    least = float(np.quantile(everything, 0.005)) if everything.size else 0.0
    chart.layout.yaxis.range = (min(least, 0.95) - 0.02, 1.02)
    chart.layout.xaxis.set(dtick=1, range=(0.5, max(values.shape[1] for values in ratios.values()) + 0.5))
    return chart


def alignment_share(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Share of units with <g, yhat> > 0, the condition under which Theorem 4.2 lowers the curvature."""
    parts = [f"{arm} has a median of {percent(value)}" for arm, value in medians(records, aligned).items()]
    chart = new_chart(
        "Where the condition of Theorem 4.2 is met",
        alt_text("Share of units with ⟨g, ŷ⟩ > 0 over updates", parts),
        "updates",
        "units with ⟨g, ŷ⟩ > 0",
        most_steps(records),
    )
    add_arm_lines(chart, records, aligned, "%{y:.0%}", repeats)
    chart.layout.yaxis.set(tickformat=".0%", range=[-0.02, 1.02])
    add_level(chart, 0.5)
    return chart


def lipschitz(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Largest change of the loss divided by the distance moved: a lower bound of its Lipschitz constant."""
    quantity = quantities.lipschitz_estimate
    chart = new_chart(
        "Lipschitz estimate",
        alt_text("Largest |L(α) − L| / |α d| over updates", describe_medians(records, quantity)),
        "updates",
        "max |L(α) − L| / |α d|",
        most_steps(records),
    )
    add_arm_lines(chart, records, quantity, "%{y:.3g}", repeats, log=True)
    log_axis(chart)
    return chart


def aligned(record: Record) -> xr.DataArray:
    """Share of units with <g, yhat> > 0 over the steps; units without a gradient are left out."""
    values = record.data["theorem_alignment"]
    valid = (values != 0) & values.notnull()
    count = valid.sum(("layer", "unit"))
    return ((values > 0) & valid).sum(("layer", "unit")) / count.where(count > 0)


def _scatter(
    records: Mapping[str, Record], right: str, left: str, title: str, x: str, y: str, signed: bool = False
) -> Chart:
    sides = {name: (_flat(record, right), _flat(record, left)) for name, record in records.items()}
    parts = []
    for name, (right_side, left_side) in sides.items():
        valid = np.isfinite(right_side) & np.isfinite(left_side)
        above = left_side[valid] > right_side[valid] + 1e-6 * abs(right_side[valid])  # float32 in the record
        if valid.any():
            parts.append(f"{name} has {percent(float(above.mean()))} of {int(valid.sum())} points above the diagonal")
    chart = new_chart(title, alt_text(f"{title}: {y} against {x}, one point a unit", parts).replace(": |", ", |"), x, y)
    everything = abs(np.concatenate([side.ravel() for pair in sides.values() for side in pair]))
    log_axis(chart, "x", everything)
    log_axis(chart, "y", everything)
    ends = [10.0**end for end in chart.layout.xaxis.range]
    add_still(chart, x=ends, y=ends, name=EQUAL, mode="lines", line={"color": MARK, "width": 1}, hoverinfo="skip")
    signs: list[tuple[str, Callable[[Array], npt.NDArray[np.bool_]]]] = [("", np.isfinite)]
    if signed:
        signs = [("", lambda values: values >= 0), (", negative", lambda values: values < 0)]
    for name, style in styles(records).items():
        right_side, left_side = sides[name]
        for suffix, selects in signs:
            heights = np.where(selects(left_side), abs(left_side), np.nan)
            marker_suffix = "-open" if suffix else ""
            add_moving(
                chart,
                _steps(records[name])[: len(heights)],
                abs(right_side),
                heights,
                name=name + suffix,
                mode="markers",
                marker={"color": style.colour, "symbol": style.symbol + marker_suffix, "size": 5, "opacity": 0.65},
                hovertemplate=f"{name}{suffix}<br>%{{x:.3g}}, %{{y:.3g}}<extra></extra>",
            )
    chart.layout.height = 330
    return chart


def _steps(record: Record) -> npt.NDArray[np.integer]:
    steps: npt.NDArray[np.integer] = record.values("probe_step")
    return steps


def _values(record: Record, quantity: str) -> Array:
    """(probe_step, layer, unit); empty where nothing was measured."""
    if quantity not in record.data:
        return np.empty((0, 1, 1), np.float32)
    values: Array = record.data[quantity].transpose("probe_step", "layer", "unit").values
    return values


def _flat(record: Record, quantity: str) -> Array:
    """(probe_step, units of all layers)."""
    values = _values(record, quantity)
    return values.reshape(len(values), values.shape[1] * values.shape[2])
