"""On a GPU: the same bits as without CUDA graphs, the CPU's numbers within the tolerances stated here, and no waiting.

What the host would wait for is counted on every machine; the rest is skipped where there is no CUDA device.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bnviz import Record, RunConfig, networks
from bnviz.core import registry
from bnviz.landscape.objective import CRITERIA
from bnviz.training import train
from bnviz.training.batched.networks import Replicas
from bnviz.training.batched.training import train_together
from bnviz.training.cuda_graph import CapturedPass
from bnviz.training.graph_replay import RecordedPass, eager_step

CUDA = torch.device("cuda")
ON_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
WAITS = {"aten._local_scalar_dense.default", "aten.nonzero.default", "aten.equal.default"}
"""What takes numbers out of tensors, so that the host waits for the device."""
FIRST_STEPS, TOLERANCE = 20, 1e-3
"""Losses of that many steps agree with the CPU's to that part in float32; later ones drift apart, as runs do that
differ by rounding."""
MIXED_TOLERANCE = 2e-2
"""The same of products in bfloat16 on the device, and of float32 on the CPU."""


class Counting(TorchDispatchMode):
    """Counts the operations in it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, _: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.seen[str(func)] += 1
        return func(*args, **(kwargs or {}))


def small(**settings: Any) -> RunConfig:
    usual: dict[str, Any] = {"widths": (6, 5), "probes": (), "curve_points": 2, "norm": "batch", "steps": 8}
    return RunConfig(**usual | settings)


def one_run(config: RunConfig) -> Iterator[Any]:
    return train(config)


def three_runs(config: RunConfig) -> Iterator[Any]:
    return train_together([config.with_changes(seed=seed, learning_rate=0.1 + seed) for seed in range(3)])


@pytest.mark.parametrize("norm", registry.names("norms"))
@pytest.mark.parametrize("runs", [one_run, three_runs])
def test_host_reads_no_number_between_frames(runs: Callable[[RunConfig], Iterator[Any]], norm: str) -> None:
    """Of SGD; Adam counts its steps on the CPU."""
    counted = []
    for steps in (8, 20):
        with Counting() as counting:
            for _ in runs(small(norm=norm, steps=steps, device="cpu")):
                pass
        counted.append(counting.seen)
    short, long = ({name: seen[name] for name in WAITS} for seen in counted)
    assert short == long
    assert runs is three_runs or short["aten._local_scalar_dense.default"] > 0  # at the frames
    assert sum(counted[1].values()) > sum(counted[0].values()) + 12


@ON_GPU
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_captured_pass_equals_the_pass_itself(norm: str) -> None:
    config = small(norm=norm)
    ours, twins = ([networks.build(config, (1, 8, 8), 10, CUDA) for _ in range(2)] for _ in range(2))
    criterion = CRITERIA["classes"]
    captured, replicas = RecordedPass(Replicas(ours, criterion).losses_and_gradients), Replicas(twins, criterion)
    for step in range(5):
        inputs = torch.randn(2, 12, 1, 8, 8, device=CUDA)
        targets = torch.randint(10, (2, 12), device=CUDA)
        loss, gradient = captured(inputs, targets)
        expected = replicas.losses_and_gradients(inputs, targets)
        assert torch.equal(loss, expected[0]), step
        assert all(torch.equal(one, two) for one, two in zip(gradient, expected[1], strict=True))
        for mine, twin in zip(ours, twins, strict=True):
            assert all(torch.equal(one, two) for one, two in zip(mine.buffers(), twin.buffers(), strict=True))
    assert isinstance(captured._replay, CapturedPass)


@ON_GPU
@pytest.mark.parametrize("norm", registry.names("norms"))
def test_gpu_run_repeats_and_agrees_with_cpu(norm: str) -> None:
    config = small(norm=norm, steps=FIRST_STEPS, curve_points=FIRST_STEPS + 1, probes=("activations",), device="cuda")
    first, again = (Record.from_frames(config, train(config)) for _ in range(2))
    assert first.to_bytes() == again.to_bytes()
    if norm not in ("noisy_batch", "noisy_none"):  # noise is drawn on the device
        expected = Record.from_frames(config, train(config.with_changes(device="cpu")))
        for name in ("train_loss", "test_loss"):
            np.testing.assert_allclose(first.data[name], expected.data[name], rtol=TOLERANCE)


@ON_GPU
def test_lenet_bfloat16_agrees_with_cpu_float32() -> None:
    inputs, labels = torch.rand(FIRST_STEPS, 60, 1, 28, 28), torch.randint(10, (FIRST_STEPS, 60))
    losses: list[list[float]] = []
    for device, precision in ((CUDA, "bfloat16"), (torch.device("cpu"), "float32")):
        config = small(network="lenet", dataset="mnist", precision=precision)
        network = networks.build(config, (1, 28, 28), 10, device)
        recorded = RecordedPass(partial(eager_step, network, CRITERIA["classes"]))
        losses.append([])
        for batch, target in zip(inputs.to(device), labels.to(device), strict=True):
            loss, gradient = recorded(batch, target)
            losses[-1].append(float(loss))
            with torch.no_grad():
                for parameter, slope in zip(network.parameters(), gradient, strict=True):
                    parameter.sub_(0.1 * slope)
    np.testing.assert_allclose(*losses, rtol=MIXED_TOLERANCE)


@ON_GPU
def test_batched_gpu_runs_agree_with_single_runs() -> None:
    config = small(steps=FIRST_STEPS, curve_points=FIRST_STEPS + 1, device="cuda")
    alone = Record.from_frames(config, train(config))
    mine = [frame for place, frame in train_together([config, config.with_changes(seed=1)]) if place == 0]
    np.testing.assert_allclose(
        Record.from_frames(config, mine).data["train_loss"], alone.data["train_loss"], rtol=TOLERANCE
    )


@ON_GPU
def test_host_does_not_synchronise_between_frames() -> None:
    config = small(steps=30, device="cuda")
    answers = iter(range(100))

    def should_stop() -> bool:
        torch.cuda.set_sync_debug_mode("error" if 5 < next(answers) < 25 else "default")
        return False

    try:
        assert [frame.step for frame in train(config, should_stop=should_stop)] == [0, 30]
    finally:
        torch.cuda.set_sync_debug_mode("default")
