"""Named random streams: every use of chance in a run has its own generator.

A stream depends on the run's seed and on its name alone, never on what else was drawn. So two arms of a comparison see
the same data order and start from the same shared weights, whatever layers only one of them has.
"""

import hashlib

import torch


def stream_seed(seed: int, *name: str | int) -> int:
    """63 bits that depend on the seed and the stream's name only."""
    text = "/".join(str(part) for part in (seed, *name))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *name: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh torch generator for the named stream, on the given device."""
    return torch.Generator(device=device).manual_seed(stream_seed(seed, *name))
