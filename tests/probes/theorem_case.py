"""What the tests of the theorems share: a unit before batch norm, and a loss that couples all samples and units."""

from collections.abc import Callable

import torch
from torch import Tensor


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# The formulas: y enters batch norm, whose gamma and beta are anything, and a loss that couples all samples and units


class Case:
    """Nine samples, four units, a loss that is not linear, and gradients by autograd through torch's batch norm."""

    def __init__(self, eps: float, seed: int = 0, samples: int = 9) -> None:
        self.eps = eps
        self.y = drawn(samples, 4, seed=seed) * 0.7 + 3
        self.gamma, self.beta = drawn(4, seed=seed + 1), drawn(4, seed=seed + 2)
        self.mix = drawn(4 * samples, 4 * samples, seed=seed + 3) / 6
        self.z = self.normalised(self.y)
        self.g = self.gradient(self.loss_behind, self.z)
        self.v = self.gradient(lambda y: self.loss_behind(self.normalised(y)), self.y)

    def normalised(self, y: Tensor) -> Tensor:
        # the primitive under F.batch_norm, which would refuse eps = 0
        return torch.batch_norm(y, self.gamma, self.beta, None, None, True, 0.0, self.eps, False)

    def loss_behind(self, z: Tensor) -> Tensor:
        return torch.tanh(self.mix @ z.flatten()).square().sum() + z.sin().sum()

    @staticmethod
    def gradient(loss: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
        at = at.detach().requires_grad_()
        return torch.autograd.grad(loss(at), at)[0]

    def hessian(self, loss: Callable[[Tensor], Tensor], at: Tensor, unit: int) -> Tensor:
        """Dense, of one unit's values, the other units held: (samples, samples)."""

        def of_unit(column: Tensor) -> Tensor:
            return loss(torch.cat([at[:, :unit], column[:, None], at[:, unit + 1 :]], dim=1))

        return torch.autograd.functional.hessian(of_unit, at[:, unit])


def relative(value: Tensor, expected: Tensor) -> float:
    return float(((value - expected).abs() / expected.abs()).max())
