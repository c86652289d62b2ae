"""The order in which a run sees its training samples."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bnviz.core.config import RunConfig
from bnviz.torch_support.rng import stream


def batch_order(samples: int, config: RunConfig, device: torch.device) -> Iterator[Tensor]:
    """Yield the sample indices of steps + 1 mini-batches, int64 (batch,), on `device`.

    Each epoch is a fresh permutation from the run's stream `order`; a smaller last batch is left out.
    """
    return batches_of(epochs(samples, config.seed), config, device)


def epochs(samples: int, seed: int) -> Iterator[Tensor]:
    """Yield a permutation of all samples, int64 (samples,), for each epoch; drawn on the CPU, equal on all devices."""
    generator = stream(seed, "order")
    while True:
        yield torch.randperm(samples, generator=generator)


def batches_of(orders: Iterator[Tensor], config: RunConfig, device: torch.device) -> Iterator[Tensor]:
    """Cut the orders of epochs, (..., samples), into steps + 1 batches of indices (..., batch)."""
    count = 0
    for permutation in orders:
        on_gpu = device.type == "cuda"
        order = permutation.pin_memory().to(device, non_blocking=True) if on_gpu else permutation
        for start in range(0, order.shape[-1] - config.batch_size + 1, config.batch_size):
            yield order[..., start : start + config.batch_size]
            count += 1
            if count > config.steps:
                return
