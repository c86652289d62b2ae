"""The median over updates by counting: what medians in figures and sentences are compared with."""

import numpy as np
import numpy.typing as npt


def median_over_updates(steps: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Each half update has the value of the measured step that is nearest to it; the median of all of these."""
    steps, values = np.asarray(steps), np.asarray(values)
    middles = np.arange(steps[0], steps[-1], 0.5) + 0.25  # none of them is as near to one step as to another
    nearest = np.abs(middles[:, None] - steps).argmin(axis=1)
    return float(np.median(values[nearest] if len(middles) else values))
