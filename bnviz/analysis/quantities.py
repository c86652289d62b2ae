"""Quantities derived from a record's measurements, by the papers' definitions.

Probes store raw measurements. The ranges, ratios and maxima that figures and claims share are computed here. Functions
take a Record and return a DataArray over `probe_step`; they raise KeyError where the record lacks a measurement.
"""

import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import xarray as xr

from bnviz.core.record import Record

EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52, "bfloat16": 2.0**-7}
"""Distance from 1 to the next number, by the precision of a run."""

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")


def memoized_per_record(
    function: Callable[Concatenate[Record, Arguments], Value],
) -> Callable[Concatenate[Record, Arguments], Value]:
    """Decorator: compute once for each record, which never changes, and keep the result as long as the record."""
    cache: WeakKeyDictionary[Record, dict[Any, Value]] = WeakKeyDictionary()

    @wraps(function)
    def memoized(record: Record, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        results = cache.setdefault(record, {})
        key = (args, tuple(kwargs.items()))
        if key not in results:
            results[key] = function(record, *args, **kwargs)
        return results[key]

    return memoized


def score_quantity(record: Record) -> str:
    """Return the name of the test score: the accuracy, or the loss for regression."""
    return "test_accuracy" if "test_accuracy" in record.data else "test_loss"


def final_score(record: Record, quantity: str) -> float:
    """Return a score on all test samples if the run was scored at its end, otherwise the last value of its curve.

    Args:
        record: of the run.
        quantity: "test_accuracy" or "test_loss".

    Returns:
        NaN if there is neither.
    """
    final = record.final(f"final_{quantity}")
    return final if math.isfinite(final) else record.final(quantity)


@memoized_per_record
def loss_variation(record: Record) -> xr.DataArray:
    """Range of the loss over the step lengths: max - min (Santurkar et al. 2018, Fig. 4a). In nat."""
    loss = record.data["line_loss"]
    return _named(loss.max("alpha", skipna=False) - loss.min("alpha", skipna=False), "range of the loss", "nat")


@memoized_per_record
def relative_loss_variation(record: Record) -> xr.DataArray:
    """The range of the loss divided by the loss at the weights."""
    relative = loss_variation(record) / record.data["line_loss_here"]
    return _named(relative, "range of the loss / loss")


@memoized_per_record
def gradient_change(record: Record) -> xr.DataArray:
    """Largest change of the gradient over the step lengths, max |g(alpha) - g|: "gradient predictiveness" (Fig. 4b)."""
    return _named(record.data["line_gradient_change"].max("alpha", skipna=False), "max |g(α) − g|")


@memoized_per_record
def relative_gradient_change(record: Record) -> xr.DataArray:
    """The same divided by |g|, so that it does not shrink when weights in front of a normalisation grow."""
    return _named(gradient_change(record) / record.data["line_gradient_norm"], "max |g(α) − g| / |g|")


@memoized_per_record
def least_cosine(record: Record) -> xr.DataArray:
    """Smallest cosine between the gradient and that at any of the step lengths: 1 predicts perfectly, -1 misleads."""
    return _named(record.data["line_cosine"].min("alpha", skipna=False), "min cos(g(α), g)")


@memoized_per_record
def effective_smoothness(record: Record) -> xr.DataArray:
    """Effective beta: largest |g(alpha) - g| / |alpha d| (Fig. 4c). NaN where nothing moved."""
    distance = record.data["line_distance"]
    ratio = record.data["line_gradient_change"] / distance.where(distance > 0)
    return _named(ratio.max("alpha", skipna=False), "effective β")


@memoized_per_record
def rounding_of_gradient_change(record: Record) -> xr.DataArray:
    """Estimated share of rounding in |g(alpha) - g|, over (probe_step, alpha): eps |g| / |g(alpha) - g|, at most 1.

    Two nearly equal gradients are each rounded to about eps |g|, and so is their difference; eps belongs to the
    precision of the run. NaN where the gradient or the step is 0.
    """
    size = EPSILON[record.config.precision] * record.data["line_gradient_norm"]
    share = size / record.data["line_gradient_change"]
    defined = (record.data["line_gradient_norm"] > 0) & (record.data["line_alpha"] > 0)
    return _named(share.clip(max=1).where(defined), "share of rounding in |g(α) − g|")


@memoized_per_record
def lipschitz_estimate(record: Record) -> xr.DataArray:
    """Largest |L(alpha) - L| / |alpha d|: a lower bound of the L in |f(x1) - f(x2)| <= L |x1 - x2|, on this line."""
    distance = record.data["line_distance"]
    change = abs(record.data["line_loss"] - record.data["line_loss_here"])
    return _named((change / distance.where(distance > 0)).max("alpha", skipna=False), "Lipschitz estimate", "nat")


@memoized_per_record
def relative_shift(record: Record) -> xr.DataArray:
    """Internal covariate shift as a share of the gradient, |G - G'| / |G|, over (probe_step, weight_layer)."""
    before = record.data["shift_before"]
    return _named(record.data["shift_l2"] / before.where(before > 0), "|G − G'| / |G|")


@memoized_per_record
def largest_eigenvalue(record: Record) -> xr.DataArray:
    """Sharpness: the largest eigenvalue of the Hessian, at the steps at which it was measured."""
    return _named(record.data["sharpness"].isel(rank=0).dropna("probe_step"), "λ max")


def stability_limit(record: Record) -> float:
    """2 / learning_rate: the sharpness above which gradient descent on a quadratic diverges; NaN for other rules.

    Cohen et al. 2021. With momentum b it is (2 + 2 b) / learning_rate; for Adam there is no such number.
    """
    config = record.config
    if config.optimizer != "sgd" or config.learning_rate == 0:
        return float("nan")
    return (2 + 2 * config.momentum) / config.learning_rate


def median_over(values: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Return np.nanmedian, but faster and without a warning: NaN where all values are NaN."""
    ordered = np.sort(values, axis)  # NaN comes last
    count = np.count_nonzero(~np.isnan(values), axis, keepdims=True)
    middle = [np.take_along_axis(ordered, index, axis) for index in (np.maximum(count - 1, 0) // 2, count // 2)]
    below, above = (array.squeeze(axis) for array in middle)
    with np.errstate(invalid="ignore"):  # infinities of both signs
        return np.where(count.squeeze(axis) % 2, above, below / 2 + above / 2)


def mean_over(values: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Return np.nanmean without a warning: NaN where all values are NaN."""
    missing = np.isnan(values)
    with np.errstate(invalid="ignore", over="ignore"):
        total: npt.NDArray[Any] = np.where(missing, 0, values).sum(axis)
        return total / np.count_nonzero(~missing, axis).astype(total.dtype)


def growth_per_layer(record: Record, quantity: str = "pre_activation_gradient_norm") -> xr.DataArray:
    """Factor by which a norm grows per layer towards the input, geometric mean over depth.

    The first and the last layer are left out: they border on the data and on the loss, not on hidden layers.
    """
    norms = record.data[quantity].isel(layer=slice(1, -1))
    steps = max(norms.sizes["layer"] - 1, 1)
    return _named((norms.isel(layer=0) / norms.isel(layer=-1)) ** (1 / steps), "growth per layer")


def _named(array: xr.DataArray, long_name: str, units: str = "1") -> xr.DataArray:
    return array.assign_attrs(long_name=long_name, units=units)


ShiftQuantity = Literal["l2", "relative", "cosine"]


def layer_shift(record: Record, quantity: ShiftQuantity, layer: int) -> xr.DataArray:
    """Internal covariate shift of one layer over the measured steps.

    Raises:
        KeyError: it was not measured, or is undefined, as in layer 1.
    """
    values = shift(record, quantity)
    if not 2 <= layer <= values.sizes["weight_layer"]:
        raise KeyError(f"layer {layer}")
    return values.isel(weight_layer=layer - 1)


def shift(record: Record, quantity: ShiftQuantity) -> xr.DataArray:
    """Internal covariate shift of every layer, (probe_step, weight_layer); NaN in layer 1."""
    values = relative_shift(record) if quantity == "relative" else record.data[f"shift_{quantity}"]
    number = xr.DataArray(np.arange(1, values.sizes["weight_layer"] + 1), dims="weight_layer")
    return values.where(number > 1).transpose("probe_step", "weight_layer")


def direction(records: Mapping[str, Record]) -> str:
    """Name the direction of the line that was measured."""
    random = any(record.config.option("line_along") == "random" for record in records.values())
    return "a random direction" if random else "the gradient"


def loss_units(records: Mapping[str, Record]) -> str:
    """Return the unit of the training loss: nat, except for regression."""
    attributes = [record.data["test_loss"].attrs for record in records.values() if "test_loss" in record.data]
    return next((str(entry["units"]) for entry in attributes if "units" in entry), "nat")
