"""Probes: one file each, a function of a Snapshot that measures and leaves no trace.

A probe's file has a function `measure(snapshot) -> dict[str, Measurement]`. A run with probes equals a run without, bit
for bit (a contract test holds every probe to it). Probes know nothing of figures or of how the run is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from bnviz import registry
from bnviz.config import RunConfig
from bnviz.record import Measurement


@dataclass(frozen=True)
class Snapshot:
    """What a probe may look at, and never write to: the network at `step`, before that step's update.

    `pre_activations` are what entered each hidden layer's nonlinearity, in training mode, on the run's probe data:
    tensors (batch, units) or (batch, maps, height, width), first layer first. `previous` are those of the step before,
    None at step 0.
    """

    step: int
    config: RunConfig
    network: nn.Module
    pre_activations: Sequence[Tensor]
    previous: Sequence[Tensor] | None


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """What all of the run's probes measure."""
    values: dict[str, Measurement] = {}
    for name in snapshot.config.probes:
        values |= registry.load("probes", name).measure(snapshot)
    return values
