"""The last plane around the weights in a record, prepared for figures and captions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bnviz.analysis.series import finite
from bnviz.core.number_format import percent
from bnviz.core.record import Record

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Plane:
    """Base-10 logarithm of the loss (up, across), its axes, and the path (points, 2) with its heights."""

    logarithm: Array
    across: Array
    up: Array
    path: Array
    heights: Array
    axes: tuple[str, str]


def limits(records: Mapping[str, Record]) -> tuple[float, float]:
    """Limits of the base-10 logarithm of the loss over all arms' planes: the minimum and the 98th percentile."""
    planes = [plane for plane in map(last_plane, records.values()) if plane is not None]
    values = finite(np.concatenate([plane.logarithm.ravel() for plane in planes] or [np.zeros(1)]))
    low, high = float(values.min()), float(np.quantile(values, 0.98))
    return (low, high) if high - low > 1e-6 else (low - 0.5, low + 0.5)


def last_plane(record: Record) -> Plane | None:
    """The last plane of a record; None if it has none with a finite positive loss on finite axes."""
    if "plane_loss" not in record.data:
        return None
    loss = record.data["plane_loss"].transpose("probe_step", "plane_up", "plane_across").values.astype(float)
    loss = np.where(np.isfinite(loss) & (loss > 0), loss, np.nan)
    steps = np.flatnonzero(np.isfinite(loss).any(axis=(1, 2)))
    if not steps.size:
        return None
    last = record.data.isel(probe_step=steps[-1])
    across, up = last["plane_across_at"].values, last["plane_up_at"].values
    if not (np.isfinite(across).all() and np.isfinite(up).all() and across[0] < across[-1] and up[0] < up[-1]):
        return None
    logarithm = np.log10(loss[steps[-1]])
    path = last["plane_path"].transpose("path", "axis").values if "plane_path" in last else np.empty((0, 2))
    path = path[np.isfinite(path).all(axis=1)].astype(np.float32)
    return Plane(
        logarithm.astype(np.float32),
        across.astype(np.float32),
        up.astype(np.float32),
        path,
        _heights(logarithm, across, up, path).astype(np.float32),
        axis_titles(record, last["plane_explained"].values if "plane_explained" in last else np.full(2, np.nan)),
    )


def _heights(logarithm: Array, across: Array, up: Array, path: Array) -> Array:
    """Heights of the path by bilinear interpolation on the grid; NaN outside of it."""
    columns = np.interp(path[:, 0], across, np.arange(len(across)), left=np.nan, right=np.nan)
    rows = np.interp(path[:, 1], up, np.arange(len(up)), left=np.nan, right=np.nan)
    inside = np.isfinite(columns) & np.isfinite(rows)
    result = np.full(len(path), np.nan)
    column, row = (
        np.minimum(positions[inside].astype(int), size - 2)
        for positions, size in ((columns, len(across)), (rows, len(up)))
    )
    right, above = columns[inside] - column, rows[inside] - row
    lower = logarithm[row, column] * (1 - right) + logarithm[row, column + 1] * right
    upper = logarithm[row + 1, column] * (1 - right) + logarithm[row + 1, column + 1] * right
    result[inside] = lower * (1 - above) + upper * above
    return result


def axis_titles(record: Record, explained: Array) -> tuple[str, str]:
    """Titles of both axes; `explained` (2,) is each axis's share of the path's variance, NaN if unknown."""
    if record.config.option("plane_kind") == "random":
        return "random direction (1: as long as the weights)", "another random direction"
    shares = [f" ({percent(float(share))} of the path)" if math.isfinite(share) else "" for share in explained]
    return f"principal component 1{shares[0]}", f"principal component 2{shares[1]}"
