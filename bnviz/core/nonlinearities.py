"""The nonlinearities on offer and where each one is saturated.

A unit is called saturated where the slope of its nonlinearity is below a tenth of the largest slope it has anywhere
(SATURATION_SLOPE). The bounds below are the closed-form solutions of that. This module knows names and numbers only;
`bnviz.networks` turns a name into a torch module.
"""

import math
from dataclasses import dataclass

from bnviz.core import registry

SATURATION_SLOPE = 0.1
"""Share of the largest slope under which a unit counts as saturated (a choice of bnviz, not of a paper)."""


@dataclass(frozen=True)
class Nonlinearity:
    """One nonlinearity: saturated for inputs < `saturated_below` and for inputs > `saturated_above`."""

    name: str
    label: str
    torch_name: str
    saturated_below: float = -math.inf
    saturated_above: float = math.inf


_SIGMOID_BOUND = math.log((1 + math.sqrt(1 - SATURATION_SLOPE)) / (1 - math.sqrt(1 - SATURATION_SLOPE)))
_TANH_BOUND = math.atanh(math.sqrt(1 - SATURATION_SLOPE))
_EXPONENTIAL_BOUND = math.log(SATURATION_SLOPE)  # ELU and SELU: slope proportional to e^x below zero, largest at 0-
_SOFTPLUS_BOUND = math.log(SATURATION_SLOPE / (1 - SATURATION_SLOPE))

NONLINEARITIES: dict[str, Nonlinearity] = {
    item.name: item
    for item in (
        Nonlinearity("sigmoid", "Sigmoid", "Sigmoid", -_SIGMOID_BOUND, _SIGMOID_BOUND),
        Nonlinearity("tanh", "Tanh", "Tanh", -_TANH_BOUND, _TANH_BOUND),
        Nonlinearity("relu", "ReLU", "ReLU", saturated_below=0.0),
        Nonlinearity("softplus", "Softplus", "Softplus", saturated_below=_SOFTPLUS_BOUND),
        Nonlinearity("elu", "ELU", "ELU", saturated_below=_EXPONENTIAL_BOUND),
        Nonlinearity("selu", "SELU", "SELU", saturated_below=_EXPONENTIAL_BOUND),
        Nonlinearity("identity", "Identity (no nonlinearity)", "Identity"),
    )
}


def applied_nonlinearity(network: str, activation: str) -> Nonlinearity:
    """Return the nonlinearity of a network's hidden units: its file's constant ACTIVATION, otherwise the chosen one."""
    return NONLINEARITIES[registry.describe("networks", network).constants.get("ACTIVATION", activation)]
