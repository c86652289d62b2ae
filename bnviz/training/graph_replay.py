"""A training pass that is recorded once and then made again without autograd: the same numbers, bit for bit, sooner.

In networks of a hundred units, most of a pass is bookkeeping: modules are entered, a graph is built and walked back.
The first pass is made as always, and what torch computes in it, forward and backward, is written down; every later one
computes just that. What the network is, or what becomes of the gradient, is not known here.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode  # docs/decisions/0026
from torch.utils._pytree import tree_leaves, tree_map

from bnviz.landscape.objective import Criterion, LossAndGradient
from bnviz.training.cuda_graph import CapturedPass


class NotRecordableError(ValueError):
    """What a network computes depends on values in a way that cannot be written down."""


class RecordedPass:
    """What `make(inputs, targets)` computes, for batches of one shape, in training mode: for instance `eager_step`.

    Right for networks that are `recordable`. Running statistics move on and noise is drawn as in a pass of the network
    itself. Parameters, buffers and random streams may change only in place.

    Raises:
        NotRecordableError: in the first pass, if a number that was computed decides what is computed next.
    """

    def __init__(self, make: Callable[[Tensor, Tensor], LossAndGradient]) -> None:
        self._make = make
        self._again: Callable[[Tensor, Tensor], LossAndGradient] | None = None

    def __call__(self, inputs: Tensor, targets: Tensor) -> LossAndGradient:
        """Loss and gradient at the weights as they are now, valid until the next pass; `.grad` is not touched."""
        if self._again is not None:
            return self._again(inputs, targets)
        recorder = _Recorder((inputs, targets))
        with recorder:
            found = self._make(inputs, targets)
        again = recorder.finished(found)
        self._again = CapturedPass(again, recorder.generators) if inputs.is_cuda else again
        return found


def recordable(network: nn.Module) -> bool:
    """Whether it does the same to every batch, whatever it has been trained on before, and nobody listens in.

    Torch's own modules do, but for batch norm that counts its batches (momentum None), and others that say so:
    RECORDABLE = True in their class.
    """
    return not any(
        module._forward_pre_hooks
        or module._forward_hooks
        or module._backward_hooks
        or getattr(module, "momentum", 0.0) is None
        or not (type(module).__module__.startswith("torch.nn.") or getattr(module, "RECORDABLE", False))
        for module in network.modules()
    )


def eager_step(network: nn.Module, criterion: Criterion, inputs: Tensor, targets: Tensor) -> LossAndGradient:
    """The same pass with autograd, by the network itself; a parameter that plays no part has a gradient of zeros."""
    loss = criterion(network(inputs), targets)
    gradient = torch.autograd.grad(loss, list(network.parameters()), materialize_grads=True)
    return loss.detach(), list(gradient)


class _Recorder(TorchDispatchMode):
    """Writes down every operation below autograd, as a graph of torch.fx, which makes a function of it.

    What was there before the pass (parameters, buffers, random streams) and views of it are taken as they are. A tensor
    that only looks at another one's memory in the other's own shape is that one.
    """

    def __init__(self, given: Sequence[Tensor]) -> None:
        super().__init__()
        self._graph = fx.Graph()
        self._held: list[Any] = []  # every tensor, so that no other one gets its identity or memory
        self._nodes: dict[int, fx.Node] = {}
        self._at: dict[tuple[object, ...], fx.Node] = {}
        self._there: list[Any] = []
        for place, tensor in enumerate(given):
            self._last = self._graph.placeholder(f"given_{place}")  # the function's last argument so far
            self._note(tensor, self._last)

    def __torch_dispatch__(
        self, func: Any, _: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self._held.append((args, kwargs, result))
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = result if isinstance(result, tuple | list) else (result,)
        if inputs and not all(output is None or isinstance(output, Tensor) for output in outputs):
            raise NotRecordableError(f"{func} takes a number out of a tensor, so what follows may depend on it")
        if func.is_view and all(id(tensor) not in self._nodes for tensor in inputs):
            return result  # of what was there before: so was this
        if func.is_view and (same := self._at.get(_geometry(result))) is not None:
            self._nodes[id(result)] = same
            return result
        node = self._graph.call_function(func, *tree_map(self._node, (tuple(args), dict(kwargs or {}))))
        if isinstance(result, Tensor):
            self._note(result, node)
        else:
            for place, output in enumerate(outputs):
                if output is not None:
                    self._note(output, self._graph.call_function(operator.getitem, (node, place)))
        return result

    @property
    def generators(self) -> list[torch.Generator]:
        """The random streams that the pass drew from."""
        return [one for one in self._there if isinstance(one, torch.Generator)]

    def finished(self, found: LossAndGradient) -> Callable[[Tensor, Tensor], LossAndGradient]:
        """What was recorded, as a function of the batch that finds the same anew."""
        self._graph.output(tree_map(self._node, found))
        self._graph.eliminate_dead_code()
        function, there = fx.GraphModule(nn.Module(), self._graph).forward, self._there
        self._held.clear()

        def again(inputs: Tensor, targets: Tensor) -> LossAndGradient:
            with torch.no_grad():
                loss, gradient = function(inputs, targets, *there)
            return loss, gradient

        return again

    def _note(self, tensor: Tensor, node: fx.Node) -> None:
        self._nodes[id(tensor)] = self._at[_geometry(tensor)] = node

    def _node(self, value: Any) -> Any:
        """What stands for a value in the graph: itself, unless it is a tensor or a random stream."""
        if not isinstance(value, Tensor | torch.Generator):
            return value
        if id(value) not in self._nodes:
            with self._graph.inserting_after(self._last):
                self._last = self._nodes[id(value)] = self._graph.placeholder(f"there_{len(self._there)}")
            self._there.append(value.detach() if isinstance(value, Tensor) else value)
            self._held.append(value)
        return self._nodes[id(value)]


def _geometry(tensor: Tensor) -> tuple[object, ...]:
    """Alike for tensors that are the same view of the same memory; of none, for one that has no memory."""
    memory = tensor.data_ptr() if tensor.numel() else id(tensor)
    return memory, tensor.dtype, tuple(tensor.shape), tensor.stride()
