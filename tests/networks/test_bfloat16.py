"""Mixed precision: only the operands of products are rounded, everything else is as in single precision."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnviz import Record, RunConfig, networks
from bnviz.core import registry
from bnviz.networks._bfloat16 import in_bfloat16
from bnviz.training import train
from bnviz.training.batched.training import train_together

CPU = torch.device("cpu")
PART = 2.0**-8
"""The largest part that a number changes by when it is rounded to bfloat16."""
FIRST_STEPS, TOLERANCE = 20, 2e-2
"""Losses of so many steps agree with those of single precision to that part; later ones drift apart."""
SMALL = {"widths": (6, 5), "batch_size": 20, "steps": FIRST_STEPS, "probe_points": 3, "curve_points": FIRST_STEPS + 1}
LAYERS = {
    "linear": (nn.Linear(40, 7), (9, 40)),
    "linear without bias": (nn.Linear(40, 7, bias=False), (9, 40)),
    "convolution": (nn.Conv2d(3, 4, 3, padding=1), (2, 3, 6, 5)),
    "convolution without bias": (nn.Conv2d(3, 4, 3, stride=2, bias=False), (2, 3, 6, 5)),
}


def built(precision: str, network: str = "mlp", **settings: object) -> nn.Module:
    dataset, shape = ("mnist", (1, 28, 28)) if network == "lenet" else ("digits", (1, 8, 8))
    config = RunConfig.model_validate({"network": network, "dataset": dataset, "precision": precision} | settings)
    return networks.build(config, shape, 10, CPU)


def rounded(values: Tensor) -> Tensor:
    return values.bfloat16().double()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_s_product_is_that_of_rounded_operands(name: str) -> None:
    """The exact product of what is rounded, but for the rounding of the result and of sums on the way."""
    layer, shape = LAYERS[name]
    torch.manual_seed(1)
    values = torch.randn(shape)
    exact = copy.deepcopy(layer).double()
    with torch.no_grad():
        for parameter in exact.parameters():
            parameter.copy_(rounded(parameter))
    expected = exact(rounded(values))
    found = in_bfloat16(nn.Sequential(copy.deepcopy(layer)))(values)
    assert found.dtype == torch.float32
    assert not torch.equal(found, layer(values)), "it does round"
    largest = float(expected.detach().abs().max())
    torch.testing.assert_close(found.double(), expected, rtol=2 * PART, atol=2 * PART * largest)


@pytest.mark.parametrize("norm", registry.names("norms"))
@pytest.mark.parametrize("network", ["mlp", "lenet"])
def test_parameters_are_those_of_single_precision_and_gradients_close_to_them(network: str, norm: str) -> None:
    single, mixed = (built(precision, network, norm=norm, activation="tanh") for precision in ("float32", "bfloat16"))
    ours, theirs = dict(mixed.named_parameters()), dict(single.named_parameters())
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) and ours[name].dtype == torch.float32 for name in ours)
    inputs = torch.rand(30, *((1, 28, 28) if network == "lenet" else (1, 8, 8)))
    labels = torch.arange(30) % 10
    flat = []
    for one in (single, mixed):
        nn.functional.cross_entropy(one(inputs), labels).backward()
        flat.append(torch.cat([parameter.grad.flatten() for parameter in one.parameters()]))
    assert flat[1].dtype == torch.float32
    assert float(nn.functional.cosine_similarity(*flat, dim=0)) > 0.99


def test_a_copy_in_double_precision_rounds_nothing() -> None:
    single, mixed = (copy.deepcopy(built(precision)).double() for precision in ("float32", "bfloat16"))
    inputs = torch.rand(5, 1, 8, 8, dtype=torch.float64)
    assert torch.equal(single(inputs), mixed(inputs))


@pytest.mark.parametrize("norm", registry.names("norms"))
def test_a_run_is_that_of_single_precision_within_the_tolerance(norm: str) -> None:
    single, mixed = (
        Record.from_frames(config, train(config))
        for config in (RunConfig(**SMALL, norm=norm, probes=(), precision=kind) for kind in ("float32", "bfloat16"))
    )
    for name in ("train_loss", "test_loss"):
        assert not mixed.data[name].equals(single.data[name])
        np.testing.assert_allclose(mixed.data[name], single.data[name], rtol=TOLERANCE)


def test_a_network_that_is_handed_over_is_trained_so_too() -> None:
    config = RunConfig(**SMALL, norm="batch", probes=(), precision="bfloat16")
    given = networks.build(config.with_changes(precision="float32"), (1, 8, 8), 10, CPU)
    records = [Record.from_frames(config, train(config, network)) for network in (None, given)]
    assert records[0].to_bytes() == records[1].to_bytes()


def test_runs_together_are_those_alone_within_the_tolerance() -> None:
    config = RunConfig(**SMALL, norm="batch", probes=(), precision="bfloat16")
    alone = Record.from_frames(config, train(config))
    mine = [frame for place, frame in train_together([config, config.with_changes(seed=1)]) if place == 0]
    np.testing.assert_allclose(
        Record.from_frames(config, mine).data["train_loss"], alone.data["train_loss"], rtol=TOLERANCE
    )


@pytest.mark.parametrize("probe", registry.names("probes"))
def test_every_probe_measures_such_a_run(probe: str) -> None:
    settings = SMALL | {"steps": 4, "norm": "batch", "probes": (probe,), "probe_samples": 40}
    configs = [RunConfig.model_validate(settings | {"precision": kind}) for kind in ("float32", "bfloat16")]
    single, mixed = (Record.from_frames(config, train(config)) for config in configs)
    assert mixed.outcome == "finished"
    assert mixed.data.sizes == single.data.sizes
    for name, item in single.data.data_vars.items():
        assert np.array_equal(np.isfinite(mixed.data[name]), np.isfinite(item)), name
