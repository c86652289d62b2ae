"""Loss and gradient along the gradient at one step, which follows the cursor (Santurkar et al. 2018, Sec. 3.1).

`over="alpha"` compares arms at the same step length, `over="distance"` at the same |alpha d|, so that gradients of
different length can be compared. The axes stay the same for the whole run.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from bnviz.analysis.quantities import loss_units
from bnviz.analysis.series import finite
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.cursor import add_moving
from bnviz.figures.style import add_level, alt_text, axis_limits, new_chart, styles

Array = npt.NDArray[np.floating]
Over = Literal["alpha", "distance"]
SAME = {"alpha": "same α", "distance": "same distance"}
AXES = {"alpha": "step length α", "distance": "distance moved, |α d|"}


def loss_change(records: Mapping[str, Record], over: Over = "alpha") -> Chart:
    """L(alpha) - L along the ray, 0 at alpha = 0, in every arm at one step."""
    return _ray(records, over, "line_loss", "Loss along the ray", f"L(α) − L ({loss_units(records)})")


def gradient_change(records: Mapping[str, Record], over: Over = "alpha") -> Chart:
    """|g(alpha) - g| along the ray, 0 at alpha = 0, in every arm at one step."""
    return _ray(records, over, "line_gradient_change", "Gradient along the ray", "|g(α) − g|")


def _ray(records: Mapping[str, Record], over: Over, quantity: str, title: str, y: str) -> Chart:
    rays = {name: _rows(record, over, quantity) for name, record in records.items() if quantity in record.data}
    measured = {name: rows for name, rows in rays.items() if np.isfinite(rows[1]).any()}
    parts = []
    for name, (_, values) in measured.items():
        place = np.flatnonzero(np.isfinite(values).any(axis=1))[-1]
        last, step = values[place], records[name].values("probe_step")[place]
        parts.append(f"{name} goes up to {two_digits(float(np.nanmax(last)))} at update {step}")
    chart = new_chart(
        f"{title}, {SAME[over]}", alt_text(f"{title} at the step of the cursor, {SAME[over]}", parts), AXES[over], y
    )
    for name, style in styles(records).items():
        x, values = rays.get(name, (np.empty((0, 1)), np.empty((0, 1))))
        add_moving(
            chart,
            records[name].values("probe_step")[: len(values)],
            x,
            values,
            name=name,
            mode="lines+markers",
            line={"color": style.colour, "dash": style.dash, "width": 2.5},
            marker={"color": style.colour, "symbol": style.symbol, "size": 6},
            hovertemplate=f"{name}<br>{SAME[over].removeprefix('same ')} %{{x:.3g}}: %{{y:.3g}}<extra></extra>",
        )
    far_ends = np.concatenate([x[:, -1] for x, _ in measured.values()] or [np.ones(1)])
    heights = np.concatenate([values.ravel() for _, values in measured.values()] or [np.ones(1)])
    chart.layout.xaxis.range = (-0.02 * _reach(far_ends), 1.04 * _reach(far_ends))
    chart.layout.yaxis.range = axis_limits(heights)
    add_level(chart, 0)
    return chart


def _rows(record: Record, over: Over, quantity: str) -> tuple[Array, Array]:
    """x and y at each step, (steps, 1 + K): the weights themselves, then every step length."""
    x = record.data[f"line_{over}"].transpose("probe_step", "alpha").values.astype(float)
    values = record.data[quantity].transpose("probe_step", "alpha").values.astype(float)
    if quantity == "line_loss":
        with np.errstate(invalid="ignore"):  # inf - inf, in a run that diverges
            values = values - record.values("line_loss_here").astype(float)[:, None]
    values = np.where(np.isfinite(values), values, np.nan)
    origin = np.where(np.isfinite(values).any(axis=1, keepdims=True), 0.0, np.nan)
    return np.hstack([np.zeros((len(x), 1)), x]), np.hstack([origin, values])


def _reach(far_ends: Array) -> float:
    """End of the x axis: the 95th percentile of the rays' ends."""
    valid = finite(far_ends)
    return float(np.quantile(valid, 0.95)) or 1.0 if valid.size else 1.0
