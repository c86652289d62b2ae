"""train_together(configs): train runs that differ in seed and learning rate only as one batched computation.

For GPUs, which one network of a hundred units leaves idle, and for many seeds on a CPU. Frames equal those of train()
up to rounding.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache, partial

import torch
from torch import Tensor

from bnviz import datasets, networks
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Measurement
from bnviz.landscape.objective import Objective
from bnviz.torch_support.rng import RngStates, preserved_state
from bnviz.training.batched.evaluation import ReplicaScores
from bnviz.training.batched.networks import Replicas
from bnviz.training.graph_replay import RecordedPass, recordable
from bnviz.training.mini_batches import batches_of, epochs
from bnviz.training.optimizers import Optimizer, RatedOptimizer
from bnviz.training.probe_runner import ProbeRunner
from bnviz.training.task import Task
from bnviz.training.training_loop import make_frame, pick_device

VARYING_FIELDS = ("seed", "learning_rate")
"""Settings that may differ between runs that are trained together."""


class IncompatibleRunsError(ValueError):
    """These runs cannot be trained together; the message says why."""


def train_together(
    configs: Sequence[RunConfig], should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[int, Frame]]:
    """Train all runs side by side; yield (index in `configs`, Frame) as train() would of each, step by step.

    A run that diverges ends, the others continue. Once `should_stop` returns True, each run that is left has an empty
    last frame with the outcome `stopped`.

    Raises:
        IncompatibleRunsError: the runs differ in more than seed and learning rate, or cannot be batched.
        DatasetError, ValueError: as train() raises them.
    """
    common = common_config(configs)
    data = _BatchedData(configs, pick_device(common.device))
    shape, classes = tuple(data.tasks[0].inputs.shape[1:]), data.tasks[0].classes
    built = [networks.build(config, shape, classes, data.device).to(data.inputs.dtype) for config in configs]
    if not all(map(recordable, built)):
        raise IncompatibleRunsError(
            f"network {common.network!r} with norm {common.norm!r} cannot be trained together: a part of it does not "
            "say RECORDABLE = True; train the runs one by one"
        )
    criterion = data.tasks[0].criterion
    replicas = Replicas(built, criterion)
    scores = ReplicaScores(replicas, data.tasks)
    optimizer = _optimizer(configs, replicas)
    recorded = RecordedPass(replicas.losses_and_gradients)
    probe_runners = {  # of runs that have not diverged
        run: ProbeRunner(config, network, criterion, task.fixed(common.probe_samples))
        for run, (config, network, task) in enumerate(zip(configs, built, data.tasks, strict=True))
    }
    schedule = probe_runners[0]  # all runs are measured at the same steps

    for step, index in enumerate(data.batches(configs)):
        if should_stop is not None and should_stop():
            yield from ((run, Frame(step, {}, "stopped")) for run in probe_runners)
            return
        batch, target = data.batch(index)
        last, curves, traced = step == common.steps, schedule.curves_due(step), schedule.trace_due(step)
        values: list[dict[str, Measurement]] = scores.curves(common.test_samples) if curves else [{} for _ in configs]
        before = _traces(probe_runners, step, batch) if traced else {}
        with ExitStack() as unchanged:  # the last batch is measured but not trained on
            for network in built if last else ():
                unchanged.enter_context(preserved_state(network))
            losses, gradients = recorded(batch, target)
        if curves or traced:  # at other steps the host does not wait for the device
            next_parameters = cache(partial(optimizer.next_parameters, gradients))
            final = scores.final_scores(common.batch_size) if last else None
            for run, loss in enumerate(losses.tolist()):
                if run not in probe_runners:
                    continue
                if curves:
                    values[run] |= data.tasks[run].scores.batch_point(loss)
                if traced:
                    rng_states, pre_activations = before[run]
                    gradient = [slope[run] for slope in gradients]
                    objective = Objective(
                        built[run], batch[run], target[run], criterion, rng_states, losses[run], gradient
                    )
                    values[run] |= probe_runners[run].measure(
                        step, pre_activations, objective, partial(_slices, next_parameters, run)
                    )
                if values[run]:
                    frame = make_frame(step, values[run], loss, final[run] if final else None)
                    if frame.outcome != "running":
                        del probe_runners[run]
                    yield run, frame
            if not probe_runners:
                return
        optimizer.step(gradients)


def common_config(configs: Sequence[RunConfig]) -> RunConfig:
    """Check that the runs may be trained together, and return the first.

    Raises:
        IncompatibleRunsError: there is no run, or they differ in a field that all must share; the message names it.
    """
    if not configs:
        raise IncompatibleRunsError("there is no run to train")
    first = configs[0]
    for config in configs[1:]:
        own, shared = (run.with_active_options().settings() for run in (config, first))
        different = [name for name in own if own[name] != shared[name]]
        if not set(different) <= set(VARYING_FIELDS):
            name = next(name for name in different if name not in VARYING_FIELDS)
            raise IncompatibleRunsError(
                f"runs trained together may differ in {' and '.join(VARYING_FIELDS)} only, not in {name}"
            )
    return first


class _BatchedData:
    """The runs' data on the device: one copy if all runs share it, otherwise one after the other."""

    def __init__(self, configs: Sequence[RunConfig], device: torch.device) -> None:
        self.device = device
        loaded = [datasets.load(config.dataset, config.seed, **config.options_of("dataset")) for config in configs]
        task_of = {id(dataset): Task.from_dataset(dataset, configs[0], device) for dataset in loaded}
        self.tasks = [task_of[id(dataset)] for dataset in loaded]
        self._separate = len(task_of) > 1
        copies = self.tasks if self._separate else self.tasks[:1]
        self.inputs = torch.cat([task.inputs for task in copies])
        self._labels = torch.cat([task.labels for task in copies])
        self._samples = len(self.tasks[0].inputs)

    def batches(self, configs: Sequence[RunConfig]) -> Iterator[Tensor]:
        """Yield sample indices (runs, batch) for each step; each run has the same ones as in train()."""
        orders = zip(*(epochs(self._samples, config.seed) for config in configs), strict=True)
        offset = torch.arange(len(configs))[:, None] * (self._samples if self._separate else 0)
        return batches_of((torch.stack(permutations) + offset for permutations in orders), configs[0], self.device)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (runs, batch, *shape) and targets."""
        return self.inputs[index], self._labels[index]


def _optimizer(configs: Sequence[RunConfig], replicas: Replicas) -> Optimizer:
    rates = [config.learning_rate for config in configs]
    if len(set(rates)) == 1:
        return Optimizer(configs[0], replicas.parameters)
    [first, *_] = replicas.parameters
    return RatedOptimizer(configs[0], replicas.parameters, torch.tensor(rates).to(first))


def _traces(
    probe_runners: Mapping[int, ProbeRunner], step: int, batch: Tensor
) -> dict[int, tuple[RngStates, list[Tensor]]]:
    """For each run, the random states before its pass and the pre-activations that the pass will have."""
    return {
        run: (probe_runner.rng_states(step), _pre_activations(probe_runner, step, batch[run]))
        for run, probe_runner in probe_runners.items()
    }


def _pre_activations(probe_runner: ProbeRunner, step: int, batch: Tensor) -> list[Tensor]:
    """Pre-activations of a run on its mini-batch; the network is left unchanged."""
    network = probe_runner.network
    with preserved_state(network), torch.no_grad(), probe_runner.trace_batch(step) as pre_activations:
        if probe_runner.config.probe_data == "batch":
            network(batch)
    return pre_activations


def _slices(stacked: Callable[[], list[Tensor]], run: int) -> list[Tensor]:
    """One run's part of tensors (runs, *shape)."""
    return [tensor[run] for tensor in stacked()]
