"""Measure loss and gradient along a line in weight space.

The weights' own memory is not touched: points are visited in a copy, or the weights are copied back, never moved back
by adding the step. Batch and noise are the same at every point. At step length 0 nothing differs, bit for bit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bnviz.landscape.batched_points import losses_and_gradients_at
from bnviz.landscape.objective import Objective, flat
from bnviz.torch_support.rng import preserved_state, restore_rng_states, stream

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
    with preserved_state(objective.network):
        loss_here, gradient = objective.loss_and_gradient()
        here = flat(gradient)
        step = here if direction is None else flat(direction)
        look = at_once if here.is_cuda else one_by_one
        seen = [*look(objective, step, here, lengths), loss_here, torch.dot(here, here), torch.dot(step, step)]
    numbers = torch.stack(seen).double().cpu().numpy()
    here_loss, here_square, reach_square = numbers[-3:]
    losses, changes, products = numbers[:-3].reshape(-1, 3).T
    with np.errstate(divide="ignore", invalid="ignore"):  # without a gradient, or with an infinite one, is no angle
        squares = np.maximum(changes + 2 * products + here_square, 0)  # |g + c|^2, c being the change
        cosines = np.clip((here_square + products) / np.sqrt(squares * here_square), -1, 1)
    distances = lengths * np.sqrt(reach_square)
    return Line(lengths, losses, np.sqrt(changes), cosines, distances, float(here_loss), float(np.sqrt(here_square)))


def one_by_one(objective: Objective, step: Tensor, here: Tensor, lengths: Array) -> list[Tensor]:
    """At each length: the loss, |c|^2 and c g, where g is the gradient `here` and c its change; scalars, in a row."""
    parameters, seen = objective.parameters, []
    with in_one_row(parameters) as point, adding_up(parameters, here) as change, torch.enable_grad():
        origin = point.clone()
        for length in lengths.tolist():  # nothing but what each needs: a pass of a small network takes .5 ms
            torch.sub(origin, step, alpha=length, out=point)
            torch.neg(here, out=change)
            loss = objective.loss()
            loss.backward()
            seen += [loss.detach(), torch.dot(change, change), torch.dot(change, here)]
    return seen


def at_once(objective: Objective, step: Tensor, here: Tensor, lengths: Array) -> list[Tensor]:
    """The same but for rounding, from one batched pass for all lengths: for a GPU, which has room for it."""
    parameters = objective.parameters
    origin = flat([parameter.detach() for parameter in parameters])
    rows = origin - torch.as_tensor(lengths).to(origin)[:, None] * step  # (K, weights)
    parts = rows.split([parameter.numel() for parameter in parameters], dim=1)
    points = [part.view(-1, *parameter.shape) for part, parameter in zip(parts, parameters, strict=True)]
    restore_rng_states(objective.noise)
    losses, gradients = losses_and_gradients_at(
        objective.network, objective.criterion, points, objective.inputs, objective.targets
    )
    change = torch.cat([gradient.flatten(1) for gradient in gradients], dim=1) - here
    return list(torch.stack([losses, change.square().sum(dim=1), change @ here], dim=1).flatten())


@contextmanager
def in_one_row(parameters: Sequence[nn.Parameter]) -> Iterator[Tensor]:
    """Keep the parameters' values in one row of numbers, which is handed out: to write into it moves them all at once.

    On leaving they are in their own memory again, which was not touched.
    """
    own = [parameter.data for parameter in parameters]
    row = flat(own)
    for parameter, part in zip(parameters, row.split([values.numel() for values in own]), strict=True):
        parameter.data = part.view_as(parameter)
    try:
        yield row
    finally:
        for parameter, values in zip(parameters, own, strict=True):
            parameter.data = values


@contextmanager
def adding_up(parameters: Sequence[nn.Parameter], like: Tensor) -> Iterator[Tensor]:
    """Have backward passes add gradients to one row of numbers, which is handed out; `.grad` is put back on leaving."""
    own = [parameter.grad for parameter in parameters]
    row = torch.zeros_like(like)
    for parameter, part in zip(parameters, row.split([one.numel() for one in parameters]), strict=True):
        parameter.grad = part.view_as(parameter)
    try:
        yield row
    finally:
        for parameter, gradient in zip(parameters, own, strict=True):
            parameter.grad = gradient


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
