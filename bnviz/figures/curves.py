"""Learning curves: test accuracy and loss of every arm over the updates (Ioffe & Szegedy 2015, Fig. 1a)."""

from collections.abc import Mapping

from bnviz.analysis.captions.learning import samples_in_test_set
from bnviz.analysis.series import Quantity, Repeats, finite
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import add_arm_lines
from bnviz.figures.style import alt_text, log_axis, most_steps, new_chart, styles


def accuracy(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Test accuracy, one line per arm."""
    ends = [f"{name} ends at {percent(last)}" for name, last in _last_values(records, "test_accuracy").items()]
    chart = new_chart(
        "Test accuracy",
        alt_text(f"Test accuracy{_sample_note(records)} over updates", ends),
        "updates",
        f"test accuracy{_sample_note(records)}",
        most_steps(records),
    )
    add_arm_lines(chart, records, _curve("test_accuracy"), "%{y:.1%}", repeats)
    chart.layout.yaxis.set(tickformat=".0%", range=[0, 1.02])
    return chart


def loss(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Loss on the test samples on a log axis; with a single seed also the mini-batch's loss, as a thin line."""
    kind, units = _loss_name(records)
    ends = [f"{name} ends at {two_digits(last)}" for name, last in _last_values(records, "test_loss").items()]
    chart = new_chart(
        "Loss",
        alt_text(f"{kind}{_sample_note(records)} over updates", ends),
        "updates",
        f"{kind.lower()} ({units}){_sample_note(records)}",
        most_steps(records),
    )
    for name, record in records.items():
        if "train_loss" in record.data and len((repeats or {}).get(name, ())) < 2:
            style = styles(records)[name]
            chart.add(
                "scatter",
                x=record.values("step"),
                y=record.values("train_loss"),
                name=f"{name}, mini-batch",
                mode="lines",
                line={"color": style.faded(0.55), "width": 1},
                hovertemplate=f"{name}, mini-batch<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )
    add_arm_lines(chart, records, _curve("test_loss"), "%{y:.3g}", repeats, log=True)
    log_axis(chart)
    return chart


def _loss_name(records: Mapping[str, Record]) -> tuple[str, str]:
    """Name and unit of the loss: cross-entropy unless the records say otherwise."""
    for record in records.values():
        if "test_loss" in record.data:
            attributes = record.data["test_loss"].attrs
            return attributes["long_name"].removesuffix(" on test samples").capitalize(), attributes["units"]
    return "Cross-entropy", "nat"


def _sample_note(records: Mapping[str, Record]) -> str:
    """The number of test samples behind a curve; empty if it is all of them."""
    partial = [
        record.config for record in records.values() if record.config.test_samples < samples_in_test_set(record.config)
    ]
    return f", first {partial[0].test_samples} of {samples_in_test_set(partial[0])} samples" if partial else ""


def _curve(quantity: str) -> Quantity:
    return lambda record: record.data[quantity]


def _last_values(records: Mapping[str, Record], quantity: str) -> dict[str, float]:
    """The last finite value of each arm that has one."""
    values_by_arm = {
        name: finite(record.data[quantity].values) for name, record in records.items() if quantity in record.data
    }
    return {name: float(values[-1]) for name, values in values_by_arm.items() if values.size}
