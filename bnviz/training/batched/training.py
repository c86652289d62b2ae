"""train_together(configs): runs that differ in seed and learning rate only, trained as one batched computation.

For a GPU, which a network of a hundred units leaves idle, and for many seeds on a CPU. Frames are those of train() but
for rounding. How replicas compute is `bnviz.training.batched.networks`' business.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache, partial

import torch
from torch import Tensor

from bnviz import datasets, networks
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Measurement
from bnviz.landscape.objective import Objective
from bnviz.torch_support.rng import preserved_state
from bnviz.training.batched.evaluation import ReplicaScores
from bnviz.training.batched.networks import Replicas
from bnviz.training.graph_replay import RecordedPass, recordable
from bnviz.training.mini_batches import batches_of, epochs
from bnviz.training.optimizers import Optimizer, RatedOptimizer
from bnviz.training.probe_runner import ProbeRunner
from bnviz.training.task import Task
from bnviz.training.training_loop import frame_of, pick_device

FREE = ("seed", "learning_rate")
"""What may differ between runs that are trained together."""


class NotTogetherError(ValueError):
    """These runs cannot be trained together; the message says why."""


def train_together(
    configs: Sequence[RunConfig], should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[int, Frame]]:
    """Train all of them side by side, and yield (place in `configs`, Frame) as train() would of each, step by step.

    A run that diverges ends there, the others go on. Once `should_stop` says yes, each that was still going has a last
    frame, empty, whose outcome is `stopped`.

    Raises:
        NotTogetherError: the runs differ in more than seed and learning rate, or their network cannot be trained so.
        DatasetError, ValueError: as train() raises them.
    """
    common = shared_by(configs)
    data = _Data(configs, pick_device(common.device))
    shape, classes = tuple(data.tasks[0].inputs.shape[1:]), data.tasks[0].classes
    built = [networks.build(config, shape, classes, data.device).to(data.inputs.dtype) for config in configs]
    if not all(map(recordable, built)):
        raise NotTogetherError(
            f"network {common.network!r} with norm {common.norm!r} cannot be trained together: a part of it does not "
            "say RECORDABLE = True; train the runs one by one"
        )
    criterion = data.tasks[0].criterion
    replicas = Replicas(built, criterion)
    scores = ReplicaScores(replicas, data.tasks)
    optimizer = _optimizer(configs, replicas)
    recorded = RecordedPass(replicas.losses_and_gradients)
    going = {
        place: ProbeRunner(config, network, criterion, task.fixed(common.probe_samples))
        for place, (config, network, task) in enumerate(zip(configs, built, data.tasks, strict=True))
    }
    first = going[0]  # what is measured when is alike for all

    for step, index in enumerate(data.batches(configs)):
        if should_stop is not None and should_stop():
            yield from ((place, Frame(step, {}, "stopped")) for place in going)
            return
        batch, target = data.batch(index)
        last, noting, tracing = step == common.steps, first.curves_due(step), first.trace_due(step)
        values: list[dict[str, Measurement]] = scores.curves(common.test_samples) if noting else [{} for _ in configs]
        noise = {place: probe_runner.rng_states(step) for place, probe_runner in going.items()} if tracing else {}
        seen = (
            {place: _seen(probe_runner, step, batch[place]) for place, probe_runner in going.items()} if tracing else {}
        )
        with ExitStack() as shields:
            for network in built if last else ():
                shields.enter_context(preserved_state(network))
            losses, gradients = recorded(batch, target)
        if noting or tracing:  # until then, nothing waits for the device
            next_parameters = cache(partial(optimizer.next_parameters, gradients))
            at_the_end = scores.at_the_end(common.batch_size) if last else None
            for place, loss in enumerate(losses.tolist()):
                if place not in going:
                    continue
                if noting:
                    values[place] |= data.tasks[place].scores.of_batch(loss)
                if tracing:
                    gradient = [one[place] for one in gradients]
                    objective = Objective(
                        built[place], batch[place], target[place], criterion, noise[place], losses[place], gradient
                    )
                    values[place] |= going[place].measure(
                        step, seen[place], objective, partial(_of_one, next_parameters, place)
                    )
                if values[place]:
                    frame = frame_of(step, values[place], loss, at_the_end[place] if at_the_end else None)
                    if frame.outcome != "running":
                        del going[place]
                    yield place, frame
            if not going:
                return
        optimizer.step(gradients)


def _of_one(all_of_them: Callable[[], list[Tensor]], place: int) -> list[Tensor]:
    return [one[place] for one in all_of_them()]


def shared_by(configs: Sequence[RunConfig]) -> RunConfig:
    """The first of configurations that may be trained together.

    Raises:
        NotTogetherError: there is none, or they differ in a field that all must share; the message names it.
    """
    if not configs:
        raise NotTogetherError("there is no run to train")
    first = configs[0]
    for config in configs[1:]:
        own, shared = (one.with_active_options().settings() for one in (config, first))
        different = [name for name in own if own[name] != shared[name]]
        if not set(different) <= set(FREE):
            name = next(name for name in different if name not in FREE)
            raise NotTogetherError(f"runs trained together may differ in {' and '.join(FREE)} only, not in {name}")
    return first


class _Data:
    """What the runs learn: one copy on the device where it is the same for all of them, else one after the other."""

    def __init__(self, configs: Sequence[RunConfig], device: torch.device) -> None:
        self.device = device
        loaded = [datasets.load(config.dataset, config.seed, **config.options_of("dataset")) for config in configs]
        made = {id(one): Task.made_of(one, configs[0], device) for one in loaded}
        self.tasks = [made[id(one)] for one in loaded]
        self._separate = len(made) > 1
        own = self.tasks if self._separate else self.tasks[:1]
        self.inputs = torch.cat([task.inputs for task in own])
        self._labels = torch.cat([task.labels for task in own])
        self._samples = len(self.tasks[0].inputs)

    def batches(self, configs: Sequence[RunConfig]) -> Iterator[Tensor]:
        """Where the mini-batches are, (runs, batch) for each step; each run's are those that it has by itself."""
        orders = zip(*(epochs(self._samples, config.seed) for config in configs), strict=True)
        offset = torch.arange(len(configs))[:, None] * (self._samples if self._separate else 0)
        return batches_of((torch.stack(one) + offset for one in orders), configs[0], self.device)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (runs, batch, *shape) and targets."""
        return self.inputs[index], self._labels[index]


def _optimizer(configs: Sequence[RunConfig], replicas: Replicas) -> Optimizer:
    rates = [config.learning_rate for config in configs]
    if len(set(rates)) == 1:
        return Optimizer(configs[0], replicas.parameters)
    [first, *_] = replicas.parameters
    return RatedOptimizer(configs[0], replicas.parameters, torch.tensor(rates).to(first))


def _seen(probe_runner: ProbeRunner, step: int, batch: Tensor) -> list[Tensor]:
    """What a run's own pass on its mini-batch would have shown, leaving no trace."""
    with preserved_state(probe_runner.network), torch.no_grad(), probe_runner.trace_batch(step) as seen:
        if probe_runner.config.probe_data == "batch":
            probe_runner.network(batch)
    return seen
