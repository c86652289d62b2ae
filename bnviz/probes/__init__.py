"""Probes: one file each, a function of a Snapshot that measures and leaves no trace.

A probe's file has a function `measure(snapshot) -> dict[str, Measurement]`, and constants that tell what it costs:
PASSES, how many passes through the network, forward and back, it makes each time, and PASSES_PER_LAYER, how many more
for each hidden layer; STEPS, at how many steps at most, where these are fewer than `probe_points`; BATCH, "fixed" where
its passes are over the fixed probe batch, "probe_data" where that setting says so, else over the mini-batch. Each is a
number, the name of a setting, or a tuple of both, to be multiplied. A test counts what they do.

A run with probes equals a run without, bit for bit (a contract test holds every probe to it). Probes know nothing of
figures or of how the run is stored.
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
    """What a probe may look at, and never write to: the network at `step`, before that step's update.

    `pre_activations` are what entered each hidden layer's nonlinearity, in training mode, on the run's probe data:
    tensors (batch, units) or (batch, maps, height, width), first layer first. `previous` are those of the step before,
    None at step 0.

    `training` is the loss on the mini-batch that the step is about to be made with, its gradient known; `fixed` the
    loss on the run's fixed probe batch. `next_parameters()` gives every parameter as the optimiser's real step will
    leave it. `path` are the weights at the probed steps so far, in one row each, kept only for probes with
    NEEDS_PATH = True; `previous_gradient` is the gradient of the step before, on its own mini-batch, in one row,
    kept only for probes with NEEDS_PREVIOUS_GRADIENT = True, and None at step 0.
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
        """The one that the run's `probe_data` names."""
        return self.fixed if self.config.probe_data == "fixed" else self.training


def needs(config: RunConfig, what: str) -> bool:
    """Whether one of the run's probes sets the constant NEEDS_... = True of that name."""
    return any(registry.describe("probes", name).constants.get(what, False) for name in config.probes)


def measure(snapshot: Snapshot) -> dict[str, Measurement]:
    """What all of the run's probes measure."""
    values: dict[str, Measurement] = {}
    with np.errstate(over="ignore"):  # in a run that diverges: what float32 cannot hold is infinite in the record
        for name in snapshot.config.probes:
            values |= _loaded(name).measure(snapshot)
    return values


@cache
def _loaded(name: str) -> ModuleType:
    """A module is imported once in a process, so there is no need to look through the folder at every step."""
    return registry.load("probes", name)
