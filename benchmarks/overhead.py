"""What watching costs: train() with the default probes and with none, each as a ratio to the bare loop.

`python -m benchmarks.overhead` (or `make bench`) takes the three in turn, so that a machine whose speed drifts slows
all alike, and prints the median of the ratios with their range. Both sides train the same network on the same data for
the same number of updates; train() also scores the test images and yields frames, the bare loop does neither.
"""

import argparse
import statistics
import time

import torch

from benchmarks import bare
from bnviz.config import RunConfig
from bnviz.training import train

GOALS = {"default probes": 1.30, "no probes": 1.05}


def main() -> None:
    """Print one line for each network and kind of watching."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=9, help="how often each is timed")
    pairs = parser.parse_args().pairs
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, digits, 3x100 sigmoid, batch 60, 600 updates, {pairs} rounds")
    for norm in ("none", "batch"):
        config = RunConfig(norm=norm)
        kinds = {"default probes": config, "no probes": config.model_copy(update={"probes": ()})}
        for warm in kinds.values():
            _seconds(warm)
        bare.timed(config)
        ratios: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(pairs):
            baseline = bare.timed(config)
            for kind, one in kinds.items():
                ratios[kind].append(_seconds(one) / baseline)
        for kind, values in ratios.items():
            print(
                f"{norm:6s} {kind:15s} {statistics.median(values):.2f} x the bare loop "
                f"({min(values):.2f} to {max(values):.2f}; goal {GOALS[kind]:.2f})"
            )


def _seconds(config: RunConfig) -> float:
    began = time.perf_counter()
    for _ in train(config):
        pass
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
