"""Activation distributions.

For every hidden unit, the distribution over the batch of the pre-activation that enters its nonlinearity: percentiles
(those that the run names, and the median), histogram, mean, variance, how far mean and variance moved in one step, and
the share of the batch that saturates the unit (Ioffe & Szegedy 2015, Sec. 4.1, Fig. 1b and 1c, shows the 15th, 50th and
85th percentile of one unit).
"""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from bnviz.core.nonlinearities import applied_nonlinearity
from bnviz.core.record import Measurement
from bnviz.probes import Snapshot

BINS = 60
FIGURE = "Ioffe & Szegedy 2015, Fig. 1"
Array = npt.NDArray[np.float32]
Counts = npt.NDArray[np.signedinteger]


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Dimensions of each quantity: `layer`, `unit`, and `quantile` or `bin`; a narrower layer is padded with NaN."""
    layers = [by_unit(tensor) for tensor in snapshot.pre_activations]
    nonlinearity = applied_nonlinearity(snapshot.config.network, snapshot.config.activation)
    quantiles, low, high, counts, saturated = [], [], [], [], []
    for values in _stacked(layers):
        ordered = np.sort(values, axis=1)  # NumPy sorts many short rows much faster than torch does
        quantiles.append(percentiles(ordered, snapshot.config.recorded_percentiles))
        low.append(ordered[:, 0])
        high.append(ordered[:, -1])
        counts.append(histogram(values, ordered[:, 0], ordered[:, -1]))
        share = ((values < nonlinearity.saturated_below) | (values > nonlinearity.saturated_above)).mean(axis=1)
        saturated.append(np.where(np.isnan(ordered[:, -1]), np.nan, share))  # unknown where a value is unknown
    widths = [len(values) for values in layers]
    mean, variance = _moments(layers)
    mean_change, variance_change = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    if snapshot.previous is not None:
        mean_before, variance_before = _moments([by_unit(tensor) for tensor in snapshot.previous])
        with np.errstate(invalid="ignore"):  # infinite before and after, in a run that diverges
            mean_change, variance_change = abs(mean - mean_before), abs(variance - variance_before)

    def unitwise(array: Array, name: str) -> Measurement:
        return Measurement(array, ("layer", "unit"), name, "1", FIGURE)

    subject = "pre-activation"
    return {
        "percentile": Measurement(
            _by_layer(quantiles, widths), ("layer", "quantile", "unit"), f"percentile of {subject}", "1", FIGURE
        ),
        "count": Measurement(
            _counts_by_layer(counts, widths), ("layer", "unit", "bin"), f"samples with {subject} in bin", "1", FIGURE
        ),
        "low": unitwise(_by_layer(low, widths), f"smallest {subject} (lower end of the histogram)"),
        "high": unitwise(_by_layer(high, widths), f"largest {subject} (upper end of the histogram)"),
        "mean": unitwise(mean, f"mean of {subject}"),
        "variance": unitwise(variance, f"variance of {subject}"),
        "mean_change": unitwise(mean_change, f"change of the mean {subject} in one step"),
        "variance_change": unitwise(variance_change, f"change of the variance of {subject} in one step"),
        "saturated_share": unitwise(_by_layer(saturated, widths), "share of samples that saturate the unit"),
    }


def by_unit(tensor: Tensor) -> Array:
    """(batch, units) -> (units, batch); (batch, maps, height, width) -> (maps, batch * height * width)."""
    units_first = tensor.movedim(1, 0).flatten(1) if tensor.ndim > 2 else tensor.T
    return np.ascontiguousarray(units_first.cpu().numpy())


def percentiles(ordered: Array, levels: Sequence[float]) -> Array:
    """Percentiles of each unit, linearly interpolated as numpy.percentile does; NaN where a sample is NaN.

    `ordered` is (units, samples), sorted along the samples; the result (levels, units).
    """
    last = ordered.shape[1] - 1
    position = np.array(levels) / 100 * last
    below = position.astype(int)
    lower, upper = ordered[:, below], ordered[:, np.minimum(below + 1, last)]
    with np.errstate(invalid="ignore"):  # a run that diverges has infinite samples
        between = lower + (upper - lower) * (position - below).astype(ordered.dtype)
    return np.where(np.isnan(ordered[:, -1]), np.nan, between.T)


def histogram(values: Array, low: Array, high: Array) -> Counts:
    """Counts in BINS equal bins between each unit's smallest and largest value: (units, samples) -> (units, BINS).

    A unit whose range is empty has all samples in its first bin; one whose range is not finite has none in any.
    """
    units = len(values)
    with np.errstate(invalid="ignore", over="ignore"):
        span = high - low
        usable = np.isfinite(span)
        scale = BINS / np.where(usable & (span > 0), span, 1)
        position = np.where(usable[:, None], (values - low[:, None]) * scale[:, None], 0)
    index = np.minimum(position.astype(np.int64), BINS - 1) + np.arange(0, units * BINS, BINS)[:, None]
    counts = np.bincount(index.ravel(), minlength=units * BINS).reshape(units, BINS)
    return counts * usable[:, None]


def _stacked(layers: Sequence[Array]) -> list[Array]:
    """Neighbouring layers with as many samples in one array (units of all, samples): fewer, larger operations."""
    return [np.concatenate(list(alike)) for _, alike in itertools.groupby(layers, key=lambda layer: layer.shape[1])]


def _moments(layers: Sequence[Array]) -> tuple[Array, Array]:
    """Mean and biased variance of each unit, each (layers, units)."""
    widths = [len(values) for values in layers]
    with np.errstate(invalid="ignore", over="ignore"):
        pairs = [(values.mean(axis=1), values.var(axis=1)) for values in _stacked(layers)]
    return _by_layer([mean for mean, _ in pairs], widths), _by_layer([variance for _, variance in pairs], widths)


def _by_layer(parts: Sequence[Array], widths: Sequence[int]) -> Array:
    """Results (..., units of all layers, in parts) as (layers, ..., units), padded with NaN to the widest layer."""
    together = np.concatenate(parts, axis=-1)
    result = np.full((len(widths), *together.shape[:-1], max(widths)), np.nan, np.float32)
    for row, end, width in zip(result, itertools.accumulate(widths), widths, strict=True):
        row[..., :width] = together[..., end - width : end]
    return result


def _counts_by_layer(parts: Sequence[Counts], widths: Sequence[int]) -> Counts:
    """Counts (units of all layers, in parts, BINS) as (layers, units, BINS) in the smallest type that holds them."""
    together = np.concatenate(parts)
    largest = int(together.max())
    kind = np.int8 if largest <= 127 else np.int16 if largest <= 32767 else np.int32
    result = np.zeros((len(widths), max(widths), BINS), kind)
    for row, end, width in zip(result, itertools.accumulate(widths), widths, strict=True):
        row[:width] = together[end - width : end]
    return result
