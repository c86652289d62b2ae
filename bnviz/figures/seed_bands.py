"""Lines over updates, one an arm: of one run, or of an arm's runs with several seeds.

Several seeds are drawn as one thin line each, their mean (bold) and the 95 % interval of the mean by Student's t. Where
the axis is logarithmic, mean and interval are those of the logarithms: the mean is the geometric one. A seed that has
diverged is not left out: where one is not finite, so is the mean.
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


def told_medians(records: Mapping[str, Record], of: Quantity) -> list[str]:
    """The same in words, for alternative texts."""
    return [f"{arm} has a median of {two_digits(value)}" for arm, value in medians(records, of).items()]


def ribbon(x: Steps | Array, low: Array, high: Array) -> dict[str, Array]:
    """Outline of the area between two lines, `x` and `y` of a trace filled to itself; gaps where one is missing."""
    with np.errstate(over="ignore"):  # over seeds that diverge, an interval can be wider than numbers go
        low, high = low.astype(np.float32), high.astype(np.float32)
    seen = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    xs: list[Any] = []
    ys: list[Any] = []
    for part in np.split(seen, np.flatnonzero(np.diff(seen) > 1) + 1):
        xs += [x[part], x[part][::-1], [np.nan]]
        ys += [low[part], high[part][::-1], [np.nan]]
    return {"x": np.concatenate(xs)[:-1].astype(np.float32), "y": np.concatenate(ys)[:-1].astype(np.float32)}


def lines(
    drawn: Chart,
    records: Mapping[str, Record],
    of: Quantity,
    number: str,
    repeats: Repeats | None = None,
    log: bool = False,
) -> None:
    """Add each arm's line, or its seeds, their mean and its interval; `number` is how a value is written when hovered.

    An arm in which nothing was measured has no line.
    """
    for arm, record in records.items():
        style = styles(records)[arm]
        several = (repeats or {}).get(arm, ())
        mean = over_seeds(several, of, log) if len(several) > 1 else None
        if mean is not None:
            for one in several:
                steps, values = series(one, of) or ((), ())
                seed = f"{arm}, seed {one.config.seed}"
                drawn.add(
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
            drawn.add(
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
        shown = mean[:2] if mean is not None else series(record, of)
        if shown is None:
            continue
        named = arm if mean is None else f"{arm}, mean of {len(several)} seeds"
        drawn.add(
            "scatter",
            x=shown[0],
            y=shown[1],
            name=arm,
            mode="lines" if np.isfinite(shown[1]).sum() > 1 else "lines+markers",  # a line of one point is not seen
            marker={"color": style.colour, "size": 8},
            line={"color": style.colour, "dash": style.dash, "width": 2.5},
            hovertemplate=f"{named}<br>update %{{x}}: {number}<extra></extra>",
        )
