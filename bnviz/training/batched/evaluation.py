"""Scores of many replicas at once; equal to `bnviz.training.evaluation` of each network up to rounding."""

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
"""Samples of all replicas that are scored at once, about; bounds memory and changes results by rounding only."""

Points = list[tuple[float, float | None]]
"""Mean loss of each replica, and accuracy where there are classes."""


class ReplicaScores:
    """Scores of replicas that share one task, or that each have their own."""

    def __init__(self, replicas: Replicas, tasks: Sequence[Task]) -> None:
        self._replicas = replicas
        self._tasks = tasks
        self._separate = any(task is not tasks[0] for task in tasks)

    def curves(self, samples: int) -> list[dict[str, Measurement]]:
        """What `Scores.curves` returns, for each replica."""
        points = self._score(samples)
        return [task.scores.points(*point) for task, point in zip(self._tasks, points, strict=True)]

    def final_scores(self, batch: int) -> list[dict[str, Measurement]]:
        """What `Task.final_scores` returns, for each replica."""
        first, networks = self._tasks[0], self._replicas.networks
        points = self._score(len(first.scores.inputs))
        values = [task.scores.final_points(*point) for task, point in zip(self._tasks, points, strict=True)]
        if has_population(networks[0]) and first.scores.targets == "classes":
            inputs = self._stacked_or_shared([task.inputs for task in self._tasks])
            with ExitStack() as unchanged:
                for network in networks:
                    unchanged.enter_context(preserved_state(network))
                gather_population(networks, self._forward, inputs.transpose(0, 1) if self._separate else inputs, batch)
                points = self._score(len(first.scores.inputs))
            for value, task, (_, accuracy) in zip(values, self._tasks, points, strict=True):
                value |= task.scores.population_point(accuracy)
        return values

    def _forward(self, part: Tensor) -> Tensor:
        """Pass samples (batch, ...) through all replicas, or (batch, R, ...) where each has its own."""
        return self._replicas.outputs(part.transpose(0, 1) if self._separate else part, self._separate)

    def _score(self, samples: int) -> Points:
        """Score the first `samples` test samples."""
        scores = self._tasks[0].scores
        inputs = self._stacked_or_shared([task.scores.inputs[:samples] for task in self._tasks])
        labels = self._stacked_or_shared([task.scores.labels[:samples] for task in self._tasks])
        sample_axis = 1 if self._separate else 0
        size = min(SCORING_BATCH, -(-AT_ONCE // len(self._tasks)))
        loss_of = vmap(scores.criterion, (0, 0 if self._separate else None))
        sums = torch.zeros(2, len(self._tasks), dtype=torch.float64, device=inputs.device)
        leader = self._replicas.networks[0]
        leader.eval()
        with ExitStack() as unchanged:
            for network in self._replicas.networks:
                unchanged.enter_context(preserved_rng_states(network))
            for part, truth in zip(inputs.split(size, sample_axis), labels.split(size, sample_axis), strict=True):
                outputs = self._replicas.outputs(part, self._separate)
                sums[0] += loss_of(outputs, truth).double() * truth.shape[sample_axis]
                if scores.targets == "classes":
                    sums[1] += (outputs.argmax(dim=2) == truth).sum(dim=1)
        leader.train()
        losses, accuracies = (sums / inputs.shape[sample_axis]).tolist()
        return [
            (loss, accuracy if scores.targets == "classes" else None)
            for loss, accuracy in zip(losses, accuracies, strict=True)
        ]

    def _stacked_or_shared(self, tensors: Sequence[Tensor]) -> Tensor:
        """All tensors stacked, or the one that the replicas share."""
        return torch.stack(list(tensors)) if self._separate else tensors[0]
