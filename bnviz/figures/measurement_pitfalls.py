"""Wrong ways to measure the loss landscape, each beside the right one on the same axis.

Two shortcuts of public code. (a) A band over separate runs with several learning rates is taken for the range of the
loss along the gradient: those runs are at other places, and the band shows how far apart they are. (b) The difference
of consecutive gradients is taken for the change of the gradient along a step: those are of different mini-batches, and
at learning rate 0 the difference does not vanish.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from bnviz.analysis import quantities
from bnviz.analysis.phases import median_so_far
from bnviz.analysis.series import Quantity, series, spread
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures import landscape
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import lines, told_medians
from bnviz.figures.style import figure, log_axis, most_steps, told

Array = npt.NDArray[np.floating]
ByRate = Mapping[str, Sequence[Record]]
"""Each arm's runs, equal but for the learning rate."""
RUNS_RANGE = "range over runs: min to max over learning rates"


def runs_band(records: Mapping[str, Record], pitfalls: ByRate) -> Chart:
    """Wrong: range of the mini-batch loss over separate runs with several learning rates."""
    rates = sorted({one.config.learning_rate for several in pitfalls.values() for one in several})
    bands = {arm: band for arm, several in pitfalls.items() if (band := over_runs(several)) is not None}
    parts = []
    for arm, (steps, low, high) in bands.items():
        middle = median_so_far(steps, spread(low, high))
        if np.isfinite(middle):
            parts.append(f"{arm} has a median of {two_digits(middle)}")
    drawn = figure(
        f"Wrong way: the range over {len(rates)} runs, learning rates {_ends(rates)}",
        told("Range of the loss over separate runs with several learning rates, over updates", parts),
        "updates",
        f"loss ({quantities.loss_units(records)})",
        most_steps(
            {**records, **{f"{arm}, {place}": run for arm, runs in pitfalls.items() for place, run in enumerate(runs)}}
        ),
        legend=True,
    )
    for arm, (steps, low, high) in bands.items():
        landscape.add_hatched(drawn, records, arm, steps, low, high, RUNS_RANGE)
    drawn.layout.height += 20 * len(bands)
    return _same_axis(drawn, _losses(records, bands))


def ray_band(records: Mapping[str, Record], pitfalls: ByRate) -> Chart:
    """Right: range of the loss along the line from where one run is; on the axis of the wrong way."""
    drawn = landscape.loss_band(records)
    drawn.layout.meta["title"] = f"Right way: one run, looking along {quantities.direction(records)}"
    bands = {arm: band for arm, several in pitfalls.items() if (band := over_runs(several)) is not None}
    return _same_axis(drawn, _losses(records, bands))


def batch_difference(records: Mapping[str, Record]) -> Chart:
    """Wrong: difference between the gradients of consecutive steps, on different mini-batches."""
    return _change(records, _difference, "Wrong way: gradients of two consecutive steps", "|g_t − g_(t−1)|")


def along_step(records: Mapping[str, Record]) -> Chart:
    """Right: largest change of the gradient along the step, on one mini-batch; on the axis of the wrong way."""
    of = quantities.gradient_change
    return _change(records, of, "Right way: one mini-batch, along the line", "max |g(α) − g|")


def over_runs(runs: Sequence[Record]) -> tuple[npt.NDArray[np.integer], Array, Array] | None:
    """Steps that all runs reached, smallest and largest mini-batch loss over the runs; None without at least two."""
    found = [one for one in (series(run, lambda record: record.data["train_loss"]) for run in runs) if one is not None]
    if len(found) < 2:
        return None
    shared = np.array(sorted(set.intersection(*(set(steps.tolist()) for steps, _ in found))), np.int32)
    rows = np.stack([values[np.isin(steps, shared)] for steps, values in found])
    return shared, rows.min(axis=0), rows.max(axis=0)


def _difference(record: Record) -> xr.DataArray:
    return record.data["wrong_batch_difference"]


def _change(records: Mapping[str, Record], of: Quantity, title: str, y: str) -> Chart:
    drawn = figure(
        title,
        told(f"{title}, over updates", told_medians(records, of)).replace("way: ", "way, "),
        "updates",
        y,
        most_steps(records),
    )
    lines(drawn, records, of, "%{y:.3g}")
    both = [series(record, one) for record in records.values() for one in (_difference, quantities.gradient_change)]
    return _same_axis(drawn, np.concatenate([one[1] for one in both if one is not None] or [np.ones(1)]))


def _ends(rates: Sequence[float]) -> str:
    return f"{rates[0]:g} to {rates[-1]:g}" if rates else "none"


def _losses(records: Mapping[str, Record], bands: Mapping[str, tuple[npt.NDArray[np.integer], Array, Array]]) -> Array:
    rays = [record.values("line_loss").ravel() for record in records.values() if "line_loss" in record.data]
    return np.concatenate([*rays, *(side for _, *sides in bands.values() for side in sides), [1.0]])


def _same_axis(drawn: Chart, values: Array) -> Chart:
    log_axis(drawn, values=values)
    return drawn
