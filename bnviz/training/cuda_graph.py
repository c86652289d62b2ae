"""A recorded pass as one CUDA graph: a GPU is told once what to do, not kernel by kernel in every pass.

Networks of a hundred units keep a GPU busy for less time than it takes to launch their kernels. What is computed, and
for what, is not known here.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bnviz.landscape.objective import LossAndGradient


class CapturedPass:
    """`compute(inputs, targets)` for batches of one shape: the same kernels on the same numbers, launched as one.

    What it hands out is valid until the next pass, which writes its results over it. Whatever else `compute` reads must
    stay in its memory; the random streams it draws from move on as they would without.

    Args:
        compute: does the same to every batch, on the device alone: nothing in it may wait for the host.
        generators: the random streams that it draws from.
    """

    def __init__(
        self, compute: Callable[[Tensor, Tensor], LossAndGradient], generators: Sequence[torch.Generator]
    ) -> None:
        self._compute = compute
        self._generators = generators
        self._warm = False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, inputs: Tensor, targets: Tensor) -> LossAndGradient:
        """What `compute` finds; the first time by itself, so that libraries have what they make at their first use."""
        if not self._warm:
            self._warm = True
            return self._compute(inputs, targets)
        if self._graph is None:
            self._graph = self._captured(inputs, targets)
        for memory, given in zip(self._given, (inputs, targets), strict=True):
            memory.copy_(given)
        self._graph.replay()
        return self._found

    def _captured(self, inputs: Tensor, targets: Tensor) -> torch.cuda.CUDAGraph:
        self._given = torch.empty_like(inputs), torch.empty_like(targets)
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # a worker has other threads
            self._found = self._compute(*self._given)
        return graph
