"""train(config): a generator that trains one network and yields what was measured.

Networks, optimisers and losses are torch's own. `bnviz.training.probe_runner` decides what is measured, and when.
Between frames nothing waits for a GPU.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager as Context
from contextlib import nullcontext
from functools import partial

import torch
from torch import nn

from bnviz import networks
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Measurement, Outcome
from bnviz.landscape.objective import Objective
from bnviz.torch_support.rng import preserved_state
from bnviz.training.graph_replay import RecordedPass, eager_step, recordable
from bnviz.training.mini_batches import batch_order
from bnviz.training.optimizers import Optimizer
from bnviz.training.probe_runner import ProbeRunner
from bnviz.training.task import Task


def train(
    config: RunConfig, network: nn.Module | None = None, should_stop: Callable[[], bool] | None = None
) -> Iterator[Frame]:
    """Train one network as `config` says and yield a Frame at every scheduled step, from 0 to `config.steps`.

    A frame at step t holds what was measured after t updates. The last frame's outcome is `finished`, or `diverged` if
    the loss was no longer finite when a frame was due. `network` stands in for a freshly built one; it is trained in
    place. `should_stop` is asked before every step; once it says yes, a last frame, empty, has the outcome `stopped`.

    Raises:
        DatasetError: the data set cannot be had.
        ValueError: CUDA was asked for and there is none.
    """
    device = pick_device(config.device)
    task = Task.of(config, device)
    if network is None:
        network = networks.build(config, tuple(task.inputs.shape[1:]), task.classes, device)
    elif config.precision == "bfloat16":
        networks.in_bfloat16(network)
    network.to(task.inputs.dtype)
    probe_runner = ProbeRunner(config, network, task.criterion, task.fixed(config.probe_samples))
    optimizer = Optimizer(config, list(network.parameters()))
    recorded = RecordedPass(partial(eager_step, network, task.criterion)) if recordable(network) else None

    for step, index in enumerate(batch_order(len(task.inputs), config, device)):
        if should_stop is not None and should_stop():  # frames can be seconds apart: too long to wait for a stop
            yield Frame(step, {}, "stopped")
            return
        batch, target = task.inputs.index_select(0, index), task.labels.index_select(0, index)
        last, tracing = step == config.steps, probe_runner.trace_due(step)
        values: dict[str, Measurement] = {}
        if probe_runner.curves_due(step):  # before the batch is looked at, which moves the running statistics on
            values |= task.scores.curves(network, config.test_samples)
        noise = probe_runner.rng_states(step)
        shield: Context[None] = preserved_state(network) if last else nullcontext()  # the last batch is only looked at
        if recorded is None or tracing or last:
            with shield, probe_runner.trace_batch(step) as seen:
                loss, gradient = eager_step(network, task.criterion, batch, target)
        else:
            loss, gradient = recorded(batch, target)

        if probe_runner.curves_due(step):
            values |= task.scores.of_batch(float(loss))
        if tracing:
            objective = Objective(network, batch, target, task.criterion, noise, loss, gradient)
            values |= probe_runner.measure(step, seen, objective, partial(optimizer.next_parameters, gradient))
        if values:
            frame = frame_of(step, values, float(loss), task.at_the_end(network, config.batch_size) if last else None)
            yield frame
            if frame.outcome != "running":
                return
        optimizer.step(gradient)


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one and the CPU elsewhere."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device is 'cuda', but this machine has no CUDA device; use 'auto' or 'cpu'")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def frame_of(
    step: int, values: Mapping[str, Measurement], loss: float, at_the_end: Mapping[str, Measurement] | None
) -> Frame:
    """What was measured at a step, with what is measured after the last one, if it is that; and how the run goes."""
    outcome: Outcome = "running" if at_the_end is None else "finished"
    if not math.isfinite(loss):
        outcome = "diverged"
    return Frame(step, {**values, **(at_the_end or {})}, outcome)
