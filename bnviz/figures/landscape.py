"""The loss along the gradient (or another line), over the updates: Santurkar et al. 2018, Fig. 4.

At each measured step the probe looked at K step lengths alpha. What is drawn between the smallest and the largest of
what it saw is a range over alpha: hatched, and named so, because it says nothing about uncertainty. With
`against_loss` each measured step is one point at the loss of the very batch that was looked at (`line_loss_here`),
so that arms can be compared where they are equally far, not equally old.
"""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis import quantities
from bnviz.analysis.quantities import direction, loss_units
from bnviz.analysis.series import Quantity, Repeats, series
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import lines, ribbon, told_medians
from bnviz.figures.style import figure, level, log_axis, most_steps, styles, told

LOSS_RANGE = "range over step lengths α"
CHANGE_RANGE = "range over α"
HATCHES = {"solid": "/", "dash": "\\", "dashdot": "x", "dot": "-", "longdash": "|", "longdashdot": "+"}
"""Of each dash, so that the ranges of two arms can be told apart where they overlap."""


def loss_band(records: Mapping[str, Record], arm: str | None = None) -> Chart:
    """Loss at the weights (line) and its range over the step lengths (hatched), of one arm or of all."""
    shown = {name: record for name, record in records.items() if arm in (None, name)}
    parts = told_medians(shown, quantities.loss_variation)
    drawn = figure(
        f"Loss along {direction(records)}" + (f", {arm}" if arm else ""),
        told(f"Range of the loss over step lengths along {direction(records)}, over updates", parts),
        "updates",
        f"loss ({loss_units(records)})",
        most_steps(records),
        arm,
        legend=True,
    )
    for name in shown:
        add_range(drawn, records, name, "line_loss", LOSS_RANGE)
    ranges = len(drawn.data)
    lines(drawn, shown, lambda record: record.data["line_loss_here"], "%{y:.3g}")
    _finish_ranges(drawn, ranges)
    return drawn


def loss_variation(records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False) -> Chart:
    """Largest minus smallest loss over the step lengths (Fig. 4a's range as a number)."""
    y = f"max − min loss ({loss_units(records)})"
    return _over(records, quantities.loss_variation, "Variation of the loss", y, repeats, against_loss)


def relative_loss_variation(
    records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False
) -> Chart:
    """The same as a share of the loss at the weights."""
    of = quantities.relative_loss_variation
    return _over(records, of, "Relative variation of the loss", "(max − min) / loss", repeats, against_loss)


def gradient_change(records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False) -> Chart:
    """Change of the gradient over the step lengths, "gradient predictiveness" (Fig. 4b): the largest and the range.

    The range is that of one seed: with several, or against the loss, there is none.
    """
    of = quantities.gradient_change
    drawn = _over(records, of, "Change of the gradient", "max |g(α) − g|", repeats, against_loss, legend=True)
    if not against_loss and not any(len(several) > 1 for several in (repeats or {}).values()):
        own = len(drawn.data)
        for name in records:
            add_range(drawn, records, name, "line_gradient_change", CHANGE_RANGE)
        drawn.data = [*drawn.data[own:], *drawn.data[:own]]  # lines lie on the ranges
        _finish_ranges(drawn, len(drawn.data) - own)
    return drawn


def relative_gradient_change(
    records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False
) -> Chart:
    """The largest change of the gradient as a share of the gradient."""
    of = quantities.relative_gradient_change
    return _over(records, of, "Relative change of the gradient", "max |g(α) − g| / |g|", repeats, against_loss)


def least_cosine(records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False) -> Chart:
    """The smallest cosine between the gradient and that at a step length: below 0 it leads astray."""
    of = quantities.least_cosine
    drawn = _over(records, of, "Cosine of the gradients", "min cos(g(α), g)", repeats, against_loss, log=False)
    drawn.layout.yaxis.range = [-1.05, 1.05]
    level(drawn, 0)
    return drawn


def effective_smoothness(
    records: Mapping[str, Record], repeats: Repeats | None = None, against_loss: bool = False
) -> Chart:
    """Effective beta (Fig. 4c): the largest change of the gradient for the distance moved."""
    of = quantities.effective_smoothness
    return _over(records, of, "Effective β-smoothness", "max |g(α) − g| / |α d|", repeats, against_loss)


def add_range(drawn: Chart, records: Mapping[str, Record], arm: str, quantity: str, named: str) -> None:
    """Hatch the range over alpha of a quantity, above zero, as an axis in powers of ten needs it."""
    smallest = series(records[arm], lambda record: record.data[quantity].min("alpha", skipna=False))
    largest = series(records[arm], lambda record: record.data[quantity].max("alpha", skipna=False))
    if smallest is not None and largest is not None:
        add_hatched(drawn, records, arm, smallest[0], smallest[1], largest[1], named)


def add_hatched(
    drawn: Chart,
    records: Mapping[str, Record],
    arm: str,
    x: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    named: str,
) -> None:
    """Hatch the area between two lines; never used for uncertainty."""
    style = styles(records)[arm]
    drawn.add(
        "scatter",
        **ribbon(x, np.where(low > 0, low, np.nan), high),
        name=f"{arm}, {named}",
        mode="lines",
        fill="toself",
        fillcolor=style.faded(0.08),
        fillpattern={
            "shape": HATCHES[style.dash],
            "fgcolor": style.faded(0.55),
            "size": 6,
            "solidity": 0.2,
        },
        line={"color": style.colour, "dash": style.dash, "width": 0},
        hoverinfo="skip",
    )


def _finish_ranges(drawn: Chart, ranges: int) -> None:
    """Name the ranges only, which come first, in a legend that takes nothing from the picture; mark the axis."""
    for line in drawn.data[ranges:]:
        line.showlegend = False
    drawn.layout.height += 20 * ranges
    log_axis(drawn)


def _over(
    records: Mapping[str, Record],
    of: Quantity,
    title: str,
    y: str,
    repeats: Repeats | None,
    against_loss: bool,
    log: bool = True,
    legend: bool = False,
) -> Chart:
    x = f"loss of the batch looked at ({loss_units(records)}), falling" if against_loss else "updates"
    drawn = figure(
        f"{title}, against the loss" if against_loss else title,
        told(f"{title} over {'the loss' if against_loss else 'updates'}", told_medians(records, of)),
        x,
        y,
        None if against_loss else most_steps(records),
        legend=legend,
    )
    if not against_loss:
        lines(drawn, records, of, "%{y:.3g}", repeats, log)
    else:
        _points(drawn, records, of, repeats)
        log_axis(drawn, "x", falling=True)
    if log:
        log_axis(drawn)
    return drawn


def _points(drawn: Chart, records: Mapping[str, Record], of: Quantity, repeats: Repeats | None) -> None:
    """Each measured step of every seed, at the loss it was measured at."""
    for name, style in styles(records).items():
        pairs = [
            (series(one, lambda record: record.data["line_loss_here"]), series(one, of))
            for one in (repeats or {}).get(name) or (records[name],)
        ]
        seen = [(loss[1], values[1]) for loss, values in pairs if loss is not None and values is not None]
        if seen:
            drawn.add(
                "scatter",
                x=np.concatenate([loss for loss, _ in seen]),
                y=np.concatenate([values for _, values in seen]),
                name=name,
                mode="markers",
                marker={"color": style.colour, "symbol": style.symbol, "size": 6, "opacity": 0.75},
                hovertemplate=f"{name}<br>at loss %{{x:.3g}}: %{{y:.3g}}<extra></extra>",
            )
