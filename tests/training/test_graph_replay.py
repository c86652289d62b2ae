"""The recorded pass: against the pass of the network itself, bit for bit."""

import copy
import gc
import subprocess
import sys
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bnviz import networks
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.nonlinearities import NONLINEARITIES
from bnviz.landscape.objective import CRITERIA
from bnviz.networks import Stack
from bnviz.torch_support.rng import rng_states_of
from bnviz.training.graph_replay import NotRecordableError, RecordedPass, eager_step, recordable

CPU = torch.device("cpu")
BATCH, PASSES = 12, 4
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp": {"widths": (7, 6)},
    "lenet": {"dataset": "mnist", "activation": "relu"},
    "deep_linear": {"dataset": "linear_map", "widths": (10, 10, 10)},
}


def kind_of(config: RunConfig) -> torch.dtype:
    """Of weights and data."""
    return torch.float64 if config.precision == "float64" else torch.float32


def built(config: RunConfig) -> tuple[nn.Module, nn.Module]:
    """The same network twice."""
    shape = {"mnist": (1, 28, 28), "digits": (1, 8, 8), "linear_map": (10,)}[config.dataset]
    one, two = (networks.build(config, shape, 10, CPU).to(kind_of(config)) for _ in range(2))
    return one, two


def batches(config: RunConfig) -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(1)
    kind = kind_of(config)
    shape = {"mnist": (1, 28, 28), "digits": (1, 8, 8), "linear_map": (10,)}[config.dataset]
    targets = torch.randn(PASSES, BATCH, 10, dtype=kind)
    inputs = torch.randn(PASSES, BATCH, *shape, dtype=kind)
    return list(zip(inputs, targets if config.dataset == "linear_map" else targets.argmax(-1), strict=True))


def assert_alike(config: RunConfig) -> None:
    criterion = CRITERIA["values" if config.dataset == "linear_map" else "classes"]
    network, twin = built(config)
    if not recordable(network):
        pytest.skip("trained by the network itself: it does not say RECORDABLE = True")
    recorded = RecordedPass(partial(eager_step, network, criterion))
    losses = set()
    for inputs, targets in batches(config):
        loss, gradient = recorded(inputs, targets)
        expected = eager_step(twin, criterion, inputs, targets)
        assert torch.equal(loss, expected[0])
        assert all(torch.equal(one, two) for one, two in zip(gradient, expected[1], strict=True))
        assert all(torch.equal(one, two) for one, two in zip(network.buffers(), twin.buffers(), strict=True))
        for (_, one), (_, two) in zip(rng_states_of(network), rng_states_of(twin), strict=True):
            assert torch.equal(one, two)
        losses.add(float(loss))
        with torch.no_grad():
            for one, two in zip([*network.parameters()], [*twin.parameters()], strict=True):
                moved = 0.9 * one + 0.01
                one.copy_(moved)
                two.copy_(moved)
    assert len(losses) == PASSES


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("norm", registry.names("norms"))
@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_replay_equals_eager_for_every_network_and_norm(name: str, norm: str, precision: str) -> None:
    assert_alike(RunConfig(network=name, norm=norm, precision=precision, **NETWORKS[name]))


@pytest.mark.parametrize("activation", NONLINEARITIES)
def test_replay_equals_eager_for_every_nonlinearity(activation: str) -> None:
    assert_alike(RunConfig(activation=activation, norm="batch", widths=(7, 6)))


@pytest.mark.parametrize("p", ["1", "2", "inf"])
def test_replay_equals_eager_for_every_lp(p: str) -> None:
    assert_alike(RunConfig(norm="lp_batch", norm_p=p, norm_affine=False, widths=(7, 6)))


def test_finished_passes_keep_no_memory() -> None:
    network = Stack(nn.Linear(4, 3))
    batch = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])

    def objects_after_pass() -> int:
        RecordedPass(partial(eager_step, network, CRITERIA["classes"]))(*batch)
        gc.collect()
        return sum(type(item) is fx.Graph for item in gc.get_objects())

    for _ in range(2):  # the first passes fill caches of torch
        objects_after_pass()
    before = objects_after_pass()
    for _ in range(3):
        assert objects_after_pass() == before


class Doubtful(nn.Module):
    """What it does depends on what came before."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, values: Tensor) -> Tensor:
        self.calls += 1
        return values * self.calls


class Peeking(nn.Module):
    """Its result is decided by a number that it has computed."""

    RECORDABLE = True

    def forward(self, values: Tensor) -> Tensor:
        return values * 2 if float(values.detach().mean()) > 0 else values


@pytest.mark.parametrize("norm", ["none", "batch", "lp_batch", "noisy_batch", "noisy_none"])
@pytest.mark.parametrize("name", NETWORKS)
def test_shipped_networks_are_recordable(name: str, norm: str) -> None:
    assert recordable(built(RunConfig(network=name, norm=norm, **NETWORKS[name]))[0])


def test_recordable_refuses_modules_with_memory() -> None:
    network = Stack(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU())
    assert recordable(network)
    assert not recordable(Stack(nn.Linear(4, 3), Doubtful()))
    assert not recordable(Stack(nn.Linear(4, 3), nn.BatchNorm1d(3, momentum=None))), "it divides by a count"


def test_recording_refuses_data_dependent_operations() -> None:
    network = Stack(nn.Linear(4, 3), Peeking())
    with pytest.raises(NotRecordableError, match="takes a number out of a tensor"):
        RecordedPass(partial(eager_step, network, CRITERIA["classes"]))(
            torch.randn(5, 4), torch.zeros(5, dtype=torch.int64)
        )


def test_unused_parameter_has_zero_gradient() -> None:
    network = Stack(nn.Linear(4, 3))
    network.register_parameter("unused", nn.Parameter(torch.ones(2)))
    twin = copy.deepcopy(network)
    recorded = RecordedPass(partial(eager_step, network, CRITERIA["classes"]))
    for _ in range(2):
        batch = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1])
        _, gradient = recorded(*batch)
        assert all(map(torch.equal, gradient, eager_step(twin, CRITERIA["classes"], *batch)[1]))
        assert torch.equal(gradient[0], torch.zeros(2))


def test_recording_does_not_load_torch_compiler() -> None:
    """It would take 68 MB in each worker; torch wraps dispatch modes in a way that loads it (decision 0027)."""
    script = (
        "import sys\nfrom bnviz import RunConfig\nfrom bnviz.training import train\n"
        "list(train(RunConfig(steps=40, probe_points=2, curve_points=2, norm='noisy_batch')))\n"
        "print([name for name in ('torch._dynamo', 'torch._inductor', 'sympy') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_dispatch_mode_sees_forward_and_backward_operations() -> None:
    """What decision 0027 needs of torch's TorchDispatchMode: each operation once, below autograd, on plain tensors."""
    names: list[str] = []

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
            names.append(str(func))
            assert func.is_view in (True, False)
            result = func(*args, **(kwargs or {}))
            assert type(result) is Tensor
            assert not result.requires_grad
            return result

    weights = torch.ones(3, requires_grad=True)
    with Mode():
        loss = (weights * 2).tanh().sum()
        torch.autograd.grad(loss, [weights])
    forward = ["aten.mul.Tensor", "aten.tanh.default", "aten.sum.default"]
    backward = ["aten.ones_like.default", "aten.expand.default", "aten.tanh_backward.default", "aten.mul.Tensor"]
    assert [name for name in names if name != "aten.detach.default"] == [*forward, *backward]
