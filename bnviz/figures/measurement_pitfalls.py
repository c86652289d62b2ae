"""Wrong ways to measure the loss landscape, each on the same axis as the right one.

Two shortcuts of public code. (a) A band over separate runs with several learning rates, instead of the range of the
loss along the gradient of one run: the band shows how differently the runs train. (b) The difference of consecutive
gradients, instead of the change of the gradient along a step: these gradients belong to different mini-batches, so the
difference does not vanish at learning rate 0.

`records` are each arm's run at its usual learning rate, `repeats` its runs at each of `presets.STEP_FACTORS` times it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from bnviz.analysis import quantities
from bnviz.analysis.phases import median_so_far
from bnviz.analysis.series import Quantity, Repeats, Steps, series, spread
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures import landscape
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import add_arm_lines, describe_medians
from bnviz.figures.style import alt_text, log_axis, most_steps, new_chart

Array = npt.NDArray[np.floating]
RUNS_RANGE = "range over runs: min to max over learning rates"


def runs_band(records: Mapping[str, Record], repeats: Repeats) -> Chart:
    """Wrong: range of the mini-batch loss over separate runs with several learning rates."""
    rates = sorted({run.config.learning_rate for runs in repeats.values() for run in runs})
    bands = {arm: band for arm, runs in repeats.items() if (band := loss_range(runs)) is not None}
    parts = []
    for arm, (steps, low, high) in bands.items():
        middle = median_so_far(steps, spread(low, high))
        if np.isfinite(middle):
            parts.append(f"{arm} has a median of {two_digits(middle)}")
    chart = new_chart(
        f"Wrong way: the range over {len(rates)} runs, learning rates {_rate_range(rates)}",
        alt_text("Range of the loss over separate runs with several learning rates, over updates", parts),
        "updates",
        f"loss ({quantities.loss_units(records)})",
        most_steps(
            {**records, **{f"{arm}, {place}": run for arm, runs in repeats.items() for place, run in enumerate(runs)}}
        ),
        legend=True,
    )
    for arm, (steps, low, high) in bands.items():
        landscape.add_hatched(chart, records, arm, steps, low, high, RUNS_RANGE)
    chart.layout.height += 20 * len(bands)
    return _set_axis(chart, _all_losses(records, bands))


def ray_band(records: Mapping[str, Record], repeats: Repeats) -> Chart:
    """Right: range of the loss along the line in one run; on the axis of the wrong way."""
    chart = landscape.loss_band(records)
    chart.layout.meta["title"] = f"Right way: one run, looking along {quantities.direction(records)}"
    bands = {arm: band for arm, runs in repeats.items() if (band := loss_range(runs)) is not None}
    return _set_axis(chart, _all_losses(records, bands))


def batch_difference(records: Mapping[str, Record]) -> Chart:
    """Wrong: difference between the gradients of consecutive steps, on different mini-batches."""
    return _gradient_change(
        records, _batch_difference, "Wrong way: gradients of two consecutive steps", "|g_t − g_(t−1)|"
    )


def along_step(records: Mapping[str, Record]) -> Chart:
    """Right: largest change of the gradient along the step, on one mini-batch; on the axis of the wrong way."""
    quantity = quantities.gradient_change
    return _gradient_change(records, quantity, "Right way: one mini-batch, along the line", "max |g(α) − g|")


def loss_range(runs: Sequence[Record]) -> tuple[Steps, Array, Array] | None:
    """Common steps of the runs, and their smallest and largest mini-batch loss; None for fewer than two runs."""
    curves = [
        curve for curve in (series(run, lambda record: record.data["train_loss"]) for run in runs) if curve is not None
    ]
    if len(curves) < 2:
        return None
    shared = np.array(sorted(set.intersection(*(set(steps.tolist()) for steps, _ in curves))), np.int32)
    rows = np.stack([values[np.isin(steps, shared)] for steps, values in curves])
    return shared, rows.min(axis=0), rows.max(axis=0)


def _batch_difference(record: Record) -> xr.DataArray:
    return record.data["wrong_batch_difference"]


def _gradient_change(records: Mapping[str, Record], quantity: Quantity, title: str, y: str) -> Chart:
    chart = new_chart(
        title,
        alt_text(f"{title}, over updates", describe_medians(records, quantity)).replace("way: ", "way, "),
        "updates",
        y,
        most_steps(records),
    )
    add_arm_lines(chart, records, quantity, "%{y:.3g}")
    measured = [
        series(record, curve)
        for record in records.values()
        for curve in (_batch_difference, quantities.gradient_change)
    ]
    return _set_axis(chart, np.concatenate([curve[1] for curve in measured if curve is not None] or [np.ones(1)]))


def _rate_range(rates: Sequence[float]) -> str:
    return f"{rates[0]:g} to {rates[-1]:g}" if rates else "none"


def _all_losses(records: Mapping[str, Record], bands: Mapping[str, tuple[Steps, Array, Array]]) -> Array:
    rays = [record.values("line_loss").ravel() for record in records.values() if "line_loss" in record.data]
    return np.concatenate([*rays, *(side for _, *sides in bands.values() for side in sides), [1.0]])


def _set_axis(chart: Chart, values: Array) -> Chart:
    log_axis(chart, values=values)
    return chart
