"""The loss along the gradient (or another line), over the updates: Santurkar et al. 2018, Fig. 4.

At each measured step the probe measures K step lengths alpha. Ranges over alpha are hatched and named so, because they
are not uncertainties. With `against_loss` each measured step is a point at the loss of the measured batch
(`line_loss_here`), so that arms can be compared at the same loss instead of the same update.
"""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis import quantities
from bnviz.analysis.quantities import direction, loss_units
from bnviz.analysis.series import Quantity, Repeats, series
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import add_arm_lines, describe_medians, ribbon
from bnviz.figures.style import add_level, alt_text, log_axis, most_steps, new_chart, styles

LOSS_RANGE = "range over step lengths α"
CHANGE_RANGE = "range over α"
HATCHES = {"solid": "/", "dash": "\\", "dashdot": "x", "dot": "-", "longdash": "|", "longdashdot": "+"}
"""By dash, so that overlapping ranges of two arms differ; other dashes have the first."""


def loss_band(records: Mapping[str, Record], arm: str | None = None) -> Chart:
    """Loss at the weights (line) and its range over the step lengths (hatched), of one arm or of all."""
    selected = {name: record for name, record in records.items() if arm in (None, name)}
    parts = describe_medians(selected, quantities.loss_variation)
    chart = new_chart(
        f"Loss along {direction(records)}" + (f", {arm}" if arm else ""),
        alt_text(f"Range of the loss over step lengths along {direction(records)}, over updates", parts),
        "updates",
        f"loss ({loss_units(records)})",
        most_steps(records),
        arm,
        legend=True,
    )
    for name in selected:
        add_range(chart, records, name, "line_loss", LOSS_RANGE)
    ranges = len(chart.data)
    add_arm_lines(chart, selected, lambda record: record.data["line_loss_here"], "%{y:.3g}")
    _finish_ranges(chart, ranges)
    return chart


def loss_variation(records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False) -> Chart:
    """Largest minus smallest loss over the step lengths (Fig. 4a's range as a number)."""
    y = f"max − min loss ({loss_units(records)})"
    return _measure_chart(records, quantities.loss_variation, "Variation of the loss", y, repeats, against_loss)


def relative_loss_variation(
    records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False
) -> Chart:
    """The range of the loss relative to the loss at the weights."""
    quantity = quantities.relative_loss_variation
    return _measure_chart(
        records, quantity, "Relative variation of the loss", "(max − min) / loss", repeats, against_loss
    )


def gradient_change(records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False) -> Chart:
    """Change of the gradient over the step lengths, "gradient predictiveness" (Fig. 4b): its maximum and its range.

    The range is only drawn over updates and for a single seed.
    """
    quantity = quantities.gradient_change
    chart = _measure_chart(
        records, quantity, "Change of the gradient", "max |g(α) − g|", repeats, against_loss, legend=True
    )
    if not against_loss and not any(len(runs) > 1 for runs in (repeats or {}).values()):
        lines = len(chart.data)
        for name in records:
            add_range(chart, records, name, "line_gradient_change", CHANGE_RANGE)
        chart.data = [*chart.data[lines:], *chart.data[:lines]]  # lines lie on the ranges
        _finish_ranges(chart, len(chart.data) - lines)
    return chart


def relative_gradient_change(
    records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False
) -> Chart:
    """The largest change of the gradient relative to its norm."""
    quantity = quantities.relative_gradient_change
    return _measure_chart(
        records, quantity, "Relative change of the gradient", "max |g(α) − g| / |g|", repeats, against_loss
    )


def least_cosine(records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False) -> Chart:
    """The smallest cosine between the gradient at the weights and at any step length."""
    quantity = quantities.least_cosine
    chart = _measure_chart(
        records, quantity, "Cosine of the gradients", "min cos(g(α), g)", repeats, against_loss, log=False
    )
    chart.layout.yaxis.range = [-1.05, 1.05]
    add_level(chart, 0)
    return chart


def effective_smoothness(
    records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False
) -> Chart:
    """Effective beta (Fig. 4c): the largest change of the gradient divided by the distance moved."""
    quantity = quantities.effective_smoothness
    return _measure_chart(records, quantity, "Effective β-smoothness", "max |g(α) − g| / |α d|", repeats, against_loss)


def add_range(chart: Chart, records: Mapping[str, Record], arm: str, quantity: str, label: str) -> None:
    """Hatch the range over alpha of a quantity, where it is positive, as a logarithmic axis needs it."""
    smallest = series(records[arm], lambda record: record.data[quantity].min("alpha", skipna=False))
    largest = series(records[arm], lambda record: record.data[quantity].max("alpha", skipna=False))
    if smallest is not None and largest is not None:
        add_hatched(chart, records, arm, smallest[0], smallest[1], largest[1], label)


def add_hatched(
    chart: Chart,
    records: Mapping[str, Record],
    arm: str,
    x: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    label: str,
) -> None:
    """Hatch the area between two lines; uncertainties are filled, never hatched."""
    style = styles(records)[arm]
    chart.add(
        "scatter",
        **ribbon(x, np.where(low > 0, low, np.nan), high),
        name=f"{arm}, {label}",
        mode="lines",
        fill="toself",
        fillcolor=style.faded(0.08),
        fillpattern={
            "shape": HATCHES.get(style.dash, "/"),
            "fgcolor": style.faded(0.55),
            "size": 6,
            "solidity": 0.2,
        },
        line={"color": style.colour, "dash": style.dash, "width": 0},
        hoverinfo="skip",
    )


def _finish_ranges(chart: Chart, ranges: int) -> None:
    """Name only the ranges, which come first, in the legend, and add its height; make the axis logarithmic."""
    for line in chart.data[ranges:]:
        line.showlegend = False
    chart.layout.height += 20 * ranges
    log_axis(chart)


def _measure_chart(
    records: Mapping[str, Record],
    quantity: Quantity,
    title: str,
    y: str,
    repeats: Repeats | None,
    against_loss: bool,
    log: bool = True,
    legend: bool = False,
) -> Chart:
    x = f"loss of the measured batch ({loss_units(records)}), falling" if against_loss else "updates"
    chart = new_chart(
        f"{title}, against the loss" if against_loss else title,
        alt_text(f"{title} over {'the loss' if against_loss else 'updates'}", describe_medians(records, quantity)),
        x,
        y,
        None if against_loss else most_steps(records),
        legend=legend,
    )
    if against_loss:
        _add_points(chart, records, quantity, repeats)
        log_axis(chart, "x", falling=True)
    else:
        add_arm_lines(chart, records, quantity, "%{y:.3g}", repeats, log)
    if log:
        log_axis(chart)
    return chart


def _add_points(chart: Chart, records: Mapping[str, Record], quantity: Quantity, repeats: Repeats | None) -> None:
    """Add a point for each measured step of every seed, at the loss of the measured batch."""
    for name, style in styles(records).items():
        pairs = [
            (series(run, lambda record: record.data["line_loss_here"]), series(run, quantity))
            for run in (repeats or {}).get(name) or (records[name],)
        ]
        measured = [(loss[1], values[1]) for loss, values in pairs if loss is not None and values is not None]
        if measured:
            chart.add(
                "scatter",
                x=np.concatenate([loss for loss, _ in measured]),
                y=np.concatenate([values for _, values in measured]),
                name=name,
                mode="markers",
                marker={"color": style.colour, "symbol": style.symbol, "size": 6, "opacity": 0.75},
                hovertemplate=f"{name}<br>at loss %{{x:.3g}}: %{{y:.3g}}<extra></extra>",
            )
