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
MEASURING = ("device", "probe", "line_", "plane_", "sharpness_", "curve_", "test_samples", "percentiles")
"""Prefixes of settings that decide what is measured, not what is trained."""
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
    fields = [
        field
        for field in RunConfig.model_fields
        if not field.startswith(MEASURING) and len({getattr(config, field) for config in configs}) > 1
    ]
    result = []
    for config in configs:
        parts = [_setting(config, field) for field in fields]
        parts_shown = parts[:MOST_DIFFERENCES]
        result.append(
            ", ".join([*parts_shown, "…"] if len(parts) > len(parts_shown) else parts_shown) or _setting(config, "norm")
        )
    counts = Counter(result)
    used: Counter[str] = Counter()
    for place, name in enumerate(result):
        used[name] += 1
        result[place] = f"{name} ({used[name]})" if counts[name] > 1 else name
    return result


def _setting(config: RunConfig, field: str) -> str:
    value: Any = getattr(config, field)
    if field == "norm":
        return registry.describe("norms", value).label.lower()
    if field == "widths" and len(set(value)) == 1:
        return f"{len(value)} × {value[0]} units"
    return f"{field.replace('_', ' ')} {to_text(value)}"


def _units(records: Mapping[str, Record], quantity: str) -> str:
    """The unit in brackets, if all runs have the same."""
    units = {record.data[quantity].attrs.get("units", "") for record in records.values() if quantity in record.data}
    return f" ({html.escape(unit)})" if len(units) == 1 and (unit := units.pop()) else ""
