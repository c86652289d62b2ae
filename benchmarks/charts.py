"""What drawing costs the server: charts as plain data beside the same as plotly's objects.

`python -m benchmarks.charts` draws what the activation page draws for another unit and another layer, of the runs that
ship with the app, up to the JSON that is sent: as the app does, and with `plotly.graph_objects` checking and copying
all of it on the way, as `Chart.figure` has it do. Seconds are the process's own on the processor, the two in turn.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.tables import Table, alone
from bnviz.core import presets
from bnviz.core.record import Record
from bnviz.figures import curves, layer_heatmaps, unit_distribution
from bnviz.figures.chart import Chart
from bnviz.records import gallery

ABOUT = (
    "Charts of the activation page, as JSON, over the same by way of plotly.graph_objects. Medians and quartiles of "
    "{pairs} rounds, another unit in each."
)
LAYER, UNIT = 3, 17
Calls = Sequence[Callable[[], Chart]]


def tables(pairs: int) -> list[Table]:
    """One row for what another unit changes, one for what another layer does besides."""
    records, rows = shipped(), {}
    for name, calls in (("another unit", of_unit), ("another layer", of_layer)):
        ratios = []
        for round_ in range(pairs + 1):
            at = (LAYER, 1 + round_) if calls is of_unit else (1 + round_ % LAYER, UNIT)
            seconds = [_seconds(calls(records, *at), way) for way in (plain, by_objects)]
            ratios.append(seconds[0] / seconds[1])
        rows[name] = (tuple(ratios[1:]),)  # the first loads what plotly loads late
    about = ABOUT.format(pairs=pairs)
    return [Table("charts", "What drawing costs", about, "seconds as plain data", ("over plotly's objects",), rows)]


def shipped() -> dict[str, Record]:
    """The runs that the page opens with."""
    return {arm: record for arm, config in presets.ACTIVATIONS.configs().items() if (record := gallery.find(config))}


def of_unit(records: Mapping[str, Record], at: int, one: int) -> Calls:
    """The charts of one unit of a layer."""
    both: Calls = [
        partial(chart, records, arm, at, one)
        for arm in records
        for chart in (unit_distribution.bands, unit_distribution.history)
    ]
    return [*both, partial(unit_distribution.histogram_at_cursor, records, at, one)]


def of_layer(records: Mapping[str, Record], at: int, one: int) -> Calls:
    """All charts of the page: the curves, those of a unit, and those of its layer."""
    heat: Calls = [
        partial(chart, records, arm, at) for arm in records for chart in (layer_heatmaps.medians, layer_heatmaps.widths)
    ]
    drifts: Calls = [
        partial(layer_heatmaps.drift, records, quantity, at) for quantity in ("mean_change", "variance_change")
    ]
    curve: Calls = [partial(draw, records) for draw in (curves.accuracy, curves.loss)]
    return [*curve, *of_unit(records, at, one), *heat, partial(layer_heatmaps.saturated, records, at), *drifts]


def plain(chart: Chart) -> str:
    """As the app does."""
    return chart.to_json()


def by_objects(chart: Chart) -> str:
    """By way of plotly's."""
    return str(chart.figure().to_json())


def _seconds(calls: Calls, way: Callable[[Chart], str]) -> float:
    began = time.process_time()
    for call in calls:
        way(call())
    return time.process_time() - began


if __name__ == "__main__":
    alone(__doc__, tables)
