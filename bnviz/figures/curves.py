"""Learning curves: test accuracy and loss of every arm over the updates (Ioffe & Szegedy 2015, Fig. 1a)."""

from collections.abc import Mapping

from bnviz.analysis.captions.shared import size_of_test_set
from bnviz.analysis.series import Quantity, Repeats, finite
from bnviz.core.number_format import percent, two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.seed_bands import lines
from bnviz.figures.style import figure, log_axis, most_steps, styles, told


def accuracy(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Share of test images classified correctly, one line an arm."""
    ends = [f"{name} ends at {percent(last)}" for name, last in _last(records, "test_accuracy").items()]
    drawn = figure(
        "Test accuracy",
        told(f"Test accuracy{_of_which(records)} over updates", ends),
        "updates",
        f"test accuracy{_of_which(records)}",
        most_steps(records),
    )
    lines(drawn, records, _curve("test_accuracy"), "%{y:.1%}", repeats)
    drawn.layout.yaxis.set(tickformat=".0%", range=[0, 1.02])
    return drawn


def loss(records: Mapping[str, Record], repeats: Repeats | None = None) -> Chart:
    """Loss on the test samples, on a log axis; of a single seed, the mini-batch's own loss as a thin line, too."""
    kind, units = _kind(records)
    ends = [f"{name} ends at {two_digits(last)}" for name, last in _last(records, "test_loss").items()]
    drawn = figure(
        "Loss",
        told(f"{kind}{_of_which(records)} over updates", ends),
        "updates",
        f"{kind.lower()} ({units}){_of_which(records)}",
        most_steps(records),
    )
    for name, record in records.items():
        if "train_loss" in record.data and len((repeats or {}).get(name, ())) < 2:
            style = styles(records)[name]
            drawn.add(
                "scatter",
                x=record.values("step"),
                y=record.values("train_loss"),
                name=f"{name}, mini-batch",
                mode="lines",
                line={"color": style.faded(0.55), "width": 1},
                hovertemplate=f"{name}, mini-batch<br>update %{{x}}: %{{y:.3g}}<extra></extra>",
            )
    lines(drawn, records, _curve("test_loss"), "%{y:.3g}", repeats, log=True)
    log_axis(drawn)
    return drawn


def _kind(records: Mapping[str, Record]) -> tuple[str, str]:
    """Which loss it is, and its unit: cross-entropy unless the records say otherwise."""
    for record in records.values():
        if "test_loss" in record.data:
            attributes = record.data["test_loss"].attrs
            return attributes["long_name"].removesuffix(" on test samples").capitalize(), attributes["units"]
    return "Cross-entropy", "nat"


def _of_which(records: Mapping[str, Record]) -> str:
    """How many test samples a curve is of, where it is not all of them."""
    few = [one.config for one in records.values() if one.config.test_samples < size_of_test_set(one.config)]
    return f", first {few[0].test_samples} of {size_of_test_set(few[0])} samples" if few else ""


def _curve(quantity: str) -> Quantity:
    return lambda record: record.data[quantity]


def _last(records: Mapping[str, Record], quantity: str) -> dict[str, float]:
    """The last finite value in each arm that has one."""
    seen = {name: finite(record.data[quantity].values) for name, record in records.items() if quantity in record.data}
    return {name: float(values[-1]) for name, values in seen.items() if values.size}
