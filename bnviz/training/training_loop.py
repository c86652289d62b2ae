"""train(config): train one network and yield its measurements, frame by frame.

Networks, optimisers and losses are torch's own; `bnviz.training.probe_runner` measures. Between frames the host does
not wait for the GPU.
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
    the loss was not finite when a frame was due.

    Args:
        config: the run.
        network: trained in place instead of a new one. Its own forward pass makes every step, so its hooks are called.
        should_stop: called before every step; once it returns True, an empty last frame has the outcome `stopped`.

    Raises:
        DatasetError: the data set cannot be loaded.
        ValueError: `config` names CUDA and there is none.
    """
    device = pick_device(config.device)
    task = Task.load(config, device)
    own_network = network is None
    if network is None:
        network = networks.build(config, tuple(task.inputs.shape[1:]), task.classes, device)
    elif config.precision == "bfloat16":
        networks.in_bfloat16(network)
    network.to(task.inputs.dtype)
    probe_runner = ProbeRunner(config, network, task.criterion, task.fixed(config.probe_samples))
    optimizer = Optimizer(config, list(network.parameters()))
    recorded = None
    if own_network and recordable(network):
        recorded = RecordedPass(partial(eager_step, network, task.criterion))

    for step, index in enumerate(batch_order(len(task.inputs), config, device)):
        if should_stop is not None and should_stop():  # frames can be seconds apart: too long to wait for a stop
            yield Frame(step, {}, "stopped")
            return
        batch, target = task.inputs.index_select(0, index), task.labels.index_select(0, index)
        last, traced = step == config.steps, probe_runner.trace_due(step)
        values: dict[str, Measurement] = {}
        if probe_runner.curves_due(step):  # before the pass, which updates running statistics
            values |= task.scores.curves(network, config.test_samples)
        noise = probe_runner.rng_states(step)
        # The last batch is measured but not trained on.
        unchanged: Context[None] = preserved_state(network) if last else nullcontext()
        if recorded is None or traced or last:
            with unchanged, probe_runner.trace_batch(step) as pre_activations:
                loss, gradient = eager_step(network, task.criterion, batch, target)
        else:
            loss, gradient = recorded(batch, target)

        if probe_runner.curves_due(step):
            values |= task.scores.batch_point(float(loss))
        if traced:
            objective = Objective(network, batch, target, task.criterion, noise, loss, gradient)
            values |= probe_runner.measure(
                step, pre_activations, objective, partial(optimizer.next_parameters, gradient)
            )
        if values:
            final = task.final_scores(network, config.batch_size) if last else None
            frame = make_frame(step, values, float(loss), final)
            yield frame
            if frame.outcome != "running":
                return
        optimizer.step(gradient)


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one and the CPU elsewhere.

    Raises:
        ValueError: the name is `cuda` and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device is 'cuda', but this machine has no CUDA device; use 'auto' or 'cpu'")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def make_frame(
    step: int, values: Mapping[str, Measurement], loss: float, final: Mapping[str, Measurement] | None
) -> Frame:
    """The frame of one step and its outcome; `final` are the scores at the end, None before the last step."""
    outcome: Outcome = "running" if final is None else "finished"
    if not math.isfinite(loss):
        outcome = "diverged"
    return Frame(step, {**values, **(final or {})}, outcome)
