"""Sharpness.

The largest eigenvalues of the Hessian of the loss on one fixed batch, in training mode: by Lanczos with Hessian-vector
products (ARPACK, in SciPy). On a quadratic, gradient descent with a learning rate above 2 / sharpness diverges
(Cohen et al. 2021). Algebraically largest: with batch norm the one that is largest in magnitude can be negative.
"""

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from bnviz.objective import Objective, flat
from bnviz.probes import Snapshot
from bnviz.record import Measurement
from bnviz.schedule import spread_steps
from bnviz.streams import stream_seed

SOURCE = "Cohen et al. 2021, Sec. 2"
PASSES = 20  # about 20 products of two passes each and more, at a third of the probed steps of a usual run
TOLERANCE = 1e-4  # relative; the residual of an eigenvalue of this size is far below what a chart shows
RESTARTS = 30  # of Lanczos, about as many products each as there are vectors kept: the end of patience
FEW = 30  # so few parameters have a Hessian that can be written out
Array = npt.NDArray[np.float64]


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Dimension `rank`, the largest first; NaN where Lanczos did not converge or the loss is not finite.

    Nothing at the steps that are left out: `sharpness_points` of the probed ones are chosen, first and last among them.
    """
    config = snapshot.config
    if snapshot.step not in chosen_steps(spread_steps(config.steps, config.probe_points), config.sharpness_points):
        return {}
    objective = snapshot.fixed
    with objective.visited() as start:
        values = largest_eigenvalues(objective, config.sharpness_count, stream_seed(config.seed, "sharpness"))
        norm = float(flat(start).norm())
    return {
        "sharpness": Measurement(
            values.astype(np.float32), ("rank",), "largest eigenvalues of the Hessian", "1", SOURCE
        ),
        "sharpness_weight_norm": Measurement(np.array(norm, np.float32), (), "norm of all parameters, |theta|"),
    }


def chosen_steps(steps: tuple[int, ...], count: int) -> set[int]:
    """At most `count` of the steps, evenly spread over their places, the first and the last among them."""
    places = np.linspace(0, len(steps) - 1, min(count, len(steps)))
    return {steps[round(place)] for place in places}


def largest_eigenvalues(objective: Objective, count: int, seed: int) -> Array:
    """The `count` algebraically largest eigenvalues at the weights as they are, float64 (count,), largest first."""
    parameters = objective.parameters
    with torch.enable_grad():
        gradient = flat(torch.autograd.grad(objective.loss(), parameters, create_graph=True))
    if not torch.isfinite(gradient).all():
        return np.full(count, np.nan)

    def product(vector: Array) -> Array:
        direction = torch.from_numpy(np.ascontiguousarray(vector).reshape(-1)).to(gradient)
        along = torch.autograd.grad(gradient, parameters, direction, retain_graph=True, materialize_grads=True)
        array: Array = flat(along).double().cpu().numpy()
        return array

    size = gradient.numel()
    if size <= max(FEW, count + 1):
        hessian = np.stack([product(row) for row in np.eye(size)])
        found = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    else:
        found = _lanczos(LinearOperator((size, size), product, dtype=np.float64), count, seed)
    return np.pad(np.sort(found)[::-1], (0, count), constant_values=np.nan)[:count]


def _lanczos(hessian: LinearOperator, count: int, seed: int) -> Array:
    """Those of the wanted eigenvalues that converged; the first vector is random, but the same in every run."""
    first = np.random.default_rng(seed).standard_normal(hessian.shape[0])
    try:
        found: Array = eigsh(
            hessian, count, which="LA", tol=TOLERANCE, maxiter=RESTARTS, v0=first, return_eigenvectors=False
        )
    except ArpackNoConvergence as error:
        found = error.eigenvalues
    return found
