"""The theorems on a live network, unit by unit: Santurkar et al. 2018, Sec. 4.

Both sides of each statement as a scatter about the diagonal on which they are equal, at the step of the cursor; what
they amount to; and how often the condition of Theorem 4.2 is met. In the standard arm batch norm that changes nothing
is put in, one layer at a time. Signs, where a side may be negative, are told by open and filled points.
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
from bnviz.figures.seed_bands import lines, told_medians
from bnviz.figures.style import MARK, figure, level, log_axis, most_steps, styles, told

Array = npt.NDArray[np.floating]
EQUAL = "both sides equal"
EPSILON = float(np.finfo(np.float64).eps)


def gradient_norms(records: Mapping[str, Record]) -> Chart:
    """Theorem 4.1: norm of the gradient in front of batch norm, as measured against what the theorem says."""
    sides = ("theorem_41_right", "theorem_bn_gradient")
    return _scatter(records, *sides, "Theorem 4.1, gradient", "what the theorem says", "measured |∂L/∂y|")


def curvatures(records: Mapping[str, Record]) -> Chart:
    """Theorem 4.2: curvature along the gradient against what the theorem says; open points are negative."""
    sides = ("theorem_42_right", "theorem_42_left")
    return _scatter(records, *sides, "Theorem 4.2, curvature", "|what the theorem says|", "|measured curvature|", True)


def weight_gradients(records: Mapping[str, Record]) -> Chart:
    """Theorem 4.4: squared gradient of a unit's weights against its bound over all inputs as large: below or on it."""
    sides = ("theorem_44_right", "theorem_44_actual")
    return _scatter(records, *sides, "Theorem 4.4, weights", "largest of all inputs as large", "|∂L/∂w|², actual input")


def starting_points(records: Mapping[str, Record]) -> Chart:
    """Lemma 4.5: squared distance from the initial weights to the nearest optimum against the bound: below or on it."""
    sides = ("lemma_45_right", "lemma_45_left")
    return _scatter(records, *sides, "Lemma 4.5, distance", "bound", "squared distance to the start")


def residuals(records: Mapping[str, Record]) -> Chart:
    """How exactly Theorems 4.1 and 4.2 hold: histogram of the relative residuals of all units and steps.

    A residual of exactly 0 is counted in the leftmost bin.
    """
    found, parts = {}, []
    for name, record in records.items():
        for theorem in ("41", "42"):
            label = f"{name}, Thm. {theorem[0]}.{theorem[1]}"
            values = finite(_of(record, f"theorem_{theorem}_residual").ravel())
            if values.size:
                found[name, label] = np.log10(np.maximum(values.astype(float), EPSILON / 16))
                parts.append(f"{label}: at most {two_digits(float(values.max()))}")
    drawn = figure(
        "How exactly the theorems hold",
        told("Histogram of the relative difference of the two sides, units and steps together", parts),
        "relative difference of the two sides",
        "share of units and steps",
        legend=True,
    )
    everything = np.concatenate([*found.values(), [np.log10(EPSILON) - 1.0, np.log10(EPSILON) + 3.0]])
    edges = np.arange(np.floor(everything.min()), np.ceil(everything.max()) + 0.5, 0.5)
    for (name, label), values in found.items():
        style = styles(records)[name]
        counts = np.histogram(values, edges)[0] / len(values)
        first = label.endswith("4.1")
        drawn.add(
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
    drawn.layout.xaxis.set(type="log", exponentformat="power", dtick=2, range=(float(edges[0]), float(edges[-1])))
    highest = max((float(np.max(trace.y)) for trace in drawn.data), default=1.0)
    drawn.layout.yaxis.set(tickformat=".0%", range=(0, 1.25 * highest))
    drawn.annotate(
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
    drawn.mark(
        type="line",
        x0=EPSILON,
        x1=EPSILON,
        yref="y domain",
        y0=0,
        y1=1,
        line={"color": MARK, "width": 1, "dash": "dot"},
    )
    drawn.layout.height += 40
    return drawn


def let_through(records: Mapping[str, Record]) -> Chart:
    """|Pg| / |g| of every unit, by layer, at the step of the cursor: how much of the gradient batch norm lets pass."""
    found = {name: _of(record, "theorem_ratio") for name, record in records.items()}
    parts = [
        f"{name} has a median of {two_digits(median_so_far(records[name].values('probe_step'), values))}"
        for name, values in found.items()
        if finite(values).size
    ]
    drawn = figure(
        "Share of the gradient let through",
        told("|Pg| / |g| of every unit by layer, at the step of the cursor", parts),
        "layer",
        "|Pg| / |g|",
    )
    level(drawn, 1)
    for place, (name, style) in enumerate(styles(records).items()):
        values = found[name]
        layers, units = values.shape[1:]
        spread = 0.7 / len(records)
        jitter = spread * (np.modf(np.arange(units) * 0.6180339887)[0] - 0.5) * 0.8  # even, and the same every time
        middle = (place - (len(records) - 1) / 2) * spread
        x = (np.arange(1, layers + 1)[:, None] + middle + jitter).ravel()
        add_moving(
            drawn,
            _steps(records[name])[: len(values)],
            x,
            values.reshape(len(values), layers * units),
            name=name,
            mode="markers",
            marker={"color": style.colour, "symbol": style.symbol, "size": 4, "opacity": 0.6},
            hovertemplate=f"{name}<br>%{{y:.3f}}<extra></extra>",
        )
    everything = finite(np.concatenate([values.ravel() for values in found.values()]))
    least = float(np.quantile(everything, 0.005)) if everything.size else 0.0
    drawn.layout.yaxis.range = (min(least, 0.95) - 0.02, 1.02)
    drawn.layout.xaxis.set(dtick=1, range=(0.5, max(values.shape[1] for values in found.values()) + 0.5))
    return drawn


def alignment_share(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Share of units with <g, yhat> > 0, the condition under which Theorem 4.2 lowers the curvature."""
    parts = [f"{arm} has a median of {percent(value)}" for arm, value in medians(records, aligned).items()]
    drawn = figure(
        "Where the condition of Theorem 4.2 is met",
        told("Share of units with ⟨g, ŷ⟩ > 0 over updates", parts),
        "updates",
        "units with ⟨g, ŷ⟩ > 0",
        most_steps(records),
    )
    lines(drawn, records, aligned, "%{y:.0%}", repeats)
    drawn.layout.yaxis.set(tickformat=".0%", range=[-0.02, 1.02])
    level(drawn, 0.5)
    return drawn


def lipschitz(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Largest change of the loss for the distance moved along the gradient: a lower bound of its Lipschitz constant."""
    of = quantities.lipschitz_estimate
    drawn = figure(
        "Lipschitz estimate",
        told("Largest |L(α) − L| / |α d| over updates", told_medians(records, of)),
        "updates",
        "max |L(α) − L| / |α d|",
        most_steps(records),
    )
    lines(drawn, records, of, "%{y:.3g}", repeats, log=True)
    log_axis(drawn)
    return drawn


def aligned(record: Record) -> xr.DataArray:
    """Share of units with <g, yhat> > 0 over the steps; units without a gradient are left out."""
    values = record.data["theorem_alignment"]
    seen = (values != 0) & values.notnull()
    count = seen.sum(("layer", "unit"))
    return ((values > 0) & seen).sum(("layer", "unit")) / count.where(count > 0)


def _scatter(
    records: Mapping[str, Record], right: str, left: str, title: str, x: str, y: str, signed: bool = False
) -> Chart:
    found = {name: (_flat(record, right), _flat(record, left)) for name, record in records.items()}
    parts = []
    for name, (its_right, its_left) in found.items():
        seen = np.isfinite(its_right) & np.isfinite(its_left)
        above = its_left[seen] > its_right[seen] + 1e-6 * abs(its_right[seen])  # float32 in the record
        if seen.any():
            parts.append(f"{name} has {percent(float(above.mean()))} of {int(seen.sum())} points above the diagonal")
    drawn = figure(title, told(f"{title}: {y} against {x}, one point a unit", parts).replace(": |", ", |"), x, y)
    everything = abs(np.concatenate([side.ravel() for pair in found.values() for side in pair]))
    log_axis(drawn, "x", everything)
    log_axis(drawn, "y", everything)
    ends = [10.0**end for end in drawn.layout.xaxis.range]
    add_still(drawn, x=ends, y=ends, name=EQUAL, mode="lines", line={"color": MARK, "width": 1}, hoverinfo="skip")
    signs: list[tuple[str, Callable[[Array], npt.NDArray[np.bool_]]]] = [("", np.isfinite)]
    if signed:
        signs = [("", lambda values: values >= 0), (", negative", lambda values: values < 0)]
    for name, style in styles(records).items():
        its_right, its_left = found[name]
        for word, chosen in signs:
            shown = np.where(chosen(its_left), abs(its_left), np.nan)
            open_ = "-open" if word else ""
            add_moving(
                drawn,
                _steps(records[name])[: len(shown)],
                abs(its_right),
                shown,
                name=name + word,
                mode="markers",
                marker={"color": style.colour, "symbol": style.symbol + open_, "size": 5, "opacity": 0.65},
                hovertemplate=f"{name}{word}<br>%{{x:.3g}}, %{{y:.3g}}<extra></extra>",
            )
    drawn.layout.height = 330
    return drawn


def _steps(record: Record) -> npt.NDArray[np.integer]:
    steps: npt.NDArray[np.integer] = record.values("probe_step")
    return steps


def _of(record: Record, quantity: str) -> Array:
    """(probe_step, layer, unit); empty where nothing was measured."""
    if quantity not in record.data:
        return np.empty((0, 1, 1), np.float32)
    values: Array = record.data[quantity].transpose("probe_step", "layer", "unit").values
    return values


def _flat(record: Record, quantity: str) -> Array:
    """(probe_step, units of all layers)."""
    values = _of(record, quantity)
    return values.reshape(len(values), values.shape[1] * values.shape[2])
