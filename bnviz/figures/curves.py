"""Learning curves: test accuracy and loss of every arm over the updates (Ioffe & Szegedy 2015, Fig. 1a)."""

from collections.abc import Mapping

import plotly.graph_objects as go

from bnviz.figures.style import figure, finite, log_axis, most_steps, percent, styles, told, two_digits
from bnviz.record import Record


def accuracy(records: Mapping[str, Record]) -> go.Figure:
    """Share of test images classified correctly, one line an arm."""
    ends = [f"{name} ends at {percent(last)}" for name, last in _last(records, "test_accuracy").items()]
    drawn = figure(
        "Test accuracy", told("Test accuracy over updates", ends), "updates", "test accuracy", most_steps(records)
    )
    _lines(drawn, records, "test_accuracy", "%{y:.1%}")
    drawn.update_yaxes(tickformat=".0%", range=[0, 1.02])
    return drawn


def loss(records: Mapping[str, Record]) -> go.Figure:
    """Cross-entropy on the test images, on a log axis; the mini-batch's own loss as a thin line."""
    ends = [f"{name} ends at {two_digits(last)}" for name, last in _last(records, "test_loss").items()]
    drawn = figure(
        "Loss", told("Cross-entropy over updates", ends), "updates", "cross-entropy (nat)", most_steps(records)
    )
    for name, record in records.items():
        if "train_loss" in record.data:
            style = styles(records)[name]
            drawn.add_scatter(
                x=record.data["step"].values,
                y=record.data["train_loss"].values,
                name=f"{name}, mini-batch",
                mode="lines",
                line={"color": style.faded(0.55), "width": 1},
                hovertemplate=f"{name}, mini-batch<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )
    _lines(drawn, records, "test_loss", "%{y:.3g}")
    log_axis(drawn)
    return drawn


def _lines(drawn: go.Figure, records: Mapping[str, Record], quantity: str, number: str) -> None:
    for name, record in records.items():
        style = styles(records)[name]
        if quantity not in record.data:
            continue
        values = record.data[quantity].values
        drawn.add_scatter(
            x=record.data["step"].values,
            y=values,
            name=name,
            mode="lines",
            line={"color": style.colour, "dash": style.dash, "width": 2.5},
            hovertemplate=f"{name}<br>update %{{x}}: {number}<extra></extra>",
        )


def _last(records: Mapping[str, Record], quantity: str) -> dict[str, float]:
    """The last finite value in each arm that has one."""
    seen = {name: finite(record.data[quantity].values) for name, record in records.items() if quantity in record.data}
    return {name: float(values[-1]) for name, values in seen.items() if values.size}
