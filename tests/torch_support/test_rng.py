"""Named streams depend on seed and name, and on nothing else."""

import hashlib

import torch
from hypothesis import given
from hypothesis import strategies as st

from bnviz.torch_support.rng import stream, stream_seed


def test_seed_is_the_hash_of_seed_and_name() -> None:
    digest = hashlib.sha256(b"3/init/hidden1").hexdigest()
    assert stream_seed(3, "init", "hidden1") == int(digest[:16], 16) // 2


@given(st.integers(0, 2**31 - 1), st.text(max_size=20))
def test_seed_is_one_that_torch_takes(seed: int, name: str) -> None:
    assert 0 <= stream_seed(seed, name) < 2**63


def test_streams_differ_by_seed_and_by_name_and_repeat_otherwise() -> None:
    drawn = {
        (seed, name): torch.rand(8, generator=stream(seed, *name)).tolist()
        for seed in (0, 1)
        for name in (("order",), ("init", "hidden1"), ("init", "hidden2"), ("noise", "hidden1"))
    }
    assert len({tuple(values) for values in drawn.values()}) == len(drawn)
    for (seed, name), values in drawn.items():
        assert torch.rand(8, generator=stream(seed, *name)).tolist() == values


def test_global_randomness_plays_no_part() -> None:
    state = torch.get_rng_state()
    first = torch.rand(4, generator=stream(0, "order"))
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(1)
    assert torch.equal(torch.rand(4, generator=stream(0, "order")), first)
