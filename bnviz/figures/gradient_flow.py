"""Gradient flow: how signals and gradients grow or fade with depth (Yang et al. 2019, Sec. 3)."""

from collections.abc import Mapping

import numpy as np

from bnviz.analysis.series import finite
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.cursor import add_layer_lines
from bnviz.figures.style import alt_text, log_axis, new_chart


def gradients(records: Mapping[str, Record]) -> Chart:
    """Norm of the loss's gradient at the pre-activations of each layer, at the step of the cursor."""
    return _by_layer(records, "pre_activation_gradient_norm", "Gradient by layer", "norm of the gradient")


def signals(records: Mapping[str, Record]) -> Chart:
    """Norm of the pre-activations of each layer over the whole mini-batch, at the step of the cursor."""
    return _by_layer(records, "pre_activation_norm", "Signal by layer", "norm of the pre-activations")


def weight_gradients(records: Mapping[str, Record]) -> Chart:
    """Norm of the loss's gradient with respect to each layer's weights, at the step of the cursor."""
    return _by_layer(records, "weight_gradient_norm", "Gradient of the weights by layer", "norm of the gradient")


def _by_layer(records: Mapping[str, Record], quantity: str, title: str, y: str) -> Chart:
    tables = {}
    for name, record in records.items():
        values = record.data[quantity].values if quantity in record.data else np.empty((0, 1), np.float32)
        tables[name] = np.where(np.isfinite(values) & (values > 0), values, np.nan)  # a logarithmic axis has no 0
    parts = []
    for name, values in tables.items():
        if np.isfinite(values).any():
            place = np.flatnonzero(np.isfinite(values).any(axis=1))[-1]
            ends = [two_digits(float(value)) for value in finite(values[place])[[0, -1]]]
            step = records[name].values("probe_step")[place]
            parts.append(f"{name} has {ends[0]} next to the input and {ends[1]} next to the output at update {step}")
    chart = new_chart(title, alt_text(f"{y.capitalize()} against layer at the step of the cursor", parts), "layer", y)
    add_layer_lines(chart, records, tables)
    deepest = max(values.shape[1] for values in tables.values())
    chart.layout.xaxis.set(range=(0.5, deepest + 0.5), dtick=max(1, deepest // 8), tick0=1)
    log_axis(chart, values=np.concatenate([values.ravel() for values in tables.values()]))
    return chart
