"""The median over updates by counting: what medians in figures and sentences are compared with."""

import numpy as np
import numpy.typing as npt


def values_by_update(steps: npt.ArrayLike, values: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Values (n, ...) at n steps, repeated: each half update has those of the measured step that is nearest to it."""
    steps, values = np.asarray(steps), np.asarray(values)
    middles = np.arange(steps[0], steps[-1], 0.5) + 0.25  # none of them is as near to one step as to another
    nearest = np.abs(middles[:, None] - steps).argmin(axis=1)
    return values[nearest] if len(middles) else values


def median_over_updates(steps: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """The median of all of these that are not missing."""
    return float(np.nanmedian(values_by_update(steps, values)))
