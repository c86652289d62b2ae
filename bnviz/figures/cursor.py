"""What is shown at one step and follows the cursor: a trace, and its x and y at every measured step.

`layout.meta["by_step"]` has an entry for each trace: None for what stands still, else the measured `steps` (n,) and the
`x` and `y` values (n, points) at each, for whoever moves the cursor. Without a cursor the last step is shown.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from bnviz.figures.chart import Chart

Array = npt.NDArray[np.floating]
Steps = npt.NDArray[np.integer]


def add_moving(drawn: Chart, steps: Steps, x: Array | Steps, y: Array, **trace: Any) -> None:
    """Add a scatter trace that moves. `x` is (n, points), or (points,) where it stays; `y` (n, points).

    Steps at which no point is finite were not measured, and are left out.
    """
    rows = np.isfinite(y).any(axis=1)
    y = _plain(y[rows])
    entry: dict[str, Array | Steps] | None = None
    if len(y):
        entry = {"steps": np.asarray(steps)[rows].astype(np.int32), "y": y}
        at = _plain(x[rows] if x.ndim > 1 else x)
        if at.ndim > 1:
            entry["x"] = at
        drawn.add("scatter", x=at[-1] if at.ndim > 1 else at, y=y[-1], **trace)
    else:
        drawn.add("scatter", x=np.full(1, np.nan, np.float32), y=np.full(1, np.nan, np.float32), **trace)
    drawn.layout.meta.setdefault("by_step", []).append(entry)


def add_still(drawn: Chart, **trace: Any) -> None:
    """Add a scatter trace that stays as it is."""
    drawn.add("scatter", **trace)
    drawn.layout.meta.setdefault("by_step", []).append(None)


def _plain(values: Array | Steps) -> Array:
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(np.float32)
    return np.where(np.isfinite(values), values, np.float32(np.nan))
