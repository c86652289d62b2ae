"""The rows of `benchmarks.others` about the Hessian's largest eigenvalue. Nothing is timed here."""

import warnings
from collections.abc import Iterator

import torch
from scipy.sparse.linalg import eigsh
from torch import nn

from benchmarks._others_contest import CRITERION, Contest, Way, prepared, small
from bnviz.landscape.objective import Objective
from bnviz.probes.sharpness import EXTRA_VECTORS, TOLERANCE, largest_eigenvalues
from bnviz.training import train

SAMPLES = 512
MOST_ITERATIONS = 1000  # of power iteration, by itself 100


def lanczos() -> Iterator[Contest]:
    """SciPy's Lanczos on `curvlinops.HessianLinearOperator`: as many vectors as SciPy takes by itself, and as ours."""
    from curvlinops import HessianLinearOperator

    for name, objective, ours in _curved():
        for vectors, goal in ((None, 1.0), (2 + EXTRA_VECTORS, None)):

            def theirs(vectors: int | None = vectors, objective: Objective = objective) -> str:
                batch, loss = [(objective.inputs, objective.targets)], nn.CrossEntropyLoss()
                operator = HessianLinearOperator(
                    objective.network, loss, objective.parameters, batch, check_deterministic=False
                )
                found = eigsh(operator.to_scipy(), 1, which="LA", ncv=vectors, tol=TOLERANCE, return_eigenvectors=False)
                return f"{found[0]:.5g}"

            yield Contest(f"eigenvalue, {name}, curvlinops, {vectors or 20} vectors", ours, theirs, goal)


def power_iterations() -> Iterator[Contest]:
    """`pyhessian.hessian`, which ends when a Rayleigh quotient differs from the one before by less than the tolerance.

    That bounds no error, so there is a second row: with the loosest tolerance that brought what it found as close to
    ours as ours promises to be to the truth. It looks for the eigenvalue that is largest in magnitude.
    """
    for name, objective, ours in _curved():
        value = largest_eigenvalues(objective, 1, 0)[0]
        powers = (TOLERANCE / 10**power for power in range(6))
        close = next((one for one in powers if abs(_iterated(objective, one) / value - 1) <= TOLERANCE), 0.0)
        for tolerance, words in ((TOLERANCE, ""), (close, " as close")):

            def theirs(objective: Objective = objective, tolerance: float = tolerance) -> str:
                return f"{_iterated(objective, tolerance):.5g}"

            yield Contest(f"eigenvalue, {name}, pyhessian{words} (tol {tolerance:.0e})", ours, theirs, 0.5)


def _iterated(objective: Objective, tolerance: float) -> float:
    from pyhessian import hessian

    objective.network.zero_grad()  # it adds to the gradients that it finds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a cycle, which zero_grad breaks
        looked = hessian(objective.network, CRITERION, data=(objective.inputs, objective.targets), cuda=False)
    values, _ = looked.eigenvalues(maxIter=MOST_ITERATIONS, tol=tolerance)
    objective.network.zero_grad()
    return float(values[0])


def _curved() -> Iterator[tuple[str, Objective, Way]]:
    """Trained a little; batch norm keeps no running averages, so that all modes are one, and curvlinops can take it."""
    for name, config in small():
        network, objective = prepared(config, SAMPLES)
        for _ in train(config, network):
            pass
        torch.func.replace_all_batch_norm_modules_(network)

        def ours(objective: Objective = objective) -> str:
            return f"{largest_eigenvalues(objective, 1, 0)[0]:.5g}"

        yield name, objective, ours
