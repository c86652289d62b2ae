"""A recorded pass as one CUDA graph, so that all its kernels are launched by one call.

Networks of a hundred units keep a GPU busy for less time than it takes to launch their kernels one by one.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bnviz.landscape.objective import LossAndGradient


class CapturedPass:
    """Compute `compute(inputs, targets)` for batches of one shape: the same kernels, launched as one graph.

    Results are valid until the next pass, which overwrites them. Everything else that `compute` reads must stay in its
    memory. The random streams that it draws from advance as they would without a graph.

    Args:
        compute: runs the same operations for every batch, on the device alone; nothing in it may wait for the host.
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
        """Loss and gradient; the first pass runs without a graph, so that libraries set up their workspaces."""
        if not self._warm:
            self._warm = True
            return self._compute(inputs, targets)
        if self._graph is None:
            self._graph = self._capture(inputs, targets)
        for memory, values in zip(self._arguments, (inputs, targets), strict=True):
            memory.copy_(values)
        self._graph.replay()
        return self._result

    def _capture(self, inputs: Tensor, targets: Tensor) -> torch.cuda.CUDAGraph:
        self._arguments = torch.empty_like(inputs), torch.empty_like(targets)
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # a worker has other threads
            self._result = self._compute(*self._arguments)
        return graph
