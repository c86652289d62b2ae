"""Lines over updates, one per arm; with several seeds, the mean and its 95 % interval.

Each seed is a thin line; the mean is bold, with the interval by Student's t. On a logarithmic axis both are those of
the logarithms, so the mean is geometric. A diverged seed is kept: where one value is not finite, neither is the mean.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bnviz.analysis.series import Quantity, Repeats, Steps, medians, over_seeds, series
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import styles

Array = npt.NDArray[np.floating]

RIBBON = "95 % interval over seeds"


def describe_medians(records: Mapping[str, Record], quantity: Quantity) -> list[str]:
    """Return one phrase per arm with the median over updates, for alternative texts."""
    return [f"{arm} has a median of {two_digits(value)}" for arm, value in medians(records, quantity).items()]


def ribbon(x: Steps | Array, low: Array, high: Array) -> dict[str, Array]:
    """Return x and y of the outline between two lines, for a trace filled to itself; gaps where a line is missing."""
    with np.errstate(over="ignore"):  # the interval of diverging seeds can overflow
        low, high = low.astype(np.float32), high.astype(np.float32)
    valid = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    xs: list[Any] = []
    ys: list[Any] = []
    for stretch in np.split(valid, np.flatnonzero(np.diff(valid) > 1) + 1):
        xs += [x[stretch], x[stretch][::-1], [np.nan]]
        ys += [low[stretch], high[stretch][::-1], [np.nan]]
    return {"x": np.concatenate(xs)[:-1].astype(np.float32), "y": np.concatenate(ys)[:-1].astype(np.float32)}


def add_arm_lines(
    chart: Chart,
    records: Mapping[str, Record],
    quantity: Quantity,
    number: str,
    repeats: Repeats | None = None,
    log: bool = False,
) -> None:
    """Add the line of each arm, or its seeds, their mean and its interval.

    Args:
        chart: the chart to change.
        records: by arm; an arm without the measurement has no line.
        quantity: what to draw.
        number: plotly's format of a value in the hover text, such as "%{y:.1%}".
        repeats: each arm's runs, one a seed; None or single runs are drawn as one line.
        log: average logarithms.
    """
    for arm, record in records.items():
        style = styles(records)[arm]
        runs = (repeats or {}).get(arm, ())
        mean = over_seeds(runs, quantity, log) if len(runs) > 1 else None
        if mean is not None:
            for record in runs:
                steps, values = series(record, quantity) or ((), ())
                seed = f"{arm}, seed {record.config.seed}"
                chart.add(
                    "scatter",
                    x=steps,
                    y=values,
                    name=seed,
                    mode="lines",
                    showlegend=False,
                    opacity=0.45,
                    line={"color": style.colour, "dash": style.dash, "width": 1},
                    hovertemplate=f"{seed}<br>update %{{x}}: {number}<extra></extra>",
                )
            chart.add(
                "scatter",
                **ribbon(mean[0], mean[2], mean[3]),
                name=f"{arm}, {RIBBON}",
                mode="lines",
                fill="toself",
                showlegend=False,
                fillcolor=style.faded(0.16),
                line={"color": style.colour, "dash": style.dash, "width": 0},
                hoverinfo="skip",
            )
        line = mean[:2] if mean is not None else series(record, quantity)
        if line is None:
            continue
        label = arm if mean is None else f"{arm}, mean of {len(runs)} seeds"
        chart.add(
            "scatter",
            x=line[0],
            y=line[1],
            name=arm,
            mode="lines" if np.isfinite(line[1]).sum() > 1 else "lines+markers",
            marker={"color": style.colour, "size": 8},
            line={"color": style.colour, "dash": style.dash, "width": 2.5},
            hovertemplate=f"{label}<br>update %{{x}}: {number}<extra></extra>",
        )
