"""Traces that show one step and follow the cursor.

`layout.meta["by_step"]` has an entry for each trace: None if it does not move, else the measured `steps` (n,) and the
`x` and `y` values (n, points) at each step. The trace itself shows the last step.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import styles

Array = npt.NDArray[np.floating]
Steps = npt.NDArray[np.integer]


def add_moving(chart: Chart, steps: Steps, x: Array | Steps, y: Array, **trace: Any) -> None:
    """Add a scatter trace that follows the cursor.

    Args:
        chart: the chart to change.
        steps: measured steps, (n,); steps without a finite point are left out.
        x: (n, points), or (points,) if the same at every step.
        y: (n, points).
        **trace: further properties of the trace.
    """
    rows = np.isfinite(y).any(axis=1)
    y = _plain(y[rows])
    entry: dict[str, Array | Steps] | None = None
    if len(y):
        entry = {"steps": np.asarray(steps)[rows].astype(np.int32), "y": y}
        points = _plain(x[rows] if x.ndim > 1 else x)
        if points.ndim > 1:
            entry["x"] = points
        chart.add("scatter", x=points[-1] if points.ndim > 1 else points, y=y[-1], **trace)
    else:
        chart.add("scatter", x=np.full(1, np.nan, np.float32), y=np.full(1, np.nan, np.float32), **trace)
    chart.layout.meta.setdefault("by_step", []).append(entry)


def add_layer_lines(chart: Chart, records: Mapping[str, Record], tables: Mapping[str, Array]) -> None:
    """Add one line per arm over the layers, 1 being next to the input, which follows the cursor.

    Args:
        chart: the chart to change.
        records: by arm.
        tables: by arm, values (n, layers) at its first n measured steps.
    """
    for name, style in styles(records).items():
        values = tables[name]
        add_moving(
            chart,
            records[name].values("probe_step")[: len(values)],
            np.arange(1, values.shape[1] + 1),
            values,
            name=name,
            mode="lines+markers",
            line={"color": style.colour, "dash": style.dash, "width": 2.5},
            marker={"color": style.colour, "symbol": style.symbol, "size": 6},
            hovertemplate=f"{name}, layer %{{x}}: %{{y:.3g}}<extra></extra>",
        )


def add_still(chart: Chart, **trace: Any) -> None:
    """Add a scatter trace that does not follow the cursor."""
    chart.add("scatter", **trace)
    chart.layout.meta.setdefault("by_step", []).append(None)


def _plain(values: Array | Steps) -> Array:
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(np.float32)
    return np.where(np.isfinite(values), values, np.float32(np.nan))
