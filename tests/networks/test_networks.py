"""Networks: shapes, initial weights, and that arms share the weights that they have in common."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnviz import RunConfig, networks

CPU = torch.device("cpu")


def built(**settings: Any) -> nn.Module:
    config = RunConfig(**settings)
    shape = (1, 28, 28) if config.network == "lenet" else (1, 8, 8)
    return networks.build(config, shape, 10, CPU)


def images(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {
        name: module.weight for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)
    }


LENET = {"dataset": "mnist", "network": "lenet"}


@pytest.mark.parametrize("network", ["mlp", "deep_linear"])
@pytest.mark.parametrize("norm", ["none", "batch", "noisy_batch"])
def test_dense_networks_have_the_widths_asked_for(network: str, norm: str) -> None:
    built_network = built(network=network, norm=norm, widths=(7, 5, 3))
    assert built_network(images(4, 1, 8, 8)).shape == (4, 10)
    assert [tuple(weight.shape) for weight in weights(built_network).values()] == [(7, 64), (5, 7), (3, 5), (10, 3)]
    assert built_network.training


@pytest.mark.parametrize("norm", ["none", "batch", "noisy_batch"])
def test_lenet_takes_28_by_28(norm: str) -> None:
    network = built(**LENET, norm=norm)
    assert network(images(4, 1, 28, 28)).shape == (4, 10)
    shapes = [tuple(weight.shape) for weight in weights(network).values()]
    assert shapes == [(6, 1, 3, 3), (16, 6, 3, 3), (120, 400), (84, 120), (10, 84)]


@pytest.mark.parametrize("settings", [{"network": "mlp"}, {"network": "deep_linear"}, LENET], ids=str)
def test_bias_is_zero_or_absent_where_the_norm_subtracts_the_mean(settings: dict[str, Any]) -> None:
    for norm in ("none", "batch", "noisy_batch"):
        for name, module in built(**settings, norm=norm).named_modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                has = settings["network"] != "deep_linear" and (norm == "none" or name == "output")
                assert (module.bias is not None) == has, (name, norm)
                assert module.bias is None or not module.bias.any()


@pytest.mark.parametrize("settings", [{"network": "mlp"}, {"network": "deep_linear"}, LENET], ids=str)
@pytest.mark.parametrize("init", ["normal", "xavier", "he"])
def test_weights_are_normal_with_the_standard_deviation_of_the_scheme(settings: dict[str, Any], init: str) -> None:
    network = built(**settings, init=init, init_std=0.3, **({} if settings is LENET else {"widths": (400, 300)}))
    for name, weight in weights(network).items():
        units_out, units_in = weight.shape[:2]
        area = math.prod(weight.shape[2:])
        expected = {
            "normal": 0.3,
            "xavier": (2 / (area * (units_in + units_out))) ** 0.5,
            "he": (2 / (area * units_in)) ** 0.5,
        }[init]
        values = weight.detach().double().flatten()
        tolerance = 4.5 / values.numel() ** 0.5
        assert abs(values.mean()) < tolerance * expected, name
        assert abs(values.std() / expected - 1) < tolerance / 2**0.5, name
        within = (values.abs() < expected).double().mean().item()  # .6827 of a normal, .577 of a uniform distribution
        assert abs(within - 0.6827) < 4.5 * (0.6827 * 0.3173 / values.numel()) ** 0.5, name


def test_xavier_and_he_are_torch_s_own_formulas() -> None:
    for init, theirs in (("xavier", nn.init.xavier_normal_), ("he", nn.init.kaiming_normal_)):
        for name, weight in weights(built(**LENET, init=init)).items():
            reference = theirs(torch.empty_like(weight), generator=torch.Generator().manual_seed(0))
            torch.testing.assert_close(weight.std(), reference.std(), rtol=9 / weight.numel() ** 0.5, atol=0, msg=name)


@pytest.mark.parametrize("settings", [{"network": "mlp"}, {"network": "deep_linear"}, LENET], ids=str)
def test_arms_start_from_the_same_shared_weights(settings: dict[str, Any]) -> None:
    arms = [weights(built(**settings, norm=norm, seed=5)) for norm in ("none", "batch", "noisy_batch", "none")]
    for other in arms[1:]:
        assert other.keys() == arms[0].keys()
        assert all(torch.equal(other[name], arms[0][name]) for name in other)
    different = weights(built(**settings, seed=6))
    assert not any(torch.equal(different[name], arms[0][name]) for name in different)


def test_layers_start_from_different_weights() -> None:
    network = weights(built(widths=(20, 20, 20)))
    assert not torch.equal(network["hidden2.weights"], network["hidden3.weights"])


def test_shared_layers_do_not_depend_on_depth_or_on_what_was_drawn_before() -> None:
    torch.rand(7)
    deep, shallow = weights(built(widths=(20, 20, 20))), weights(built(widths=(20,)))
    assert torch.equal(deep["hidden1.weights"], shallow["hidden1.weights"])


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_deep_linear_is_linear_whatever_activation_is_chosen(activation: str) -> None:
    network = built(network="deep_linear", widths=(20, 15), activation=activation, init="xavier").double()
    a, b, zero = images(6, 1, 8, 8).double(), images(6, 1, 8, 8).double().flip(0), torch.zeros(6, 1, 8, 8).double()
    torch.testing.assert_close(network(a + b) - network(zero), network(a) + network(b), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(network(-3 * a), -3 * network(a), rtol=1e-10, atol=1e-12)
    assert network(a).abs().max() > 0.1


def test_mlp_is_weights_then_nonlinearity_by_hand() -> None:
    network = built(widths=(20, 15), activation="tanh", init="xavier").double()
    first, second, output = (weight.detach() for weight in weights(network).values())
    x = images(6, 1, 8, 8).double()
    expected = torch.tanh(torch.tanh(x.reshape(6, 64) @ first.T) @ second.T) @ output.T
    torch.testing.assert_close(network(x), expected, rtol=1e-12, atol=1e-12)
