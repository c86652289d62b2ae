"""The rows of `benchmarks.others` about planes and lines. Nothing is timed here."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks._others_contest import CRITERION, Contest, prepared, small
from bnviz.core.config import RunConfig
from bnviz.datasets import DatasetError
from bnviz.landscape.line import random_direction, step_lengths
from bnviz.landscape.objective import Objective, flat
from bnviz.landscape.plane import plane
from bnviz.probes import Snapshot, landscape_line

SIDE = 20  # points on each side of the plane
PLANE_BATCH, LINE_BATCH = 10_000, 128
LENGTHS = step_lengths(0.5, 4.0, 8)  # of the line, in learning rates


def planes() -> Iterator[Contest | str]:
    """A plane of random directions as long as the weights' filters, by `loss_landscapes.random_plane`."""
    import loss_landscapes
    import loss_landscapes.metrics

    try:
        network, objective = prepared(RunConfig(dataset="mnist", widths=(128,), activation="relu"), PLANE_BATCH)
    except DatasetError as error:
        yield f"No plane: {error}"
        return
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()  # torch's own, as in its examples: it divides by biases
    metric = loss_landscapes.metrics.Loss(CRITERION, objective.inputs, objective.targets)
    span = np.linspace(-1, 1, SIDE)

    def ours() -> str:
        axes = [random_direction(objective, 0, "plane", axis) for axis in range(2)]
        return _range(plane(objective, axes[0], axes[1], span, span))

    def theirs() -> str:
        found = loss_landscapes.random_plane(network, metric, steps=SIDE, normalization="filter", deepcopy_model=True)
        return _range(found)

    yield Contest(f"plane {SIDE}x{SIDE}, 784-128-10 ReLU, MNIST, loss_landscapes", ours, theirs, 0.5)


def lines() -> Iterator[Contest]:
    """A copy of the network for every step length, whose optimiser takes the step; the gradient is there already."""
    for name, config in small():
        network, objective = prepared(config, LINE_BATCH)
        loss, gradient = objective.gradient()
        known = Objective(network, objective.inputs, objective.targets, CRITERION, objective.noise, loss, gradient)
        snapshot = Snapshot(0, config, network, [], None, known, known, list)

        def ours(snapshot: Snapshot = snapshot) -> str:
            return _range(landscape_line.measure(snapshot)["line_loss"].values)

        def theirs(known: Objective = known, config: RunConfig = config) -> str:
            seen = [_by_copy(known, config.learning_rate * length) for length in LENGTHS.tolist()]
            return _range(np.array([loss for loss, *_ in seen]))

        yield Contest(f"line of {len(LENGTHS)}, {name}, deep copies", ours, theirs)


def _by_copy(objective: Objective, length: float) -> tuple[float, float, float, float]:
    """Loss, change of the gradient, cosine and distance after a step of that length, as one would write it down."""
    _, gradient = objective.loss_and_gradient()
    twin = copy.deepcopy(objective.network)
    for parameter, part in zip(twin.parameters(), gradient, strict=True):
        parameter.grad = part.clone()
    optimizer = torch.optim.SGD(twin.parameters(), lr=length)
    optimizer.step()
    optimizer.zero_grad()
    loss = objective.criterion(twin(objective.inputs), objective.targets)
    loss.backward()
    here = flat(gradient)
    there = flat([parameter.grad for parameter in twin.parameters() if parameter.grad is not None])
    cosine = nn.functional.cosine_similarity(here, there, dim=0)
    return loss.item(), (there - here).norm().item(), cosine.item(), length * here.norm().item()


def _range(found: Any) -> str:
    return f"{found.min():.4g} to {found.max():.4g}"
