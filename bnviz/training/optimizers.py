"""SGD and Adam as torch.optim's own functions, called without their classes.

The classes load torch's compiler, which takes 70 MB and is not used. Gradients are arguments instead of `.grad`, and
`next_parameters` computes the result of a step without making it.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from bnviz.core.config import RunConfig

BETAS, EPS = (0.9, 0.999), 1e-8  # as torch.optim.Adam


@dataclass
class _State:
    """State of an optimiser, one tensor for each parameter.

    Attributes:
        momenta: SGD's momentum buffers; None before the first step, an empty list without momentum.
        steps, averages, squares: Adam's.
    """

    momenta: list[Tensor | None] = field(default_factory=list)
    steps: list[Tensor] = field(default_factory=list)
    averages: list[Tensor] = field(default_factory=list)
    squares: list[Tensor] = field(default_factory=list)


class Optimizer:
    """SGD (momentum and weight decay as configured) or Adam; parameters are changed in place."""

    def __init__(self, config: RunConfig, parameters: Sequence[Tensor]) -> None:
        self._config = config
        self._parameters = list(parameters)
        self._state = _State()
        if config.optimizer == "adam":
            self._state.steps = [torch.tensor(0.0) for _ in parameters]
            self._state.averages = [torch.zeros_like(parameter) for parameter in parameters]
            self._state.squares = [torch.zeros_like(parameter) for parameter in parameters]
        elif config.momentum:
            self._state.momenta = [None for _ in parameters]

    def step(self, gradient: Sequence[Tensor]) -> None:
        """Make one step along the gradient, one tensor for each parameter."""
        self._update(self._parameters, gradient, self._state)

    def next_parameters(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """Every parameter as it will be after the next step; nothing is changed."""
        parameters = [parameter.detach().clone() for parameter in self._parameters]
        self._update(parameters, gradient, copy.deepcopy(self._state))
        return parameters

    @torch.no_grad()
    def _update(self, parameters: list[Tensor], gradient: Sequence[Tensor], state: _State) -> None:
        config = self._config
        if config.optimizer == "adam":
            adam(
                parameters,
                list(gradient),
                state.averages,
                state.squares,
                [],
                state.steps,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=config.learning_rate,
                weight_decay=config.weight_decay,
                eps=EPS,
                maximize=False,
            )
        else:
            sgd(
                parameters,
                list(gradient),
                state.momenta,
                fused=True,
                weight_decay=config.weight_decay,
                momentum=config.momentum,
                lr=config.learning_rate,
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )


class RatedOptimizer(Optimizer):
    """The same for R networks with learning rates of their own: parameters (R, *shape), rates (R,).

    Torch's step with learning rate 1 is made from zero and then scaled by each rate: equal up to rounding.
    """

    def __init__(self, config: RunConfig, parameters: Sequence[Tensor], rates: Tensor) -> None:
        super().__init__(config.with_changes(learning_rate=1.0, weight_decay=0.0), parameters)
        self._weight_decay = config.weight_decay
        self._rates = rates

    @torch.no_grad()
    def _update(self, parameters: list[Tensor], gradient: Sequence[Tensor], state: _State) -> None:
        if self._weight_decay:
            pairs = zip(gradient, parameters, strict=True)
            gradient = [slope.add(parameter, alpha=self._weight_decay) for slope, parameter in pairs]
        moves = [torch.zeros_like(parameter) for parameter in parameters]
        super()._update(moves, gradient, state)
        for parameter, move in zip(parameters, moves, strict=True):
            parameter.addcmul_(move, self._rates.view(-1, *(1 for _ in parameter.shape[1:])))
