"""What the probes that move weights cost, each as a ratio to as many bare passes through the same network.

`python -m benchmarks.probes` (part of `make bench`) takes a probe and its passes in turn, now one first, now the other,
so that a machine whose speed drifts slows both alike, and prints the median of the ratios with their quartiles:

- line: the probe as a run makes it, K = 8 step lengths on the training mini-batch of 128, whose gradient the training
  has already; beside the 9 forward-and-backward passes that the 8 points and the start are;
- fixed: the same on a batch whose gradient nobody has yet, as with probe_data = fixed;
- shift: all k layers, beside k such passes; the training has made the pass before, and knows the step, so the probe is
  handed both;
- plane: 21 x 21 points, beside 441 forward passes without gradients on the same batch of 512.

Seconds are the process's own on the processor, one thread, so that waiting for others does not count. That others use
the caches too still does; goals are for a quiet machine. What a whole run costs, `benchmarks.overhead` tells.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from bnviz import datasets, networks
from bnviz.config import RunConfig
from bnviz.line import along, random_direction, step_lengths
from bnviz.objective import CRITERIA, Objective
from bnviz.plane import plane
from bnviz.probes import Snapshot, covariate_shift, landscape_line

GOALS = {"line": 1.15, "fixed": 1.15, "shift": 1.15, "plane": 1.10}
NETWORKS = {
    "3x100 sigmoid": RunConfig(widths=(100,) * 3),
    "10x100 relu": RunConfig(widths=(100,) * 10, activation="relu", init="he"),
}
LINE_BATCH, PLANE_BATCH = 128, 512
POINTS, SIDE = 8, 21
REPEATS = 10  # of what takes but milliseconds, within one measurement


def main() -> None:
    """Print one line for each network, kind of normalisation and probe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20, help="how often each is timed")
    pairs = parser.parse_args().pairs
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, digits, batch {LINE_BATCH} (plane: {PLANE_BATCH}), {pairs} pairs")
    for name, config in NETWORKS.items():
        for norm in ("none", "batch"):
            for probe, (look, passes) in _pairs(config.model_copy(update={"norm": norm})).items():
                times = 1 if probe == "plane" else REPEATS
                _seconds(look, times), _seconds(passes, times)  # the first ones are slow
                ratios = [_ratio(look, passes, times, first=pair % 2 == 0) for pair in range(pairs)]
                low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
                print(
                    f"{name:13s} {norm:5s} {probe:5s} {middle:.2f} x bare passes "
                    f"({low:.2f} to {high:.2f}; goal {GOALS[probe]:.2f})",
                    flush=True,
                )


def _pairs(config: RunConfig) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """By probe: its measurement, and the bare passes to compare with."""
    data = datasets.load("digits", 0)
    network = networks.build(config, data.train.inputs.shape[1:], data.classes, torch.device("cpu"))
    parameters = list(network.parameters())
    criterion = CRITERIA["classes"]
    inputs, labels = torch.tensor(data.train.inputs), torch.tensor(data.train.labels)
    small = Objective.of(network, inputs[:LINE_BATCH], labels[:LINE_BATCH], criterion)
    large = Objective.of(network, inputs[:PLANE_BATCH], labels[:PLANE_BATCH], criterion)
    layers = len(config.widths) + 1

    def backward(times: int) -> None:
        for _ in range(times):
            torch.autograd.grad(criterion(network(small.inputs), small.targets), parameters)

    def forward() -> None:
        with torch.no_grad():
            for _ in range(SIDE**2):
                criterion(network(large.inputs), large.targets)

    lengths = step_lengths(0.5, 4.0, POINTS) * config.learning_rate
    loss, gradient = small.gradient()
    following = [p.detach() - config.learning_rate * g for p, g in zip(parameters, gradient, strict=True)]
    known = Objective(network, small.inputs, small.targets, criterion, small.noise, loss, gradient)
    snapshot = Snapshot(0, config, network, [], None, known, large, lambda: following)
    axes = [random_direction(large, 0, "plane", axis) for axis in range(2)]
    span = np.linspace(-1, 1, SIDE)
    return {
        "line": (lambda: landscape_line.measure(snapshot), lambda: backward(POINTS + 1)),
        "fixed": (lambda: along(small, None, lengths), lambda: backward(POINTS + 1)),
        "shift": (lambda: covariate_shift.measure(snapshot), lambda: backward(layers)),
        "plane": (lambda: plane(large, axes[0], axes[1], span, span), forward),
    }


def _ratio(look: Callable[[], object], passes: Callable[[], object], times: int, first: bool) -> float:
    if first:
        return _seconds(look, times) / _seconds(passes, times)
    bare = _seconds(passes, times)
    return _seconds(look, times) / bare


def _seconds(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
