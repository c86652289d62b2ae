"""Self-tests of batch norm and its noise against Ioffe & Szegedy 2015 and Santurkar et al. 2018.

Each function measures real networks with the modules and the probe that runs use. It returns the residual and a
description of the cases. Reference formulas are written out here, or belong to the theorem probe. The number at the
start of a docstring is the test's number in `science.SELF_TESTS`.
"""

import copy
from typing import Any

import torch
import xarray as xr
from torch import Tensor, nn

from bnviz import datasets, networks, norms
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.doctor.probe_checks import run
from bnviz.landscape.objective import Objective
from bnviz.torch_support.rng import stream
from bnviz.training.mini_batches import batch_order

CPU = torch.device("cpu")
TINY_EPS = 1e-30
"""Weights in front of batch norm are exactly scale-invariant only without eps, but torch refuses 0."""
NOISY = (10, 40_000)
"""Samples and units; 4.5 standard errors of the mean of U(-.5, .5) are then .0065."""


def theorem_41() -> tuple[float, str]:
    """1: residual of Theorem 4.1, |dL/dy|^2 = (gamma/s)^2 (...), with eps."""
    return _theorem("theorem_41_residual")


def theorem_42() -> tuple[float, str]:
    """2: residual of Theorem 4.2, v' (d2L/dy dy) v = (gamma/s)^2 v' H v - ..., with eps."""
    return _theorem("theorem_42_residual")


def _theorem(name: str) -> tuple[float, str]:
    by_norm = [_theorem_data(norm)[name] for norm in ("none", "batch", "noisy_batch")]
    units = sum(int(values.notnull().sum()) for values in by_norm)
    return float(
        max(values.max() for values in by_norm)
    ), f"{units} values, after batch norm or an inserted one, float64"


def _theorem_data(norm: str, **settings: Any) -> xr.Dataset:
    return run(norm=norm, steps=20, learning_rate=0.5, probe_points=4, probes=("theorem",), **settings)[0].data


def matched() -> tuple[float, str]:
    """11: change of the loss by batch norm with gamma = s and beta = mu, and the excess of |Pg| / |g| over 1."""
    data = _theorem_data("none", activation="relu", init="he")
    ratio = data["theorem_ratio"]
    low, high = float(ratio.min()), float(ratio.max())
    change = float(data["theorem_matched_loss_change"].max(skipna=False))
    return max(change, high - 1), f"|Pg| / |g| from {low:.3f} to {high:.3f}"


def scale_invariance() -> tuple[float, str]:
    """3: residuals of <w, g> = 0 and g(a w) = g(w) / a for every weight matrix in front of batch norm."""
    config = RunConfig(norm="batch", widths=(20, 20), init="xavier", norm_eps=TINY_EPS)
    network = networks.build(config, (1, 8, 8), 10, CPU).double()
    data, factor = datasets.load("digits", 0).train, 3.0
    inputs, labels = torch.tensor(data.inputs[:100]).double(), torch.tensor(data.labels[:100])
    objective = Objective.of(network, inputs, labels, nn.functional.cross_entropy)
    hidden = [index for index, (name, _) in enumerate(network.named_parameters()) if ".weights." in name]
    before = [objective.gradient()[1][index] for index in hidden]
    weights = [objective.parameters[index].detach() for index in hidden]
    residuals = [torch.sum(w * g).abs() / (w.norm() * g.norm()) for w, g in zip(weights, before, strict=True)]
    for weight in weights:
        weight.mul_(factor)
    after = [objective.gradient()[1][index] for index in hidden]
    residuals += [(factor * new - old).norm() / old.norm() for new, old in zip(after, before, strict=True)]
    return float(max(residuals)), f"{len(hidden)} weight matrices, a = {factor:g}, float64"


def running_variance() -> tuple[float, str]:
    """8: running variance against the recursion of Algorithm 2, over the batches of a run at learning rate 0."""
    record, network = run(norm="batch", learning_rate=0.0, steps=20, precision="float64", probes=())
    twin = copy.deepcopy(network)
    blocks = [(twin.get_submodule(name), network.get_submodule(name)) for name in ("hidden1", "hidden2")]
    variances = [torch.ones(20, dtype=torch.float64) for _ in blocks]
    inputs = torch.tensor(datasets.load("digits", 0).train.inputs).double().flatten(1)
    *updated, _ = batch_order(len(inputs), record.config, CPU)  # the last batch is measured, not trained on
    for index in updated:
        values = inputs[index]
        for number, (block, _) in enumerate(blocks):
            entering = block.get_submodule("weights")(values).detach()
            m = len(entering)
            variances[number] = 0.9 * variances[number] + 0.1 * m / (m - 1) * entering.var(dim=0, correction=0)
            values = block.get_submodule("nonlinearity")(block.get_submodule("norm")(entering))
    buffers = [block.get_buffer("norm.running_var") for _, block in blocks]
    deviation = max(float((buffer - expected).abs().max()) for buffer, expected in zip(buffers, variances, strict=True))
    return deviation, "two layers of 20 units after 20 batches of 60, float64"


def noise() -> tuple[float, str]:
    """9: mean shift and scale of the noise, from outputs for inputs 0 and 1.

    The residual is infinite if the noise is not drawn anew at each step, or is not off in inference.
    """
    samples, units = NOISY
    zeros = torch.zeros(samples, units, dtype=torch.float64)

    def output_of(value: float) -> tuple[nn.Module, Tensor]:
        norm = norms.build(norms.Slot(RunConfig(norm="noisy_batch"), units, 0, stream(0, "noise"))).double()
        nn.init.constant_(norm.get_parameter("norm.bias"), value)
        return norm, norm(zeros).detach()

    norm, shift = output_of(0.0)
    scale = output_of(1.0)[1] - shift
    is_fresh = not torch.equal(norm(zeros), shift)
    is_off = torch.equal(norm.eval()(zeros), zeros)
    mean, factor = float(shift.mean()), float(scale.mean())
    residual = max(abs(mean), abs(factor - 1.125)) if is_fresh and is_off else float("inf")
    detail = f"{'fresh' if is_fresh else 'the same'} at each step, {'off' if is_off else 'on'} in inference"
    return residual, f"E[m] = {mean:.4f}, E[s] = {factor:.4f}; {detail}"


def plain_batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float, upstream: Tensor) -> tuple[Tensor, ...]:
    """Algorithm 1 and its backward pass (Ioffe & Szegedy 2015, Sec. 3).

    Args:
        x: inputs, (m, units).
        gamma: scale, (units,).
        beta: shift, (units,).
        eps: added to the variance.
        upstream: dL/dy, (m, units).

    Returns:
        y and dL/dx, (m, units) each, then dL/dgamma and dL/dbeta, (units,) each.
    """
    m = len(x)
    mu = x.sum(dim=0) / m
    variance = ((x - mu) ** 2).sum(dim=0) / m
    s = (variance + eps) ** 0.5
    normalised = (x - mu) / s
    to_normalised = upstream * gamma
    to_variance = (to_normalised * (x - mu)).sum(dim=0) * -0.5 / s**3
    to_mu = -to_normalised.sum(dim=0) / s
    to_x = to_normalised / s + to_variance * 2 * (x - mu) / m + to_mu / m
    return gamma * normalised + beta, to_x, (upstream * normalised).sum(dim=0), upstream.sum(dim=0)


def by_hand() -> tuple[float, str]:
    """13: `plain_batch_norm` against the module that networks are built with, forward and backward."""
    worst = 0.0
    for shape in ((32, 5), (8, 5, 4, 3)):
        slot = norms.Slot(RunConfig(norm="batch"), 5, len(shape) - 2, stream(0, "noise"))
        norm = norms.build(slot).double()
        x, upstream = (torch.randn(shape, generator=stream(0, name), dtype=torch.float64) for name in ("x", "upstream"))
        x = (2 * x + 3).requires_grad_()
        gamma, beta = norm.get_parameter("weight"), norm.get_parameter("bias")
        for number, parameter in enumerate((gamma, beta)):
            nn.init.normal_(parameter, generator=stream(number, "parameter"))
        y = norm(x)
        computed = [y, *torch.autograd.grad((y * upstream).sum(), [x, gamma, beta])]
        rows = [_rows(tensor).detach() for tensor in (x, upstream)]
        expected = plain_batch_norm(rows[0], gamma.detach(), beta.detach(), slot.config.norm_eps, rows[1])
        deviations = [
            (_rows(value.detach()) - reference).abs().max() for value, reference in zip(computed, expected, strict=True)
        ]
        worst = max(worst, float(max(deviations)))
    others = [name for name in ("layer", "group") if name in registry.names("norms")]
    rest = f"not compared: {', '.join(others)}" if others else "layer and group norm are not on offer"
    return worst, f"BatchNorm1d and BatchNorm2d, forward and backward, float64; {rest}"


def _rows(tensor: Tensor) -> Tensor:
    """(m, units), one column per unit or feature map; (units,) stays as it is."""
    return tensor.movedim(1, -1).flatten(0, -2) if tensor.ndim > 2 else tensor
