"""train(config): the heart of bnviz. A generator that trains one network and yields what was measured.

The caller pulls; nothing here knows who looks, or how. Networks, optimisers and losses are torch's own. What is
measured, and when, is the Observer's business (`bnviz.observer`). Between frames nothing waits for a GPU.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager as Context
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from bnviz import networks
from bnviz.config import RunConfig
from bnviz.objective import Objective
from bnviz.observer import Observer
from bnviz.optimizers import Optimizer
from bnviz.record import Frame, Measurement, Outcome
from bnviz.recorded import RecordedPass, made, recordable
from bnviz.streams import stream
from bnviz.task import Task
from bnviz.tracing import undisturbed


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
    observer = Observer(config, network, task.criterion, task.fixed(config.probe_samples))
    optimizer = Optimizer(config, list(network.parameters()))
    recorded = RecordedPass(partial(made, network, task.criterion)) if recordable(network) else None

    for step, index in enumerate(batch_order(len(task.inputs), config, device)):
        if should_stop is not None and should_stop():  # frames can be seconds apart: too long to wait for a stop
            yield Frame(step, {}, "stopped")
            return
        batch, target = task.inputs.index_select(0, index), task.labels.index_select(0, index)
        last, tracing = step == config.steps, observer.traces(step)
        values: dict[str, Measurement] = {}
        if observer.notes(step):  # before the batch is looked at, which moves the running statistics on
            values |= task.scores.curves(network, config.test_samples)
        noise = observer.noise(step)
        shield: Context[None] = undisturbed(network) if last else nullcontext()  # the last batch is only looked at
        if recorded is None or tracing or last:
            with shield, observer.looking(step) as seen:
                loss, gradient = made(network, task.criterion, batch, target)
        else:
            loss, gradient = recorded(batch, target)

        if observer.notes(step):
            values |= task.scores.of_batch(float(loss))
        if tracing:
            objective = Objective(network, batch, target, task.criterion, noise, loss, gradient)
            values |= observer.measured(step, seen, objective, partial(optimizer.following, gradient))
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


def batch_order(samples: int, config: RunConfig, device: torch.device) -> Iterator[Tensor]:
    """Indices of one mini-batch after the other, int64 (batch,), on `device`, for steps + 1 batches.

    Each epoch is a fresh permutation from the run's stream `order`; a last, smaller batch is left out.
    """
    return batches_of(epochs(samples, config.seed), config, device)


def epochs(samples: int, seed: int) -> Iterator[Tensor]:
    """The order of all samples, int64 (samples,), epoch after epoch; drawn on the CPU: alike on all devices."""
    generator = stream(seed, "order")
    while True:
        yield torch.randperm(samples, generator=generator)


def batches_of(orders: Iterator[Tensor], config: RunConfig, device: torch.device) -> Iterator[Tensor]:
    """Epochs' orders (..., samples) in batches (..., batch), for steps + 1 of them."""
    given = 0
    for drawn in orders:
        order = drawn.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else drawn
        for start in range(0, order.shape[-1] - config.batch_size + 1, config.batch_size):
            yield order[..., start : start + config.batch_size]
            given += 1
            if given > config.steps:
                return


def frame_of(
    step: int, values: Mapping[str, Measurement], loss: float, at_the_end: Mapping[str, Measurement] | None
) -> Frame:
    """What was measured at a step, with what is measured after the last one, if it is that; and how the run goes."""
    outcome: Outcome = "running" if at_the_end is None else "finished"
    if not math.isfinite(loss):
        outcome = "diverged"
    return Frame(step, {**values, **(at_the_end or {})}, outcome)
