"""The order in which a run sees its training samples."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bnviz.core.config import RunConfig
from bnviz.torch_support.rng import stream


def batch_order(samples: int, config: RunConfig, device: torch.device) -> Iterator[Tensor]:
    """Indices of one mini-batch after the other, int64 (batch,), on `device`, for steps + 1 batches.

    Each epoch is a fresh permutation from the run's stream `order`; a last, smaller batch is left out.
    """
    return batches_of(epochs(samples, config.seed), config, device)


def epochs(samples: int, seed: int) -> Iterator[Tensor]:
    """The order of all samples, int64 (samples,), epoch after epoch; drawn on the CPU: alike on all devices."""
    generator = stream(seed, "order")
    while True:
        yield torch.randperm(samples, generator=generator)


def batches_of(orders: Iterator[Tensor], config: RunConfig, device: torch.device) -> Iterator[Tensor]:
    """Epochs' orders (..., samples) in batches (..., batch), for steps + 1 of them."""
    given = 0
    for drawn in orders:
        order = drawn.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else drawn
        for start in range(0, order.shape[-1] - config.batch_size + 1, config.batch_size):
            yield order[..., start : start + config.batch_size]
            given += 1
            if given > config.steps:
                return
