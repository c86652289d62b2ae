"""l_p batch norm.

Subtracts the mini-batch mean and divides by the l_1, l_2 or l_inf norm of the values as they were before the shift,
averaged over the batch; then gamma and beta (Santurkar et al. 2018, Sec. 3.3). With p = 2 it still is not batch norm,
which divides by the norm after the shift.
"""

import torch
from torch import Tensor, nn

from bnviz.norms import Slot

OPTIONS = {
    "norm_p": {
        "type": "choice",
        "default": "1",
        "choices": {"1": "l₁: mean of |x|", "2": "l₂: root of the mean of x²", "inf": "l∞: largest |x|"},
        "label": "Divide by",
        "help": "which norm l_p batch norm divides by",
    },
}

SUBSUMES_BIAS = False  # the norm is taken before the shift, so a bias in front changes the scale
RUNNING_STATISTICS = True


class LpBatchNorm(nn.Module):
    """Training: statistics of the mini-batch; inference: running averages of them, as batch norm does."""

    RECORDABLE = True
    running_mean: Tensor
    running_scale: Tensor

    def __init__(self, slot: Slot) -> None:
        super().__init__()
        config = slot.config
        self.p = config.option("norm_p")
        self.eps = config.norm_eps
        self.momentum = config.norm_momentum
        self.over = (0, *range(2, 2 + slot.spatial))
        shape = (1, slot.features, *(1 for _ in range(slot.spatial)))
        self.weight = nn.Parameter(torch.ones(shape)) if config.norm_affine else None
        self.bias = nn.Parameter(torch.zeros(shape)) if config.norm_affine else None
        self.register_buffer("running_mean", torch.zeros(shape))
        self.register_buffer("running_scale", torch.ones(shape))

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            mean, scale = inputs.mean(self.over, keepdim=True), self._scale(inputs)
            with torch.no_grad():
                self.running_mean.copy_(self.running_mean.lerp(mean, self.momentum))
                self.running_scale.copy_(self.running_scale.lerp(scale, self.momentum))
        else:
            mean, scale = self.running_mean, self.running_scale
        normalised = (inputs - mean) / (scale + self.eps)
        if self.weight is None or self.bias is None:
            return normalised
        return normalised * self.weight + self.bias

    def _scale(self, inputs: Tensor) -> Tensor:
        """n_1 = mean |x|, n_2 = sqrt(mean x^2), n_inf = max |x|, for each unit or feature map."""
        if self.p == "1":
            return inputs.abs().mean(self.over, keepdim=True)
        if self.p == "2":
            samples = inputs.numel() // inputs.shape[1]
            return torch.linalg.vector_norm(inputs, dim=self.over, keepdim=True) / samples**0.5
        return inputs.abs().amax(self.over, keepdim=True)


def build(slot: Slot) -> LpBatchNorm:
    """Divides by the norm that `norm_p` names."""
    return LpBatchNorm(slot)
