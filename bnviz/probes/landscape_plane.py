"""Loss over a plane in weight space.

The loss at a grid of points around the weights that the run ends at, on one fixed batch: along two random directions
whose filters are as long as the weights' own (Li et al. 2018), or along the two principal components of the run's path.
The run is one of its own, as long as the step that one wants to look at (see decision record 0008).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bnviz.core.record import Measurement
from bnviz.landscape.line import random_direction
from bnviz.landscape.objective import flat
from bnviz.landscape.plane import plane
from bnviz.probes import Snapshot

OPTIONS = {
    "plane_kind": {
        "type": "choice",
        "default": "random",
        "choices": {"random": "random, shared by arms", "pca": "the run's own principal components"},
        "label": "Axes of the plane",
        "help": "axes of the plane: random, shared by arms, or the run's own principal components",
    },
    "plane_points": {
        "type": "integer",
        "default": 21,
        "minimum": 3,
        "maximum": 51,
        "label": "Points on each side of the plane",
        "help": "points on each side of the plane",
    },
    "plane_span": {
        "type": "number",
        "default": 1.0,
        "above": 0.0,
        "maximum": 100.0,
        "label": "Half the side of the plane",
        "help": "half the plane's side, 1 being as long as the weights",
    },
    "plane_mode": {
        "type": "choice",
        "default": "training",
        "choices": {"training": "by the batch", "inference": "by the running statistics"},
        "label": "Normalise over the plane",
        "help": "normalise by the batch, or by the running statistics",
    },
}

SOURCE = "Li et al. 2018, Sec. 4"
NEEDS_PATH = True
PASSES = ("plane_points", "plane_points", 0.33)  # forward only
STEPS = 1
BATCH = "fixed"
MARGIN = 1.25
"""How much wider than the path the plane of principal components is."""
AXES = 2
Array = npt.NDArray[np.float64]


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Nothing before the last step; then `plane_loss` (plane_up, plane_across), and the path (path, axis) on the plane.

    Axes of a random plane count in lengths of the weights, filter by filter, and are shared by arms. Those of a plane
    of principal components count in the parameters' own units; their basis is this run's alone. Both are centred on
    the last weights. The loss is taken in training mode on the fixed batch (`probe_samples`, 512 by default), or in
    inference mode if `plane_mode` says so.
    """
    config = snapshot.config
    if snapshot.step < config.steps:
        return {}
    objective = snapshot.fixed
    moves = torch.stack(list(snapshot.path)).double() - flat([p.detach() for p in objective.parameters]).double()
    if config.option("plane_kind") == "pca":
        axes, explained = principal_axes(moves)
        path = (moves @ axes.T).cpu().numpy()
        reach = MARGIN * config.option("plane_span") * np.maximum(abs(path).max(axis=0), np.finfo(np.float32).tiny)
        directions = [_shaped(axis, objective.parameters) for axis in axes]
    else:
        directions = [random_direction(objective, config.seed, "plane", axis) for axis in range(AXES)]
        path = _projected(moves, torch.stack([flat(direction).double() for direction in directions]))
        reach = np.full(AXES, config.option("plane_span"))
        explained = np.full(AXES, np.nan)
    across, up = (
        length * np.linspace(-1, 1, config.option("plane_points")) for length in reach
    )  # exactly 0 in the middle
    with objective.preserved_weights():
        snapshot.network.train(config.option("plane_mode") == "training")
        loss = plane(objective, directions[0], directions[1], across, up)

    def labelled(array: Array, dims: tuple[str, ...], name: str) -> Measurement:
        return Measurement(np.asarray(array, np.float32), dims, name, "1", SOURCE)

    return {
        "plane_loss": labelled(loss, ("plane_up", "plane_across"), "loss over the plane"),
        "plane_across_at": labelled(across, ("plane_across",), "distance along the first axis"),
        "plane_up_at": labelled(up, ("plane_up",), "distance along the second axis"),
        "plane_path": labelled(path, ("path", "axis"), "the weights at each probed step, projected on the plane"),
        "plane_explained": labelled(explained, ("axis",), "share of the path's variance along the axis"),
    }


def principal_axes(moves: Tensor) -> tuple[Tensor, Array]:
    """Orthonormal axes (2, parameters) of moves (points, parameters) from one point, and each one's share of the whole.

    Principal components about that point, not about the mean, so that the plane goes through it. The sign of an axis is
    such that the path comes from its positive side. NaN where the path is not finite.
    """
    if not moves.isfinite().all():  # a run that diverges at its last step: nothing can be decomposed
        return moves.new_full((AXES, moves.shape[1]), np.nan), np.full(AXES, np.nan)
    _, lengths, axes = torch.linalg.svd(moves, full_matrices=False)  # (k,), (k, parameters)
    axes = torch.nn.functional.pad(axes[:AXES], (0, 0, 0, max(AXES - len(axes), 0)))
    signs = torch.where(axes @ moves[0] < 0, -1.0, 1.0).to(axes)
    shares = lengths.square() / lengths.square().sum().clamp(min=torch.finfo(lengths.dtype).tiny)
    return axes * signs[:, None], np.pad(shares.cpu().numpy(), (0, AXES))[:AXES]


def _projected(moves: Tensor, directions: Tensor) -> Array:
    """Coordinates (points, 2) of the nearest points of the plane: the directions are not quite orthogonal.

    NaN where the path is not finite.
    """
    if not moves.isfinite().all():
        return np.full((len(moves), AXES), np.nan)
    coordinates: Array = torch.linalg.lstsq(directions.T, moves.T).solution.T.cpu().numpy()
    return coordinates


def _shaped(row: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """One row of numbers as tensors like the parameters."""
    parts = row.split([parameter.numel() for parameter in parameters])
    return [part.view_as(parameter).to(parameter) for part, parameter in zip(parts, parameters, strict=True)]
