"""The theorems of Santurkar et al. 2018, Sec. 4, as functions of tensors, with batch norm's eps taken into account.

A layer's y = W x enters batch norm, z = gamma * yhat + beta leaves it, with yhat = (y - mu) / s, s^2 = sigma^2 + eps,
and g = dL/dz. The paper has eps = 0; its formulas differ visibly for eps > 0, so eps is included here.
Tensors are (m, units), one column of m values a unit: m is the batch, times the positions of a feature map. gamma is
(units,).
"""

from typing import NamedTuple

import torch
from torch import Tensor

ROUNDING = 1e-13
"""A standard deviation below this share of the mean is rounding, not variation."""


class Standardised(NamedTuple):
    """y - mu and yhat, both (m, units), and s (units,): NaN where a unit does not vary and eps does not help."""

    centred: Tensor
    normalised: Tensor
    deviation: Tensor


def standardised(y: Tensor, eps: float) -> Standardised:
    """What batch norm makes of y before gamma and beta."""
    mean = y.mean(0)
    centred = y - mean
    square = centred.square().mean(0) + eps
    deviation = torch.where(square > (ROUNDING * mean) ** 2, square.sqrt(), torch.nan)
    return Standardised(centred, centred / deviation, deviation)


def matched_batch_norm(y: Tensor, eps: float) -> Tensor:
    """Batch norm with gamma = s and beta = mu of this very batch, both constants: z = y, and yet dz/dy is not 1.

    Observation 4.3: there are parameters with which a network with batch norm is the network without. A unit that does
    not vary is passed on as it is.
    """
    normalised, deviation = standardised(y, eps)[1:]
    matched = normalised * deviation.detach() + y.detach().mean(0)
    return torch.where(deviation.isnan(), y, matched)


def projected(vector: Tensor, y: Tensor, eps: float) -> Tensor:
    """P vector, P = I - 11'/m - yhat yhat'/m: what batch norm keeps of it, without the factor gamma / s."""
    normalised = standardised(y, eps).normalised
    return vector - vector.mean(0) - normalised * (normalised * vector).mean(0)


def bn_gradient_norm(g: Tensor, y: Tensor, gamma: Tensor, eps: float) -> Tensor:
    """Theorem 4.1's right side, as a norm: |dL/dy_j| of every unit, out of what is known behind its batch norm.

    Its square is (gamma/s)^2 [ |g|^2 - <1,g>^2/m - (2 - rho) <g,yhat>^2/m ], rho = sigma^2/s^2, 1 for eps = 0. An
    equality, though the paper says "at most".
    """
    _, normalised, deviation = standardised(y, eps)
    rho = normalised.square().mean(0)
    mean_part = g.sum(0).square() / len(g)
    scale_part = (2 - rho) * (g * normalised).sum(0).square() / len(g)
    return (gamma / deviation).abs() * (g.square().sum(0) - mean_part - scale_part).clamp(min=0).sqrt()


def bn_curvature(g: Tensor, y: Tensor, gamma: Tensor, eps: float, v: Tensor, through: Tensor) -> Tensor:
    """Theorem 4.2's right side for any direction v (m, units), as its three terms (3, units), to be added.

    `through` (units,) is the curvature behind batch norm, (Pv)' H (Pv) with H = d2L/dz_j dz_j. With c = y - mu,
    A = <g,c>, B = <g,v - mean v>, D = <c,v>/m and E = |v - mean v|^2/m, the terms are (gamma/s)^2 through,
    -2 gamma B D / s^3 and gamma A (3 D^2/s^5 - E/s^3). For eps = 0 and v = dL/dy_j this is the paper's
    (gamma/sigma)^2 v'Hv - gamma/(m sigma^2) <g,yhat> |v|^2.
    """
    c, _, s = standardised(y, eps)
    v = v - v.mean(0)
    a, b = (g * c).sum(0), (g * v).sum(0)
    d, e = (c * v).mean(0), v.square().mean(0)
    return torch.stack(
        [(gamma / s) ** 2 * through, -2 * gamma * b * d / s**3, gamma * a * (3 * d**2 / s**5 - e / s**3)]
    )


def alignment(g: Tensor, y: Tensor, eps: float) -> Tensor:
    """<g,yhat>/m of every unit: with gamma > 0, Theorem 4.2's second term helps only where this is positive."""
    return (g * standardised(y, eps).normalised).mean(0)


def spectral_norm(matrix: Tensor) -> Tensor:
    """Largest singular value of (m, incoming), by the smaller Gram matrix; NaN where an entry is not finite."""
    gram = matrix.T @ matrix if matrix.shape[0] > matrix.shape[1] else matrix @ matrix.T
    if not gram.isfinite().all():
        return matrix.new_tensor(torch.nan)
    return torch.linalg.eigvalsh(gram)[-1].clamp(min=0).sqrt()


def nearest_rescaling(start: Tensor, weights: Tensor) -> Tensor:
    """The multiple of each row of `weights` that is nearest to that row of `start`; both (units, incoming)."""
    return weights * ((start * weights).sum(1) / weights.square().sum(1))[:, None]


def lemma_45(start: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Lemma 4.5's sides, |W0 - What|^2 and |W0 - W*|^2 - (|W*|^2 - <W*,W0>)^2 / |W*|^2, for each row: (units,) twice.

    Batch norm makes every multiple of W* as good, so the nearest, What, will do. NaN unless <W0,W*> > 0, as it demands.
    """
    product, square = (start * weights).sum(1), weights.square().sum(1)
    left = (start - nearest_rescaling(start, weights)).square().sum(1)
    right = (start - weights).square().sum(1) - (square - product) ** 2 / square
    return torch.where(product > 0, left, torch.nan), torch.where(product > 0, right, torch.nan)
