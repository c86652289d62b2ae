"""Measurement pitfalls.

Two measurements that are common in public code and do not measure what they are taken for: the difference between the
gradients of two consecutive steps, which are on different mini-batches, taken for gradient predictiveness; and the
gradient in inference mode, taken for that of the training.
"""

import numpy as np
import torch

from bnviz.core.record import Measurement
from bnviz.landscape.objective import flat
from bnviz.probes import Snapshot

NEEDS_PREVIOUS_GRADIENT = True
PASSES = 1


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Scalars over all parameters. At learning rate 0 the first is not 0: it measures how mini-batches differ."""
    objective = snapshot.training
    right = flat(objective.loss_and_gradient()[1])
    difference = np.nan
    if snapshot.previous_gradient is not None:
        difference = float((right - snapshot.previous_gradient).norm())
    with objective.preserved_weights():
        snapshot.network.eval()
        wrong = flat(objective.gradient()[1])
    cosine = float((torch.dot(wrong, right) / (wrong.norm() * right.norm())).clamp(-1, 1))

    def scalar(value: float, name: str) -> Measurement:
        return Measurement(np.array(value, np.float32), (), name)

    return {
        "wrong_batch_difference": scalar(difference, "|g_t - g_(t-1)|, on different mini-batches"),
        "wrong_mode_cosine": scalar(cosine, "cosine between the gradients in training and in inference mode"),
    }
