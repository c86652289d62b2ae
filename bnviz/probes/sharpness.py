"""Sharpness.

The largest eigenvalues of the Hessian of the loss on one fixed batch, normalised as in training, by Lanczos with
Hessian-vector products. On a quadratic, gradient descent diverges where the learning rate exceeds 2 / sharpness, and
networks train near that edge (Cohen et al. 2021). Algebraically largest: with batch norm, the eigenvalue that is
largest in magnitude can be negative. It costs much, so it is measured at few of the run's probe steps.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh

from bnviz.core.measurement_schedule import spread_steps
from bnviz.core.record import Measurement
from bnviz.landscape.objective import Objective, flat
from bnviz.probes import Snapshot
from bnviz.torch_support.rng import stream

OPTIONS = {
    "sharpness_points": {
        "type": "integer",
        "default": 8,
        "minimum": 2,
        "maximum": 500,
        "label": "Steps with a measured sharpness",
        "help": "at how many steps the sharpness is measured, at most",
    },
    "sharpness_count": {
        "type": "integer",
        "default": 1,
        "minimum": 1,
        "maximum": 5,
        "label": "Hessian eigenvalues",
        "help": "how many of the largest Hessian eigenvalues",
    },
}

Array = npt.NDArray[np.float64]

SOURCE = "Cohen et al. 2021"
PASSES = 30  # 9 to 21 products of 2 passes each
STEPS = "sharpness_points"
BATCH = "fixed"

TOLERANCE = 1e-3
"""ARPACK's bound on the residual, relative to the eigenvalue. The error goes with the square of
the residual: 2e-6 at most on ten layers of 100 units. In float32 the products limit it, to 3e-4 near ReLU's kinks."""
EXTRA_VECTORS = 6
"""Lanczos vectors besides two per eigenvalue; more do not reduce the number of products."""
RESTARTS = 20
"""Most restarts, about 200 products; eigenvalues that have not converged by then are left out."""


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Dimension `rank`, largest first; nothing at steps that `chosen_steps` leaves out.

    NaN where the loss, its gradient or a product is not finite, where Lanczos has not converged, and for ranks beyond
    the number of parameters.
    """
    config = snapshot.config
    if snapshot.step not in chosen_steps(
        spread_steps(config.steps, config.probe_points), config.option("sharpness_points")
    ):
        return {}
    values = largest_eigenvalues(snapshot.fixed, config.option("sharpness_count"), config.seed).astype(np.float32)
    length = flat(snapshot.fixed.parameters).detach().double().norm().cpu().numpy().astype(np.float32)
    return {
        "sharpness": Measurement(values, ("rank",), "largest eigenvalues of the Hessian", "1", SOURCE),
        "sharpness_weight_norm": Measurement(length, (), "norm of all parameters, |theta|", "1", SOURCE),
    }


def chosen_steps(steps: Sequence[int], count: int) -> tuple[int, ...]:
    """Return `count` (at least 2) of the steps, evenly spread, with both ends; all if there are fewer."""
    places = np.linspace(0, len(steps) - 1, min(count, len(steps)))
    return tuple(steps[round(place)] for place in places)


def largest_eigenvalues(objective: Objective, count: int, seed: int) -> Array:
    """Of the Hessian over all parameters, at the weights as they are: (count,), largest first, NaN for what is missing.

    Lanczos starts from the stream `sharpness` of the seed, the same at every step and in every arm of as many
    parameters.
    """
    with objective.preserved_weights():
        parameters = objective.parameters
        loss = objective.loss()
        gradient = torch.autograd.grad(loss, parameters, create_graph=True)
        if not torch.isfinite(torch.stack([loss.detach(), *(part.detach().sum() for part in gradient)])).all():
            return np.full(count, np.nan)
        sizes = [parameter.numel() for parameter in parameters]

        def product(vector: Array) -> Array:
            parts = torch.from_numpy(vector.reshape(-1)).to(gradient[0]).split(sizes)
            along = [part.view_as(parameter) for part, parameter in zip(parts, parameters, strict=True)]
            row = flat(torch.autograd.grad(gradient, parameters, along, retain_graph=True))
            result: Array = row.double().cpu().numpy()
            if not np.isfinite(result).all():
                raise FloatingPointError("a Hessian-vector product is not finite")
            return result

        start = torch.randn(sum(sizes), generator=stream(seed, "sharpness"), dtype=torch.float64)
        try:
            converged = _lanczos(product, start.numpy(), count)
        except FloatingPointError:
            converged = np.empty(0)
    values = np.full(count, np.nan)
    values[: len(converged)] = np.sort(converged)[::-1][:count]
    return values


def _lanczos(product: Callable[[Array], Array], start: Array, count: int) -> Array:
    """Up to `count` of the largest eigenvalues, or all of a matrix so small that Lanczos would span it."""
    size, vectors = len(start), 2 * count + EXTRA_VECTORS
    if size <= vectors:
        eigenvalues: Array = np.linalg.eigvalsh(np.stack([product(column) for column in np.eye(size)]))
        return eigenvalues
    operator = LinearOperator((size, size), product, dtype=np.float64)
    try:
        eigenvalues = eigsh(
            operator,
            count,
            which="LA",
            v0=start,
            ncv=vectors,
            tol=TOLERANCE,
            maxiter=RESTARTS,
            return_eigenvectors=False,
        )
    except ArpackNoConvergence as error:
        eigenvalues = error.eigenvalues
    except ArpackError:
        if product(start).any():
            raise
        eigenvalues = np.zeros(count)  # no curvature anywhere, as in a network whose units are all off
    return eigenvalues
