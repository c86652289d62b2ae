"""Activation distributions.

For every hidden unit, the distribution over the batch of the pre-activation that enters its nonlinearity: percentiles,
histogram, mean, variance, how far mean and variance moved in one step, and the share of the batch that saturates the
unit (Ioffe & Szegedy 2015, Sec. 4.1, Fig. 1b and 1c, shows the 15th, 50th and 85th percentile of one unit).
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bnviz.nonlinearities import NONLINEARITIES
from bnviz.probes import Snapshot
from bnviz.record import Measurement

BINS = 60
FIGURE = "Ioffe & Szegedy 2015, Fig. 1"
Array = npt.NDArray[np.float32]


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Dimensions of each quantity: `layer`, `unit`, and `quantile` or `bin`; a narrower layer is padded with NaN."""
    layers = [_by_unit(tensor) for tensor in snapshot.pre_activations]
    kind = NONLINEARITIES["identity" if snapshot.config.network == "deep_linear" else snapshot.config.activation]
    counts, quantiles, low, high, saturated = [], [], [], [], []
    for values in _side_by_side(layers):
        ordered = values.sort(dim=0).values
        quantiles.append(percentiles(ordered, snapshot.config.percentiles))
        low.append(ordered[0])
        high.append(ordered[-1])
        counts.append(histogram(values, ordered[0], ordered[-1]))
        share = ((values < kind.saturated_below) | (values > kind.saturated_above)).float().mean(dim=0)
        saturated.append(torch.where(torch.isnan(ordered[-1]), ordered[-1], share))  # unknown where a value is unknown
    widths = [values.shape[1] for values in layers]
    mean, variance = _moments(layers)
    mean_change, variance_change = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    if snapshot.previous is not None:
        mean_before, variance_before = _moments([_by_unit(tensor) for tensor in snapshot.previous])
        mean_change, variance_change = abs(mean - mean_before), abs(variance - variance_before)

    def unitwise(array: Array, name: str, units: str = "1") -> Measurement:
        return Measurement(array, ("layer", "unit"), name, units, FIGURE)

    of = "pre-activation"
    return {
        "percentile": Measurement(
            _by_layer(quantiles, widths), ("layer", "quantile", "unit"), f"percentile of {of}", "1", FIGURE
        ),
        "count": Measurement(
            _counts_by_layer(counts, widths), ("layer", "unit", "bin"), f"samples with {of} in bin", "1", FIGURE
        ),
        "low": unitwise(_by_layer(low, widths), f"smallest {of} (lower end of the histogram)"),
        "high": unitwise(_by_layer(high, widths), f"largest {of} (upper end of the histogram)"),
        "mean": unitwise(mean, f"mean of {of}"),
        "variance": unitwise(variance, f"variance of {of}"),
        "mean_change": unitwise(mean_change, f"change of the mean {of} in one step"),
        "variance_change": unitwise(variance_change, f"change of the variance of {of} in one step"),
        "saturated_share": unitwise(_by_layer(saturated, widths), "share of samples that saturate the unit"),
    }


def percentiles(ordered: Tensor, levels: Sequence[float]) -> Tensor:
    """Percentiles of each column, linearly interpolated as numpy.percentile does.

    `ordered` is (samples, units), sorted along the samples; the result (levels, units).
    """
    last = ordered.shape[0] - 1
    below = [math.floor(level / 100 * last) for level in levels]
    weight = torch.tensor([level / 100 * last for level in levels], dtype=torch.float64) - torch.tensor(below)
    lower = ordered[below]
    upper = ordered[[min(index + 1, last) for index in below]]
    return torch.lerp(lower, upper, weight.to(ordered).unsqueeze(1))


def histogram(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Counts in BINS equal bins between each unit's smallest and largest value: (samples, units) -> (units, BINS).

    A unit whose range is empty has all samples in its first bin; one whose range is not finite has none in any.
    """
    span = high - low
    usable = torch.isfinite(span)
    position = (values - low) * (BINS / torch.where(span > 0, span, torch.ones_like(span)))
    inside = torch.where(usable, position, torch.zeros_like(position)).long().clamp_(0, BINS - 1)
    units = values.shape[1]
    first_bin = torch.arange(0, units * BINS, BINS, device=values.device)
    counts = torch.bincount((inside + first_bin).flatten(), minlength=units * BINS).view(units, BINS)
    return counts * usable.unsqueeze(1)


def _by_unit(tensor: Tensor) -> Tensor:
    """(batch, units) as it is; (batch, maps, height, width) -> (batch * height * width, maps)."""
    return tensor if tensor.ndim == 2 else tensor.movedim(1, -1).flatten(0, -2)


def _side_by_side(layers: Sequence[Tensor]) -> list[Tensor]:
    """Neighbouring layers with as many samples in one tensor (samples, units of all): fewer, larger operations."""
    return [torch.cat(list(alike), dim=1) for _, alike in itertools.groupby(layers, key=len)]


def _moments(layers: Sequence[Tensor]) -> tuple[Array, Array]:
    """Mean and biased variance of each unit, each (layers, units)."""
    pairs = [torch.var_mean(values, dim=0, correction=0) for values in _side_by_side(layers)]
    widths = [values.shape[1] for values in layers]
    return _by_layer([mean for _, mean in pairs], widths), _by_layer([variance for variance, _ in pairs], widths)


def _by_layer(parts: Sequence[Tensor], widths: Sequence[int]) -> Array:
    """Results (..., units of all layers, in parts) as (layers, ..., units), padded with NaN to the widest layer."""
    together = torch.cat(list(parts), dim=-1).cpu().numpy()
    result = np.full((len(widths), *together.shape[:-1], max(widths)), np.nan, np.float32)
    for row, end, width in zip(result, itertools.accumulate(widths), widths, strict=True):
        row[..., :width] = together[..., end - width : end]
    return result


def _counts_by_layer(parts: Sequence[Tensor], widths: Sequence[int]) -> npt.NDArray[np.signedinteger]:
    """Counts (units of all layers, in parts, BINS) as (layers, units, BINS) in the smallest type that holds them."""
    together = torch.cat(list(parts)).cpu().numpy()
    largest = int(together.max())
    kind = np.int8 if largest <= 127 else np.int16 if largest <= 32767 else np.int32
    result = np.zeros((len(widths), max(widths), BINS), kind)
    for row, end, width in zip(result, itertools.accumulate(widths), widths, strict=True):
        row[:width] = together[end - width : end]
    return result
