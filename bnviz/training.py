"""train(config): the heart of bnviz. A generator that trains one network and yields what was measured.

The caller pulls; nothing here knows who looks, or how. Networks, optimisers and losses are torch's own. Measuring never
changes the run: with or without probes, the weights are the same, bit for bit.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager as Context
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from bnviz import datasets, networks, probes
from bnviz.config import RunConfig
from bnviz.objective import CRITERIA, Objective, flat
from bnviz.optimizers import Optimizer
from bnviz.record import Frame, Measurement, Outcome
from bnviz.recorded import RecordedPass, made, recordable
from bnviz.schedule import spread_steps
from bnviz.scoring import Scores, curve
from bnviz.streams import stream
from bnviz.tracing import generators_of, states_of, traced, undisturbed


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
    kind = getattr(torch, config.precision)
    data = datasets.load(config.dataset, config.seed, config.binarize)
    targets = "values" if data.train.labels.dtype.kind == "f" else "classes"
    criterion = CRITERIA[targets]
    inputs, labels = _tensors(data.train, kind, device)
    scores = Scores(*_tensors(data.test, kind, device), targets)
    if network is None:
        network = networks.build(config, tuple(inputs.shape[1:]), data.classes, device)
    network.to(kind)
    note_at = set(spread_steps(config.steps, config.curve_points))
    measure_at = set(spread_steps(config.steps, config.probe_points)) if config.probes else set()
    trace_at = measure_at | {step - 1 for step in measure_at}
    fixed = inputs[: config.probe_samples], labels[: config.probe_samples]
    looks_at_batch = config.probe_data == "batch"
    previous: list[Tensor] | None = None
    path: list[Tensor] | None = [] if probes.needs(config, "NEEDS_PATH") else None
    keeps_gradient = probes.needs(config, "NEEDS_PREVIOUS_GRADIENT")
    previous_gradient: Tensor | None = None
    parameters = list(network.parameters())
    optimizer = Optimizer(config, parameters)
    recorded = RecordedPass(network, criterion) if recordable(network) else None
    generators = generators_of(network)

    for step, index in enumerate(batch_order(len(inputs), config, device)):
        if should_stop is not None and should_stop():  # frames can be seconds apart: too long to wait for a stop
            yield Frame(step, {}, "stopped")
            return
        batch, target = inputs.index_select(0, index), labels.index_select(0, index)
        last = step == config.steps
        tracing = step in trace_at
        values: dict[str, Measurement] = {}
        if step in note_at:  # before the batch is looked at, which moves the running statistics on
            values |= scores.curves(network, config.test_samples)
        shield: Context[None] = undisturbed(network) if last else nullcontext()  # the last batch is only looked at
        trace: Context[list[Tensor]] = traced(network) if tracing and looks_at_batch else nullcontext([])
        noise = states_of(generators) if step in measure_at else []
        if recorded is None or tracing or last:
            with shield, trace as seen:
                loss, gradient = made(network, criterion, batch, target)
        else:
            loss, gradient = recorded(batch, target)
        if tracing and not looks_at_batch:
            seen = _look(network, fixed[0])

        if step in note_at:
            values["train_loss"] = curve(float(loss), f"{scores.name} of the mini-batch", scores.units)
        if step in measure_at:
            if path is not None:
                path.append(flat([parameter.detach() for parameter in parameters]))
            snapshot = probes.Snapshot(
                step=step,
                config=config,
                network=network,
                pre_activations=seen,
                previous=previous,
                training=Objective(network, batch, target, criterion, noise, loss, gradient),
                fixed=Objective(network, *fixed, criterion, states_of(generators)),
                following=partial(optimizer.following, gradient),
                path=path or (),
                previous_gradient=previous_gradient,
            )
            values |= probes.measure(snapshot)
        previous = seen if tracing else None
        if keeps_gradient and tracing:
            previous_gradient = flat(gradient)
        if values:
            outcome: Outcome = "running"
            if last:
                outcome = "finished"
                values |= scores.final(network)
                values |= scores.with_population_statistics(network, inputs, config.batch_size)
            if not torch.isfinite(loss):
                outcome = "diverged"
            yield Frame(step, values, outcome)
            if outcome != "running":
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
    generator = stream(config.seed, "order")
    given = 0
    while True:
        order = torch.randperm(samples, generator=generator).to(device)  # drawn on the CPU: alike on all devices
        for start in range(0, samples - config.batch_size + 1, config.batch_size):
            yield order[start : start + config.batch_size]
            given += 1
            if given > config.steps:
                return


def _tensors(split: datasets.Split, kind: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    labels = torch.tensor(split.labels, device=device)
    inputs = torch.tensor(split.inputs, device=device, dtype=kind)
    return inputs, labels.to(kind) if labels.is_floating_point() else labels


def _look(network: nn.Module, batch: Tensor) -> list[Tensor]:
    """Pre-activations of `batch` in training mode, leaving no trace."""
    with undisturbed(network), torch.no_grad(), traced(network) as seen:
        network(batch)
    return seen
