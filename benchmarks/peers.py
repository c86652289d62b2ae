"""Our landscape code beside loss_landscapes, curvlinops, PyHessian and naive code, in seconds, ours over theirs.

`python -m benchmarks.peers` times the two ways in turn, in one process on one thread, in processor seconds. The plane
has random directions as long as the weights' filters. The largest Hessian eigenvalue on 512 samples has the same
tolerance for all; for both ways of Lanczos it bounds the residual, for PyHessian's power iteration only the change
between iterations, so it stops earlier and further off. The line has loss, gradient change, angle and distance at 8
step lengths, against a deep copy of the network for each. The packages are in requirements-bench.txt; rows whose
package or data are missing are left out.
"""

import copy
import warnings
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse.linalg import eigsh
from torch import nn

from benchmarks.tables import Table, Values, Work, print_tables, ratios
from bnviz import datasets, networks
from bnviz.core.config import RunConfig
from bnviz.datasets import DatasetError
from bnviz.landscape.line import random_direction, step_lengths
from bnviz.landscape.objective import CRITERIA, Objective, flat
from bnviz.landscape.plane import plane
from bnviz.probes import Snapshot, landscape_line
from bnviz.probes.sharpness import TOLERANCE, largest_eigenvalues
from bnviz.training import train

CRITERION = CRITERIA["classes"]
NETWORKS = {
    "3x100 sigmoid": RunConfig(widths=(100,) * 3, steps=100, probes=()),
    "10x100 ReLU": RunConfig(widths=(100,) * 10, activation="relu", init="he", steps=100, probes=()),
}
SIDE = 20  # points on each side of the plane
PLANE_BATCH, LINE_BATCH, CURVATURE_BATCH = 10_000, 128, 512
LENGTHS = step_lengths(0.5, 4.0, 8)  # of the line, in learning rates
MOST_ITERATIONS = 1000  # of power iteration, whose own default is 100
COLUMN = "ours over theirs"
ABOUT = "Processor seconds of the same work, one thread, in turn. Medians and quartiles of {pairs} pairs."


class Contest(NamedTuple):
    """Two ways to the same result; `goal` is the largest ratio aimed at, None without one."""

    name: str
    ours: Work
    theirs: Work
    goal: float | None = None


def tables(pairs: int) -> list[Table]:
    """One row for each contest; the text names what is missing."""
    torch.set_num_threads(1)
    torch.manual_seed(0)  # the other packages draw from the common stream
    rows: dict[str, tuple[Values, ...]] = {}
    goals: dict[tuple[str, str], str] = {}
    about = [ABOUT.format(pairs=pairs)]
    for contest in contests():
        if isinstance(contest, str):
            about.append(contest)
            continue
        rows[contest.name] = (ratios(contest.ours, contest.theirs, pairs),)
        if contest.goal is not None:
            goals[contest.name, COLUMN] = f"<= {contest.goal}"
    return [Table("peers", "Beside other packages", " ".join(about), "seconds", (COLUMN,), rows, goals)]


def contests() -> Iterator[Contest | str]:
    """One after the other; a sentence in the place of those that cannot be held."""
    packages = {"loss_landscapes": planes, "curvlinops": lanczos, "pyhessian": power_iterations}
    for package, held in packages.items():
        if find_spec(package) is None:
            yield f"Without {package}, which is not installed."
        else:
            yield from held()
    yield from lines()


def planes() -> Iterator[Contest | str]:
    """A plane of random directions, by `loss_landscapes.random_plane`."""
    import loss_landscapes
    import loss_landscapes.metrics

    try:
        network, objective = _prepared(RunConfig(dataset="mnist", widths=(128,), activation="relu"), PLANE_BATCH)
    except DatasetError as error:
        yield f"Without the plane: {error}"
        return
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()  # torch's own, as in its examples: it divides by biases
    metric = loss_landscapes.metrics.Loss(CRITERION, objective.inputs, objective.targets)
    span = np.linspace(-1, 1, SIDE)

    def ours() -> object:
        axes = [random_direction(objective, 0, "plane", axis) for axis in range(2)]
        return plane(objective, axes[0], axes[1], span, span)

    def theirs() -> object:
        return loss_landscapes.random_plane(network, metric, steps=SIDE, normalization="filter", deepcopy_model=True)

    yield Contest(f"plane {SIDE}x{SIDE}, 784-128-10 ReLU, MNIST, loss_landscapes", ours, theirs, 0.5)


def lanczos() -> Iterator[Contest]:
    """SciPy's Lanczos on curvlinops' operator, with as many vectors as SciPy takes by default."""
    from curvlinops import HessianLinearOperator

    for name, objective in _trained():

        def theirs(objective: Objective = objective) -> object:
            batch = [(objective.inputs, objective.targets)]
            operator = HessianLinearOperator(
                objective.network, nn.CrossEntropyLoss(), objective.parameters, batch, check_deterministic=False
            )
            return eigsh(operator.to_scipy(), 1, which="LA", tol=TOLERANCE, return_eigenvectors=False)

        yield Contest(f"eigenvalue, {name}, curvlinops", partial(largest_eigenvalues, objective, 1, 0), theirs, 1.0)


def power_iterations() -> Iterator[Contest]:
    """PyHessian's power iteration with the same number for the tolerance."""
    from pyhessian import hessian

    for name, objective in _trained():

        def theirs(objective: Objective = objective) -> object:
            objective.network.zero_grad()  # it adds to the gradients that it finds
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a reference cycle, which zero_grad breaks
                operator = hessian(objective.network, CRITERION, data=(objective.inputs, objective.targets), cuda=False)
            found = operator.eigenvalues(maxIter=MOST_ITERATIONS, tol=TOLERANCE)
            objective.network.zero_grad()
            return found

        yield Contest(f"eigenvalue, {name}, pyhessian", partial(largest_eigenvalues, objective, 1, 0), theirs, 0.5)


def lines() -> Iterator[Contest]:
    """A copy of the network for every step length, whose optimiser takes the step; the gradient is there already."""
    for name, config in _configs():
        network, objective = _prepared(config, LINE_BATCH)
        loss, gradient = objective.gradient()
        known = Objective(network, objective.inputs, objective.targets, CRITERION, objective.noise, loss, gradient)
        snapshot = Snapshot(0, config, network, [], None, known, known, list)

        def ours(snapshot: Snapshot = snapshot) -> object:
            return landscape_line.measure(snapshot)

        def theirs(known: Objective = known, config: RunConfig = config) -> object:
            return [_step_on_copy(known, config.learning_rate * length) for length in LENGTHS.tolist()]

        yield Contest(f"line of {len(LENGTHS)}, {name}, deep copies", ours, theirs)


def _configs() -> Iterator[tuple[str, RunConfig]]:
    for name, config in NETWORKS.items():
        for norm, words in (("none", ""), ("batch", ", batch norm")):
            yield name + words, config.model_copy(update={"norm": norm})


def _prepared(config: RunConfig, samples: int) -> tuple[nn.Module, Objective]:
    """The untrained network of `config`, and its loss on the first so many training samples."""
    data = datasets.load(config.dataset, 0)
    network = networks.build(config, data.train.inputs.shape[1:], data.classes, torch.device("cpu"))
    inputs, labels = torch.tensor(data.train.inputs[:samples]), torch.tensor(data.train.labels[:samples])
    return network, Objective.of(network, inputs, labels, CRITERION)


def _trained() -> Iterator[tuple[str, Objective]]:
    """Trained a little; batch norm without running averages, so that both modes agree and curvlinops accepts it."""
    for name, config in _configs():
        network, objective = _prepared(config, CURVATURE_BATCH)
        for _ in train(config, network):
            pass
        torch.func.replace_all_batch_norm_modules_(network)
        yield name, objective


def _step_on_copy(objective: Objective, length: float) -> tuple[Any, ...]:
    """Loss, change of the gradient, cosine and distance after a step of that length, as one would write it down."""
    _, gradient = objective.loss_and_gradient()
    twin = copy.deepcopy(objective.network)
    for parameter, part in zip(twin.parameters(), gradient, strict=True):
        parameter.grad = part.clone()
    optimizer = torch.optim.SGD(twin.parameters(), lr=length)
    optimizer.step()
    optimizer.zero_grad()
    loss = objective.criterion(twin(objective.inputs), objective.targets)
    loss.backward()
    before = flat(gradient)
    after = flat([parameter.grad for parameter in twin.parameters() if parameter.grad is not None])
    cosine = nn.functional.cosine_similarity(before, after, dim=0)
    return loss.item(), (after - before).norm().item(), cosine.item(), length * before.norm().item()


if __name__ == "__main__":
    print_tables(__doc__, tables)
