"""Two to four runs of any comparisons on the same axes, named by the settings in which they differ.

Colours and dashes go by the order of the runs, not by arm, because two runs may have the same normalisation. Names may
come from untrusted files, so they are escaped.
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
from bnviz.figures.style import ArmStyle, alt_text, log_axis, most_steps, new_chart

RUN_STYLES = (
    ArmStyle("#7B61D9", "solid"),
    ArmStyle("#C8385E", "dash"),
    ArmStyle("#96693B", "dot"),
    ArmStyle("#6F7C8A", "dashdot"),
)
MOST_RUNS = len(RUN_STYLES)
QUANTITIES = {"test_accuracy": "Test accuracy", "train_loss": "Training loss"}
MEASURING = ("device", "probe", "curve_", "test_samples", "percentiles")
"""Prefixes of fields that decide what is measured, not what is trained."""
MOST_DIFFERENCES = 4


def overlay(records: Mapping[str, Record], quantity: str) -> Chart:
    """One of QUANTITIES over the updates, one line per run; a run without it has none."""
    title = QUANTITIES[quantity]
    share = quantity == "test_accuracy"
    units = "" if share else _units(records, quantity)
    lines = {name: series(record, lambda line: line.data[quantity]) for name, record in records.items()}
    last = {name: values[-1] for name, line in lines.items() if line is not None and (values := finite(line[1])).size}
    endings = [f"{name} ends at {percent(end) if share else two_digits(end)}" for name, end in last.items()]
    chart = new_chart(
        title,
        alt_text(f"{title} of {len(records)} runs over updates", endings),
        "updates",
        f"{title.lower()}{units}",
        most_steps(records),
        legend=True,
    )
    for style, (name, line) in zip(RUN_STYLES, lines.items(), strict=False):
        if line is not None:
            chart.add(
                "scatter",
                x=line[0],
                y=line[1],
                name=html.escape(name),  # plotly reads names as HTML
                mode="lines",
                line={"color": style.colour, "dash": style.dash, "width": 2.5},
                # by reference: the name could contain template syntax
                hovertemplate=f"%{{fullData.name}}<br>update %{{x}}: %{{y:{'.1%' if share else '.3g'}}}<extra></extra>",
            )
    if share:
        chart.layout.yaxis.set(tickformat=".0%", range=[0, 1.02])
    else:
        log_axis(chart)
    return chart


def names(configs: Sequence[RunConfig]) -> list[str]:
    """Name each run by the settings in which the runs differ, with a number for equal names."""
    settings = [config.with_active_options().model_dump() for config in configs]
    of_probes = {option for plugin in registry.plugins("probes").values() for option in plugin.options}
    differing = [
        name
        for name in dict.fromkeys(name for values in settings for name in values)
        if not (name.startswith(MEASURING) or name in of_probes)
        and len({values[name] for values in settings if name in values}) > 1
    ]
    found = []
    for values in settings:
        parts = [_setting(name, values[name]) for name in differing if name in values]
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
    """The unit in brackets, if all runs have the same."""
    units = {record.data[quantity].attrs.get("units", "") for record in records.values() if quantity in record.data}
    return f" ({html.escape(unit)})" if len(units) == 1 and (unit := units.pop()) else ""
