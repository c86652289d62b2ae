"""Score many replicas at once; equal to `bnviz.training.evaluation` of each network, but for rounding."""

from collections.abc import Sequence
from contextlib import ExitStack

import torch
from torch import Tensor
from torch.func import vmap

from bnviz.core.record import Measurement
from bnviz.torch_support.rng import preserved_rng_states, preserved_state
from bnviz.training.batched.networks import Replicas
from bnviz.training.evaluation import SCORING_BATCH, gather_population, has_population
from bnviz.training.task import Task

AT_ONCE = 32_000
"""Samples of all replicas scored at once, about: bounds memory, changes no result but for rounding."""

Points = list[tuple[float, float | None]]
"""Mean loss of each replica, and accuracy where there are classes."""


class ReplicaScores:
    """The test samples of each replica's task; replicas may share one task, or each has its own."""

    def __init__(self, replicas: Replicas, tasks: Sequence[Task]) -> None:
        self._replicas = replicas
        self._tasks = tasks
        self._separate = any(task is not tasks[0] for task in tasks)

    def curves(self, samples: int) -> list[dict[str, Measurement]]:
        """For each replica what `Scores.curves` has."""
        found = self._score(samples)
        return [task.scores.points(*one) for task, one in zip(self._tasks, found, strict=True)]

    def at_the_end(self, batch: int) -> list[dict[str, Measurement]]:
        """For each replica what `Task.at_the_end` has."""
        first, networks = self._tasks[0], self._replicas.networks
        found = self._score(len(first.scores.inputs))
        values = [task.scores.last_points(*one) for task, one in zip(self._tasks, found, strict=True)]
        if has_population(networks[0]) and first.scores.targets == "classes":
            inputs = self._of_each([task.inputs for task in self._tasks])
            with ExitStack() as shields:
                for network in networks:
                    shields.enter_context(preserved_state(network))
                gather_population(networks, self._look, inputs.transpose(0, 1) if self._separate else inputs, batch)
                found = self._score(len(first.scores.inputs))
            for value, task, (_, accuracy) in zip(values, self._tasks, found, strict=True):
                value |= task.scores.population_point(accuracy)
        return values

    def _look(self, part: Tensor) -> Tensor:
        """Pass samples (batch, ...) through all of them; where each has its own, (batch, R, ...)."""
        return self._replicas.outputs(part.transpose(0, 1) if self._separate else part, self._separate)

    def _score(self, samples: int) -> Points:
        """On the first `samples` of the test samples."""
        scores = self._tasks[0].scores
        inputs = self._of_each([task.scores.inputs[:samples] for task in self._tasks])
        labels = self._of_each([task.scores.labels[:samples] for task in self._tasks])
        over = 1 if self._separate else 0
        size = min(SCORING_BATCH, -(-AT_ONCE // len(self._tasks)))
        loss_of = vmap(scores.criterion, (0, 0 if self._separate else None))
        sums = torch.zeros(2, len(self._tasks), dtype=torch.float64, device=inputs.device)
        leader = self._replicas.networks[0]
        leader.eval()
        with ExitStack() as noise:
            for network in self._replicas.networks:
                noise.enter_context(preserved_rng_states(network))
            for part, truth in zip(inputs.split(size, over), labels.split(size, over), strict=True):
                outputs = self._replicas.outputs(part, self._separate)
                sums[0] += loss_of(outputs, truth).double() * truth.shape[over]
                if scores.targets == "classes":
                    sums[1] += (outputs.argmax(dim=2) == truth).sum(dim=1)
        leader.train()
        losses, accuracies = (sums / inputs.shape[over]).tolist()
        return [
            (loss, accuracy if scores.targets == "classes" else None)
            for loss, accuracy in zip(losses, accuracies, strict=True)
        ]

    def _of_each(self, tensors: Sequence[Tensor]) -> Tensor:
        """All of them in one, or the one that they share."""
        return torch.stack(list(tensors)) if self._separate else tensors[0]
