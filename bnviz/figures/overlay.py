"""Runs on the same axes, whichever comparisons they are from: two to four lines, named by what tells the runs apart.

Colours and dashes are those of the first, second ... run; none is an arm's, since two of these may have the same
normalisation. Knows nothing of where a record comes from; names may be anybody's and are drawn as they are.
"""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bnviz.analysis.series import finite, series
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.messages import to_text
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import ArmStyle, figure, log_axis, most_steps, told

RUN_STYLES = (
    ArmStyle("#7B61D9", "solid"),
    ArmStyle("#C8385E", "dash"),
    ArmStyle("#96693B", "dot"),
    ArmStyle("#6F7C8A", "dashdot"),
)
MOST_RUNS = len(RUN_STYLES)
QUANTITIES = {"test_accuracy": "Test accuracy", "train_loss": "Training loss"}
MEASURING = ("device", "probe", "curve_", "test_samples", "percentiles")
"""How the names begin of fields that decide what is measured; what is trained is the same without them."""
MOST_DIFFERENCES = 4


def overlay(records: Mapping[str, Record], quantity: str) -> Chart:
    """One of QUANTITIES over the updates, one line a run; a run that lacks it has none."""
    title = QUANTITIES[quantity]
    share = quantity == "test_accuracy"
    units = "" if share else _units(records, quantity)
    seen = {name: series(record, lambda one: one.data[quantity]) for name, record in records.items()}
    last = {name: values[-1] for name, one in seen.items() if one is not None and (values := finite(one[1])).size}
    ends = [f"{name} ends at {percent(end) if share else two_digits(end)}" for name, end in last.items()]
    drawn = figure(
        title,
        told(f"{title} of {len(records)} runs over updates", ends),
        "updates",
        f"{title.lower()}{units}",
        most_steps(records),
        legend=True,
    )
    for style, (name, found) in zip(RUN_STYLES, seen.items(), strict=False):
        if found is not None:
            drawn.add(
                "scatter",
                x=found[0],
                y=found[1],
                name=html.escape(name),  # plotly reads names as HTML
                mode="lines",
                line={"color": style.colour, "dash": style.dash, "width": 2.5},
                # the name by reference: in a template its signs could be a template's
                hovertemplate=f"%{{fullData.name}}<br>update %{{x}}: %{{y:{'.1%' if share else '.3g'}}}<extra></extra>",
            )
    if share:
        drawn.layout.yaxis.set(tickformat=".0%", range=[0, 1.02])
    else:
        log_axis(drawn)
    return drawn


def names(configs: Sequence[RunConfig]) -> list[str]:
    """A name for each run: the settings in which they differ, a number where they do not."""
    settings = [config.with_active_options().model_dump() for config in configs]
    of_probes = {option for plugin in registry.plugins("probes").values() for option in plugin.options}
    told_apart = [
        name
        for name in dict.fromkeys(name for values in settings for name in values)
        if not (name.startswith(MEASURING) or name in of_probes)
        and len({values[name] for values in settings if name in values}) > 1
    ]
    found = []
    for values in settings:
        parts = [_setting(name, values[name]) for name in told_apart if name in values]
        shown = parts[:MOST_DIFFERENCES]
        parts_shown = [*shown, "…"] if len(parts) > len(shown) else shown
        found.append(", ".join(parts_shown) or _setting("norm", values["norm"]))
    again = Counter(found)
    seen: Counter[str] = Counter()
    for place, name in enumerate(found):
        seen[name] += 1
        found[place] = f"{name} ({seen[name]})" if again[name] > 1 else name
    return found


def _setting(field: str, value: Any) -> str:
    if field == "norm":
        return registry.describe("norms", value).label.lower()
    if field == "widths" and len(set(value)) == 1:
        return f"{len(value)} × {value[0]} units"
    return f"{field.replace('_', ' ')} {to_text(value)}"


def _units(records: Mapping[str, Record], quantity: str) -> str:
    """In brackets, if all have the same."""
    units = {record.data[quantity].attrs.get("units", "") for record in records.values() if quantity in record.data}
    return f" ({html.escape(unit)})" if len(units) == 1 and (unit := units.pop()) else ""
