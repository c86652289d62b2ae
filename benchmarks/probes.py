"""What each probe that moves weights costs, over as many bare passes through the same network.

`python -m benchmarks.probes` times a probe and its passes in turn, in processor seconds on one thread, and prints
ratios. line: the probe as a run makes it, 8 step lengths on the mini-batch of 128, whose gradient the training already
has, over 9 forward-and-backward passes. fixed: the same on a batch whose gradient nobody has yet. shift: all k layers
over k such passes. plane: 21 x 21 points over 441 forward passes without gradients, on a batch of 512.
"""

import numpy as np
import torch

from benchmarks.tables import Table, Values, Work, print_tables, ratios
from bnviz import datasets, networks
from bnviz.core.config import RunConfig
from bnviz.landscape.line import along, random_direction, step_lengths
from bnviz.landscape.objective import CRITERIA, Objective
from bnviz.landscape.plane import plane
from bnviz.probes import Snapshot, covariate_shift, landscape_line

GOALS = {"line": "<= 1.05", "fixed": "<= 1.15", "shift": "<= 1.15", "plane": "<= 1.05"}
NETWORKS = {
    "3x100 sigmoid": RunConfig(widths=(100,) * 3),
    "10x100 relu": RunConfig(widths=(100,) * 10, activation="relu", init="he"),
}
LINE_BATCH, PLANE_BATCH = 128, 512
POINTS, SIDE = 8, 21
REPEATS = 10  # of what takes only milliseconds, within one measurement
ABOUT = (
    f"Each against as many bare passes of the same network on the same batch (digits, batch {LINE_BATCH}; plane: "
    f"{PLANE_BATCH}), in processor seconds. The line looks at {POINTS} step lengths and is held against {POINTS + 1} "
    "forward-and-backward passes, as a run makes it (the training has the gradient at the start already) and on a "
    "fixed batch (it has not); the shift of all k layers against k of them; a plane of "
    f"{SIDE} x {SIDE} points against {SIDE**2} forward passes. Medians and quartiles of {{pairs}} pairs."
)


def tables(pairs: int) -> list[Table]:
    """One row for each network, with and without batch norm."""
    torch.set_num_threads(1)
    rows: dict[str, tuple[Values, ...]] = {}
    for name, config in NETWORKS.items():
        for norm, row in (("none", name), ("batch", f"{name}, batch norm")):
            works = _works(config.model_copy(update={"norm": norm}))
            rows[row] = tuple(ratios(*works[probe], pairs, 1 if probe == "plane" else REPEATS) for probe in GOALS)
    goals = {(row, probe): goal for row in rows for probe, goal in GOALS.items()}
    about = ABOUT.format(pairs=pairs)
    return [Table("probes", "What the probes cost", about, "over bare passes", tuple(GOALS), rows, goals)]


def _works(config: RunConfig) -> dict[str, tuple[Work, Work]]:
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
    moved = [p.detach() - config.learning_rate * g for p, g in zip(parameters, gradient, strict=True)]
    known = Objective(network, small.inputs, small.targets, criterion, small.noise, loss, gradient)
    snapshot = Snapshot(0, config, network, [], None, known, large, lambda: moved)
    axes = [random_direction(large, 0, "plane", axis) for axis in range(2)]
    span = np.linspace(-1, 1, SIDE)
    return {
        "line": (lambda: landscape_line.measure(snapshot), lambda: backward(POINTS + 1)),
        "fixed": (lambda: along(small, None, lengths), lambda: backward(POINTS + 1)),
        "shift": (lambda: covariate_shift.measure(snapshot), lambda: backward(layers)),
        "plane": (lambda: plane(large, axes[0], axes[1], span, span), forward),
    }


if __name__ == "__main__":
    print_tables(__doc__, tables)
