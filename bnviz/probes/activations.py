"""Activation distributions.

For every hidden unit, the distribution over the batch of the pre-activation that enters its nonlinearity: percentiles,
histogram, mean, variance, how far mean and variance moved in one step, and the share of the batch that saturates the
unit (Ioffe & Szegedy 2015, Sec. 4.1, Fig. 1b and 1c, shows the 15th, 50th and 85th percentile of one unit).
"""

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
    mean, variance = _moments(layers)
    if snapshot.previous is None:
        mean_change, variance_change = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    else:
        mean_before, variance_before = _moments([_by_unit(tensor) for tensor in snapshot.previous])
        mean_change, variance_change = abs(mean - mean_before), abs(variance - variance_before)

    quantiles, low, high, counts, saturated = [], [], [], [], []
    kind = NONLINEARITIES["identity" if snapshot.config.network == "deep_linear" else snapshot.config.activation]
    for values in layers:
        ordered = values.sort(dim=0).values
        quantiles.append(percentiles(ordered, snapshot.config.percentiles))
        low.append(ordered[0])
        high.append(ordered[-1])
        counts.append(histogram(values, ordered[0], ordered[-1]))
        saturated.append(((values < kind.saturated_below) | (values > kind.saturated_above)).float().mean(dim=0))

    def unitwise(array: Array, name: str, units: str = "1") -> Measurement:
        return Measurement(array, ("layer", "unit"), name, units, FIGURE)

    of = "pre-activation"
    return {
        "percentile": Measurement(_pad(quantiles), ("layer", "quantile", "unit"), f"percentile of {of}", "1", FIGURE),
        "count": Measurement(_pad_counts(counts), ("layer", "unit", "bin"), f"samples with {of} in bin", "1", FIGURE),
        "low": unitwise(_pad(low), f"smallest {of} (lower end of the histogram)"),
        "high": unitwise(_pad(high), f"largest {of} (upper end of the histogram)"),
        "mean": unitwise(mean, f"mean of {of}"),
        "variance": unitwise(variance, f"variance of {of}"),
        "mean_change": unitwise(mean_change, f"change of the mean {of} in one step"),
        "variance_change": unitwise(variance_change, f"change of the variance of {of} in one step"),
        "saturated_share": unitwise(_pad(saturated), "share of samples that saturate the unit"),
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
    position = (values - low) / torch.where(span > 0, span, torch.ones_like(span)) * BINS
    index = torch.where(usable, position, torch.zeros_like(position)).long().clamp_(0, BINS - 1)
    counts = torch.zeros(values.shape[1], BINS, device=values.device)
    counts.scatter_add_(1, index.T, usable.to(counts).unsqueeze(1).expand(-1, values.shape[0]))
    return counts


def _by_unit(tensor: Tensor) -> Tensor:
    """(batch, units) as it is; (batch, maps, height, width) -> (batch * height * width, maps)."""
    return tensor if tensor.ndim == 2 else tensor.movedim(1, -1).flatten(0, -2)


def _moments(layers: Sequence[Tensor]) -> tuple[Array, Array]:
    """Mean and biased variance of each unit, each (layers, units)."""
    pairs = [torch.var_mean(values, dim=0, correction=0) for values in layers]
    return _pad([mean for _, mean in pairs]), _pad([variance for variance, _ in pairs])


def _pad(rows: Sequence[Tensor]) -> Array:
    """Stack the layers' results (..., units), each filled up with NaN to the widest layer."""
    widest = max(row.shape[-1] for row in rows)
    stacked = torch.full((len(rows), *rows[0].shape[:-1], widest), math.nan)
    for place, row in zip(stacked, rows, strict=True):
        place[..., : row.shape[-1]] = row
    return stacked.numpy()


def _pad_counts(rows: Sequence[Tensor]) -> npt.NDArray[np.signedinteger]:
    """Stack the layers' counts (units, BINS) in the smallest integer type that holds them; missing units count 0."""
    widest = max(row.shape[0] for row in rows)
    stacked = np.zeros((len(rows), widest, BINS), np.int32)
    for place, row in zip(stacked, rows, strict=True):
        place[: row.shape[0]] = row.cpu().numpy()
    largest = int(stacked.max())
    return stacked.astype(np.int8 if largest <= 127 else np.int16 if largest <= 32767 else np.int32)
