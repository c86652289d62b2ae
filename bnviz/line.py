"""Loss and gradient along a line in weight space, and over a plane: the one place that moves weights to look around.

Everything happens inside `Objective.visited`, which puts weights back by copy, never by adding the step back, and with
the same batch and the same noise at every point. At step length 0 nothing differs, bit for bit. What is made of the
numbers, and when one looks, is the probes' business.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.linalg import vector_norm

from bnviz.objective import Objective, flat
from bnviz.streams import stream

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """What was seen at `start - length * direction` for each of K step lengths; all arrays float64 (K,) or scalars.

    `gradient_change` is |g(length) - g(0)|_2, `cosine` that between the two, `distance` how far the weights moved, all
    over all parameters together.
    """

    lengths: Array
    loss: Array
    gradient_change: Array
    cosine: Array
    distance: Array
    loss_here: float
    gradient_norm: float


def step_lengths(first: float, last: float, count: int) -> Array:
    """`count` lengths from `first` to `last`: evenly spaced, or geometrically where the range spans more than 10."""
    spaced = np.linspace if last <= 10 * first else np.geomspace
    return spaced(first, last, count)


def along(objective: Objective, direction: Sequence[Tensor] | None, lengths: Array) -> Line:
    """Look along `start - length * direction`; None: along the gradient at the start.

    Costs one forward and backward pass for each length, and one more where the gradient at the start is not known.
    """
    with objective.visited() as start:
        loss_here, gradient = objective.here()
        steps = gradient if direction is None else direction
        here = flat(gradient)
        there = torch.empty_like(here)
        parameters = objective.parameters
        seen = []
        for length in lengths:  # dot products: torch's norms take several times as long, which small networks feel
            with torch.no_grad():
                for parameter, origin, step in zip(parameters, start, steps, strict=True):
                    torch.sub(origin, step, alpha=float(length), out=parameter)
            point, parts = objective.gradient()
            torch.cat([part.reshape(-1) for part in parts], out=there)
            product, square = torch.dot(there, here), torch.dot(there, there)
            difference = there.sub_(here)
            seen += [point, product, square, torch.dot(difference, difference)]
        norm = torch.dot(here, here).sqrt()
        losses, products, squares, changes = torch.stack(seen).view(-1, 4).unbind(1)
        cosines = (products / (squares.sqrt() * norm)).clamp(-1, 1)
        loss, change, cosine = (column.double().cpu().numpy() for column in (losses, changes.sqrt(), cosines))
        reach = float(norm if direction is None else vector_norm(flat(direction)))
    return Line(lengths, loss, change, cosine, lengths * reach, float(loss_here), float(norm))


def random_direction(objective: Objective, seed: int, *name: str | int) -> list[Tensor]:
    """A random direction in which every filter is as long as the weights' own filter (Li et al. 2018, Sec. 4).

    A filter is what leads to one unit or feature map. Biases and normalisations' parameters do not move. Entries come
    from streams named after each parameter, so that arms share directions wherever they share weights.
    """
    modules = objective.network.modules()
    weights = {id(module.weight) for module in modules if isinstance(module, nn.Linear | nn.Conv2d)}
    direction = []
    for parameter_name, parameter in objective.network.named_parameters():
        if id(parameter) not in weights:
            direction.append(torch.zeros_like(parameter))
            continue
        drawn = torch.randn(parameter.shape, generator=stream(seed, *name, parameter_name)).to(parameter)
        over = tuple(range(1, parameter.ndim))
        lengths = torch.linalg.vector_norm(parameter.detach(), dim=over, keepdim=True)
        direction.append(drawn * (lengths / torch.linalg.vector_norm(drawn, dim=over, keepdim=True)))
    return direction


def plane(objective: Objective, first: Sequence[Tensor], second: Sequence[Tensor], across: Array, up: Array) -> Array:
    """Loss at `start + across * first + up * second`: float64 (up, across), one forward pass a point."""
    result = torch.empty(len(up), len(across), dtype=torch.float64)
    with objective.visited() as start, torch.no_grad():
        parameters = objective.parameters
        for row, height in enumerate(up):
            at_height = [origin.add(axis, alpha=float(height)) for origin, axis in zip(start, second, strict=True)]
            for column, width in enumerate(across):
                for parameter, origin, axis in zip(parameters, at_height, first, strict=True):
                    torch.add(origin, axis, alpha=float(width), out=parameter)
                result[row, column] = objective.loss()
    array: Array = result.numpy()
    return array
