"""Self-tests of the probes: known answers, and no effect on the run.

Each function trains real networks, or measures the loss along a real network's weights. It returns the residual and a
description of the cases. The number at the start of a docstring is the test's number in `science.SELF_TESTS`.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bnviz import networks
from bnviz.analysis import quantities
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.landscape.line import along
from bnviz.landscape.objective import Objective, squared_error
from bnviz.torch_support.rng import rng_states_of, stream
from bnviz.training import train

SMALL: dict[str, Any] = {"widths": (20, 20), "init": "xavier", "steps": 4, "probe_points": 5, "device": "cpu"}
NORMAL_WIDTH = 2 * 1.0364333895
"""Distance from the 15th to the 85th percentile of N(0, 1)."""
GROWTH = 1.20
"""Gradient growth per layer; Yang et al. 2019, Sec. 3: sqrt(pi / (pi - 1)) = 1.21 at infinite width and depth."""
ON_FIXED_BATCH = ("activations", "landscape_line", "sharpness")


def run(**settings: Any) -> tuple[Record, nn.Module]:
    """Train a small run, on digits unless `settings` say otherwise; return its record and the trained network."""
    config = RunConfig(**SMALL | settings)
    constants = registry.describe("datasets", config.dataset).constants
    network = networks.build(config, constants["INPUT_SHAPE"], constants["CLASSES"], torch.device("cpu"))
    return Record.from_frames(config, train(config, network)), network


def purity() -> tuple[float, str]:
    """4: number of tensors that differ, even by a bit, between runs with every probe and without probes."""
    different = compared = 0
    for norm in registry.names("norms"):
        for optimizer in ("sgd", "adam"):
            settings = {"norm": norm, "optimizer": optimizer, "widths": (6, 5), "plane_points": 3, "probe_samples": 60}
            without = _final_state(probes=(), **settings)
            for probe_data in ("batch", "fixed"):
                probed = _final_state(probes=tuple(registry.names("probes")), probe_data=probe_data, **settings)
                compared += len(without)
                different += sum(
                    not torch.equal(value, reference) for value, reference in zip(without, probed, strict=True)
                )
    return different, f"{compared} parameters, buffers and random streams; every norm, every probe, SGD and Adam"


def _final_state(**settings: Any) -> list[Tensor]:
    record, network = run(**settings)
    losses = torch.tensor(record.data["train_loss"].values)
    return [losses, *network.state_dict().values(), *(state for _, state in rng_states_of(network))]


def no_shift() -> tuple[float, str]:
    """5: largest shift and 1 - cosine of layer 1, and of all layers at learning rate 0."""
    worst = 0.0
    for norm in registry.names("norms"):
        settings = {"norm": norm, "precision": "float64", "probes": ("covariate_shift",)}
        first = run(**settings)[0].data.isel(weight_layer=[0])
        still = run(**settings, learning_rate=0.0)[0].data
        for data in (first, still):
            relative = data["shift_l2"] / data["shift_before"]
            worst = max(
                worst, float(relative.max(skipna=False)), float(abs(1 - data["shift_cosine"]).max(skipna=False))
            )
    return worst, "layer 1, and all layers at learning rate 0; every norm"


def quadratic() -> tuple[float, str]:
    """6: effective smoothness and loss of mean |w x|^2 along each eigenvector of its Hessian, against closed forms."""
    inputs = torch.randn(50, 4, generator=stream(0, "data"), dtype=torch.float64)
    lengths = np.array([1e-3, 0.1, 0.5, 1.5])
    worst = 0.0
    eigenvalues, vectors = torch.linalg.eigh(2 * inputs.T @ inputs / len(inputs))
    for eigenvalue, vector in zip(eigenvalues, vectors.T, strict=True):
        network = nn.Linear(4, 1, bias=False).double()
        with torch.no_grad():
            network.weight.copy_(vector)
        objective = Objective.of(network, inputs, torch.zeros(50, 1, dtype=torch.float64), squared_error)
        downhill = along(objective, None, lengths)
        smoothness = downhill.gradient_change / downhill.distance / float(eigenvalue)
        towards_zero = along(objective, [network.weight.detach().clone()], lengths)
        expected = (1 - lengths) ** 2 * towards_zero.loss_here
        deviation = abs(towards_zero.loss - expected) / towards_zero.loss_here
        worst = max(worst, float(abs(smoothness - 1).max()), float(deviation.max()))
    return worst, "linear network of one unit, four eigenvectors, float64"


def percentile_width() -> tuple[float, str]:
    """7: percentile width of batch norm's output at the start, for Gaussian inputs, against NORMAL_WIDTH."""
    settings = {"dataset": "linear_map", "norm": "batch", "widths": (100,), "probe_data": "fixed"}
    percentile = run(**settings, probe_samples=1000)[0].data["percentile"].isel(probe_step=0)
    width = float((percentile.sel(quantile=85.0) - percentile.sel(quantile=15.0)).mean())
    return abs(width - NORMAL_WIDTH), f"{width:.3f}, mean of 100 units on 1000 samples"


def constancy() -> tuple[float, str]:
    """10: largest change over the steps of any measurement on a fixed batch, at learning rate 0."""
    settings = {"probes": ON_FIXED_BATCH, "probe_data": "fixed", "line_in": "absolute", "sharpness_points": 500}
    data = run(norm="batch", learning_rate=0.0, **settings)[0].data
    worst, measured = 0.0, [name for name in data if "probe_step" in data[name].dims]
    for name in measured:
        values = data[name].astype(float)  # NaN at the first step, which has no step before
        worst = max(worst, float((values.max("probe_step") - values.min("probe_step")).max(skipna=False)))
    return worst, f"{len(measured)} quantities of {', '.join(ON_FIXED_BATCH)}"


def growth() -> tuple[float, str]:
    """12: growth of the gradient per layer towards the input, with batch norm and ReLU, before training."""
    settings = {"norm": "batch", "activation": "relu", "widths": (256,) * 40, "batch_size": 128, "steps": 1}
    record, _ = run(**settings, probes=("gradient_flow",))
    factor = float(quantities.growth_per_layer(record).isel(probe_step=0))
    return abs(factor - GROWTH), f"{factor:.3f}, 40 layers of 256 units"
