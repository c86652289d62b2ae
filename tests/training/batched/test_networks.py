"""Replicas: against each network's own pass, and against scoring one after the other."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnviz import RunConfig, networks
from bnviz.core import registry
from bnviz.landscape.objective import CRITERIA
from bnviz.torch_support.rng import rng_states_of
from bnviz.training.batched.networks import Replicas
from bnviz.training.graph_replay import RecordedPass, eager_step

CPU = torch.device("cpu")
COUNT, BATCH = 3, 12
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp": {"widths": (7, 6)},
    "lenet": {"dataset": "mnist", "activation": "relu"},
    "deep_linear": {"widths": (10, 10, 10)},
}
NORMS = pytest.mark.parametrize("norm", registry.names("norms"))


def built(name: str, norm: str) -> tuple[list[nn.Module], tuple[int, ...]]:
    """Networks in float64 that differ in their seed, and the shape of their inputs."""
    shape = (1, 28, 28) if name == "lenet" else (1, 8, 8)
    config = RunConfig(network=name, norm=norm, noise_at_test=True, **NETWORKS[name])
    seeds = [config.with_changes(seed=seed) for seed in range(COUNT)]
    return [networks.build(one, shape, 10, CPU).double() for one in seeds], shape


def assert_close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", NETWORKS)
@NORMS
def test_replicas_equal_each_network(name: str, norm: str) -> None:
    """Losses, gradients, running statistics and random streams, in the first pass and in those recorded from it."""
    twins, shape = built(name, norm)
    ours = copy.deepcopy(twins) if norm not in ("noisy_batch", "noisy_none") else built(name, norm)[0]
    criterion = CRITERIA["classes"]
    recorded = RecordedPass(Replicas(ours, criterion).losses_and_gradients)
    torch.manual_seed(1)
    for _ in range(3):
        inputs = torch.randn(COUNT, BATCH, *shape, dtype=torch.float64)
        targets = torch.randint(10, (COUNT, BATCH))
        losses, gradients = recorded(inputs, targets)
        for place, (mine, twin) in enumerate(zip(ours, twins, strict=True)):
            loss, gradient = eager_step(twin, criterion, inputs[place], targets[place])
            assert_close(losses[place], loss)
            for all_of_them, expected in zip(gradients, gradient, strict=True):
                assert_close(all_of_them[place], expected)
            for buffer, expected in zip(mine.buffers(), twin.buffers(), strict=True):
                assert_close(buffer, expected)
            for (_, state), (_, expected) in zip(rng_states_of(mine), rng_states_of(twin), strict=True):
                assert torch.equal(state, expected)
    assert len(set(losses.tolist())) == COUNT


@NORMS
def test_replica_networks_still_work_by_themselves(norm: str) -> None:
    networks_, shape = built("mlp", norm)
    replicas = Replicas(networks_, CRITERIA["classes"])
    with torch.no_grad():
        for parameter in replicas.parameters:
            parameter.add_(torch.arange(COUNT).view(-1, *(1 for _ in parameter.shape[1:])), alpha=0.1)
    for network in networks_:
        network.eval()
    inputs = torch.randn(BATCH, *shape, dtype=torch.float64)
    states = [rng_states_of(network) for network in networks_]
    together = replicas.outputs(inputs, separate=False)
    for noise in states:
        for generator, state in noise:
            generator.set_state(state)
    for network, outputs in zip(networks_, together, strict=True):
        assert_close(outputs, network(inputs).detach())
    assert not torch.equal(together[0], together[1])
