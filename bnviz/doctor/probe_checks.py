"""Self-tests of the instruments: what probes must say where the answer is known, and that they leave no trace.

Every function makes real runs, or looks along a real network's weights, and returns a residual with what was looked at.
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
"""From the 15th to the 85th percentile of N(0, 1)."""
GROWTH = 1.20
"""Yang et al. 2019, Sec. 3, have sqrt(pi / (pi - 1)) = 1.21 for infinite width and depth."""
ON_FIXED_BATCH = ("activations", "landscape_line", "sharpness")


def run(**settings: Any) -> tuple[Record, nn.Module]:
    """A small run on digits, or as `settings` say, and the network it leaves."""
    config = RunConfig(**SMALL | settings)
    constants = registry.describe("datasets", config.dataset).constants
    network = networks.build(config, constants["INPUT_SHAPE"], constants["CLASSES"], torch.device("cpu"))
    return Record.from_frames(config, train(config, network)), network


def purity() -> tuple[float, str]:
    """4: the number of tensors in which runs with every probe and with none differ, be it by a bit."""
    different = compared = 0
    for norm in registry.names("norms"):
        for optimizer in ("sgd", "adam"):
            settings = {"norm": norm, "optimizer": optimizer, "widths": (6, 5), "plane_points": 3, "probe_samples": 60}
            without = _left_behind(probes=(), **settings)
            for probe_data in ("batch", "fixed"):
                probed = _left_behind(probes=tuple(registry.names("probes")), probe_data=probe_data, **settings)
                compared += len(without)
                different += sum(not torch.equal(one, two) for one, two in zip(without, probed, strict=True))
    return different, f"{compared} parameters, buffers and random streams; every norm, every probe, SGD and Adam"


def _left_behind(**settings: Any) -> list[Tensor]:
    record, network = run(**settings)
    losses = torch.tensor(record.data["train_loss"].values)
    return [losses, *network.state_dict().values(), *(state for _, state in rng_states_of(network))]


def no_shift() -> tuple[float, str]:
    """5: internal covariate shift of layer 1, and of all layers at learning rate 0; 1 - cos there."""
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
    """6: on mean |w x|^2, along each eigenvector of its Hessian: effective smoothness, and the loss on the way to 0."""
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
        off = abs(towards_zero.loss - expected) / towards_zero.loss_here
        worst = max(worst, float(abs(smoothness - 1).max()), float(off.max()))
    return worst, "linear network of one unit, four eigenvectors, float64"


def percentile_width() -> tuple[float, str]:
    """7: of batch norm's output at the start, for Gaussian inputs, against the normal distribution's."""
    settings = {"dataset": "linear_map", "norm": "batch", "widths": (100,), "probe_data": "fixed"}
    percentile = run(**settings, probe_samples=1000)[0].data["percentile"].isel(probe_step=0)
    width = float((percentile.sel(quantile=85.0) - percentile.sel(quantile=15.0)).mean())
    return abs(width - NORMAL_WIDTH), f"{width:.3f}, mean of 100 units on 1000 samples"


def constancy() -> tuple[float, str]:
    """10: the largest change over the steps of what is measured on a fixed batch, at learning rate 0."""
    settings = {"probes": ON_FIXED_BATCH, "probe_data": "fixed", "line_in": "absolute", "sharpness_points": 500}
    data = run(norm="batch", learning_rate=0.0, **settings)[0].data
    worst, measured = 0.0, [name for name in data if "probe_step" in data[name].dims]
    for name in measured:
        values = data[name].astype(float)  # a change since the step before is unknown at the first, and left out
        worst = max(worst, float((values.max("probe_step") - values.min("probe_step")).max(skipna=False)))
    return worst, f"{len(measured)} quantities of {', '.join(ON_FIXED_BATCH)}"


def growth() -> tuple[float, str]:
    """12: of the gradient, from layer to layer towards the input, behind batch norm and before ReLU at the start."""
    settings = {"norm": "batch", "activation": "relu", "widths": (256,) * 40, "batch_size": 128, "steps": 1}
    record, _ = run(**settings, probes=("gradient_flow",))
    factor = float(quantities.growth_per_layer(record).isel(probe_step=0))
    return abs(factor - GROWTH), f"{factor:.3f}, 40 layers of 256 units"
