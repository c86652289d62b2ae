"""Probes: functions of a Snapshot that measure without changing the run, one file each.

A probe's file has a function `measure(snapshot) -> dict[str, Measurement]`, and constants for its cost:
PASSES, the number of forward and backward passes per measurement; PASSES_PER_LAYER, further passes per hidden layer;
STEPS, the largest number of measured steps, if it is below `probe_points`; BATCH, "fixed" if its passes use the fixed
probe batch, "probe_data" if that setting decides, otherwise the mini-batch. A cost is a number, the name of a setting,
or a tuple of both, to be multiplied. A test counts the passes.

A run with probes equals a run without, bit for bit; a contract test checks it for every probe.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np
from torch import Tensor, nn

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Measurement
from bnviz.landscape.objective import Objective


@dataclass(frozen=True)
class Snapshot:
    """Read-only view of a run at `step`, before that step's update.

    Attributes:
        step: updates made so far.
        config: of the run.
        network: the network in training.
        pre_activations: inputs of each hidden layer's nonlinearity, in training mode, on the run's probe data: tensors
            (batch, units) or (batch, maps, height, width), first layer first.
        previous: pre-activations of the step before; None at step 0.
        training: loss on the mini-batch of the coming update, with a known gradient.
        fixed: loss on the run's fixed probe batch.
        next_parameters: returns every parameter as the optimiser's real step will leave it.
        path: weights at the probed steps so far, one row each; only for probes with NEEDS_PATH = True.
        previous_gradient: gradient of the step before on its own mini-batch, as a row; None at step 0. Only for probes
            with NEEDS_PREVIOUS_GRADIENT = True.
    """

    step: int
    config: RunConfig
    network: nn.Module
    pre_activations: Sequence[Tensor]
    previous: Sequence[Tensor] | None
    training: Objective
    fixed: Objective
    next_parameters: Callable[[], list[Tensor]]
    path: Sequence[Tensor] = ()
    previous_gradient: Tensor | None = None

    @property
    def objective(self) -> Objective:
        """The loss on the batch that the run's `probe_data` names."""
        return self.fixed if self.config.probe_data == "fixed" else self.training


def needs(config: RunConfig, constant: str) -> bool:
    """Return whether one of the run's probes sets the given constant, NEEDS_..., to True."""
    return any(registry.describe("probes", name).constants.get(constant, False) for name in config.probes)


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """Run all of the run's probes and return their measurements."""
    values: dict[str, Measurement] = {}
    with np.errstate(over="ignore"):  # in a run that diverges, values beyond float32 become infinite
        for name in snapshot.config.probes:
            values |= _probe_module(name).measure(snapshot)
    return values


@cache
def _probe_module(name: str) -> ModuleType:
    """Import a probe once per process instead of reading the folder at every step."""
    return registry.load("probes", name)
