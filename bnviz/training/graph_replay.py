"""Training passes that are recorded once and then replayed without autograd, with the same numbers bit for bit.

In networks of a hundred units most of a pass is bookkeeping: modules are entered, autograd's graph is built and walked
back. The first pass runs as usual while every operation below autograd, forward and backward, is written to a graph of
torch.fx. Later passes call the function that torch.fx generates from this graph.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode  # decision 0027

from bnviz.landscape.objective import Criterion, LossAndGradient
from bnviz.training.cuda_graph import CapturedPass

Pass = Callable[[Tensor, Tensor], LossAndGradient]
"""Inputs and targets to loss and gradient, one tensor for each parameter."""


class NotRecordableError(ValueError):
    """A network computes numbers that decide which operations follow, so its pass cannot be replayed."""


class RecordedPass:
    """Compute what `compute(inputs, targets)` does, for batches of one shape, in training mode.

    Right for networks that are `recordable`. Running statistics and noise streams advance as in a pass of the network
    itself. Parameters, buffers and noise streams may change only in place.

    Raises:
        NotRecordableError: in the first pass, if a computed number decides which operations follow.
    """

    def __init__(self, compute: Pass) -> None:
        self._compute = compute
        self._replay: Pass | None = None

    def __call__(self, inputs: Tensor, targets: Tensor) -> LossAndGradient:
        """Loss and gradient at the present weights, valid until the next pass; `.grad` is not touched."""
        if self._replay is not None:
            return self._replay(inputs, targets)
        recorder = _GraphRecorder((inputs, targets))
        with recorder:
            result = self._compute(inputs, targets)
        replay = recorder.replay_function(result)
        self._replay = CapturedPass(replay, recorder.generators) if inputs.is_cuda else replay
        return result


def recordable(network: nn.Module) -> bool:
    """Whether the network applies the same operations to every batch.

    Torch's own modules do, except batch norm that counts its batches (momentum None). Other modules say so with
    RECORDABLE = True in their class. Hooks on the network are not called in replayed passes.
    """
    return not any(
        getattr(module, "momentum", 0.0) is None
        or not (type(module).__module__.startswith("torch.nn.") or getattr(module, "RECORDABLE", False))
        for module in network.modules()
    )


def eager_step(network: nn.Module, criterion: Criterion, inputs: Tensor, targets: Tensor) -> LossAndGradient:
    """Loss and gradient from the network and autograd; zeros for a parameter that does not affect the loss."""
    loss = criterion(network(inputs), targets)
    gradient = torch.autograd.grad(loss, list(network.parameters()), materialize_grads=True)
    return loss.detach(), list(gradient)


class _Recording:
    """Write every operation that passes through `__torch_dispatch__` to a graph of torch.fx.

    Tensors and random streams that existed before the pass become further arguments of the generated function. A view
    that has the memory and shape of an earlier tensor counts as that tensor.
    """

    def __init__(self, arguments: Sequence[Tensor]) -> None:
        super().__init__()
        self._graph = fx.Graph()
        self._kept_alive: list[Any] = []  # so that no other tensor gets the identity or memory of a recorded tensor
        self._node_by_id: dict[int, fx.Node] = {}
        self._node_by_geometry: dict[tuple[object, ...], fx.Node] = {}
        self._constants: list[Any] = []
        for number, tensor in enumerate(arguments):
            self._last_argument = self._graph.placeholder(f"argument_{number}")
            self._add(tensor, self._last_argument)

    def __torch_dispatch__(
        self, func: Any, _: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self._kept_alive.append((args, kwargs, result))
        inputs = [leaf for leaf in _leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = result if isinstance(result, tuple | list) else (result,)
        if inputs and not all(output is None or isinstance(output, Tensor) for output in outputs):
            raise NotRecordableError(f"{func} takes a number out of a tensor, so what follows may depend on it")
        if func.is_view and all(id(tensor) not in self._node_by_id for tensor in inputs):
            return result  # a view of a constant is a constant
        if func.is_view and (same := self._node_by_geometry.get(_geometry(result))) is not None:
            self._node_by_id[id(result)] = same
            return result
        node = self._graph.call_function(func, self._nodes(tuple(args)), self._nodes(dict(kwargs or {})))
        if isinstance(result, Tensor):
            self._add(result, node)
        else:
            for number, output in enumerate(outputs):
                if output is not None:
                    self._add(output, self._graph.call_function(operator.getitem, (node, number)))
        return result

    @property
    def generators(self) -> list[torch.Generator]:
        """The random streams that the pass drew from."""
        return [constant for constant in self._constants if isinstance(constant, torch.Generator)]

    def replay_function(self, result: LossAndGradient) -> Pass:
        """Return the recorded operations as a function of inputs and targets, with new values of `result`."""
        self._graph.output(self._nodes(result))
        self._graph.eliminate_dead_code()
        forward, constants = fx.GraphModule(nn.Module(), self._graph).forward, self._constants
        self._kept_alive.clear()

        def replay(inputs: Tensor, targets: Tensor) -> LossAndGradient:
            with torch.no_grad():
                loss, gradient = forward(inputs, targets, *constants)
            return loss, gradient

        return replay

    def _add(self, tensor: Tensor, node: fx.Node) -> None:
        self._node_by_id[id(tensor)] = self._node_by_geometry[_geometry(tensor)] = node

    def _nodes(self, value: Any) -> Any:
        """The same value with nodes of the graph for tensors and random streams."""
        if isinstance(value, tuple | list):
            return type(value)(map(self._nodes, value))
        if isinstance(value, dict):
            return {name: self._nodes(item) for name, item in value.items()}
        return self._node(value) if isinstance(value, Tensor | torch.Generator) else value

    def _node(self, value: Tensor | torch.Generator) -> fx.Node:
        if id(value) not in self._node_by_id:
            with self._graph.inserting_after(self._last_argument):
                self._last_argument = self._graph.placeholder(f"constant_{len(self._constants)}")
            self._node_by_id[id(value)] = self._last_argument
            self._constants.append(value.detach() if isinstance(value, Tensor) else value)
            self._kept_alive.append(value)
        return self._node_by_id[id(value)]


class _GraphRecorder(_Recording, TorchDispatchMode):
    """A context in which torch hands every operation to `_Recording`.

    The method comes from another class because torch wraps one that the mode's own class defines, and the wrapper loads
    torch's compiler (decision 0027).
    """


def _leaves(value: Any) -> Iterator[Any]:
    """All that is in nested tuples, lists and dicts, in order."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _geometry(tensor: Tensor) -> tuple[object, ...]:
    """Equal for tensors that are the same view of the same memory; unique for a tensor without memory."""
    memory = tensor.data_ptr() if tensor.numel() else id(tensor)
    return memory, tensor.dtype, tuple(tensor.shape), tensor.stride()
