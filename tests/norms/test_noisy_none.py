"""Noise without normalisation: the noise of noisy batch norm, and nothing else."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnviz import RunConfig, norms
from bnviz.torch_support.rng import stream

SHAPES = pytest.mark.parametrize("shape", [(32, 5), (8, 5, 4, 3)], ids=["dense", "images"])
PER = pytest.mark.parametrize("per", ["unit", "layer"])


def data(shape: tuple[int, ...]) -> Tensor:
    return 2 * torch.randn(shape, generator=stream(0, "inputs"), dtype=torch.float64) + 3


def built(norm: str, shape: tuple[int, ...], **settings: Any) -> Any:
    config = RunConfig(norm=norm, **settings)
    return norms.build(norms.Slot(config, shape[1], len(shape) - 2, stream(0, "noise", "here"))).double()


@PER
@SHAPES
def test_draws_are_those_of_noisy_batch_norm(shape: tuple[int, ...], per: str) -> None:
    """Given what batch norm would give, it does to it what noisy batch norm does: in each of three steps."""
    noisy, alone, plain = (built(norm, shape, noise_per=per) for norm in ("noisy_batch", "noisy_none", "batch"))
    for _ in range(3):
        assert torch.equal(alone(plain(data(shape))), noisy(data(shape)))
    assert torch.equal(alone.generator.get_state(), noisy.generator.get_state())


@SHAPES
def test_noise_is_fresh_at_each_step_and_off_in_inference_unless_asked_for(shape: tuple[int, ...]) -> None:
    norm = built("noisy_none", shape)
    first, second = norm(data(shape)), norm(data(shape))
    assert not torch.allclose(first, data(shape))
    assert not torch.allclose(first, second)
    assert torch.equal(norm.eval()(data(shape)), data(shape))
    loud = built("noisy_none", shape, noise_at_test=True).eval()
    assert torch.equal(loud(data(shape)), first)


def test_it_learns_nothing_and_leaves_the_bias_to_the_layer_in_front() -> None:
    norm: nn.Module = built("noisy_none", (32, 5))
    assert not list(norm.parameters())
    assert not list(norm.buffers())
    assert not norms.subsumes_bias("noisy_none")
