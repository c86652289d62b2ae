"""The steps at which a run is measured, and the snapshots that its probes measure.

Measuring never changes the run: with or without probes, the weights are the same, bit for bit.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager as Context
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from bnviz import probes
from bnviz.core.config import RunConfig
from bnviz.core.measurement_schedule import spread_steps
from bnviz.core.record import Measurement
from bnviz.landscape.objective import Criterion, Objective, flat
from bnviz.torch_support.hooks import record_pre_activations
from bnviz.torch_support.rng import RngStates, generators_of, preserved_state, states_of


class ProbeRunner:
    """Run the probes of `config` on one network while it is trained.

    Args:
        config: says what is measured, and how often.
        network: the network in training; parameters, buffers and random streams may change only in place.
        criterion: its loss.
        fixed: inputs and targets of the run's fixed probe batch.
    """

    def __init__(
        self, config: RunConfig, network: nn.Module, criterion: Criterion, fixed: tuple[Tensor, Tensor]
    ) -> None:
        self.config = config
        self.network = network
        self._criterion = criterion
        self._fixed = fixed
        self._curve_steps = set(spread_steps(config.steps, config.curve_points))
        self._probe_steps = set(spread_steps(config.steps, config.probe_points)) if config.probes else set()
        self._trace_steps = self._probe_steps | {step - 1 for step in self._probe_steps}
        self._generators = generators_of(network)
        self._previous: list[Tensor] | None = None
        self._path: list[Tensor] | None = [] if probes.needs(config, "NEEDS_PATH") else None
        self._keeps_gradient = probes.needs(config, "NEEDS_PREVIOUS_GRADIENT")
        self._previous_gradient: Tensor | None = None

    def curves_due(self, step: int) -> bool:
        """Whether loss and accuracy are measured at this step."""
        return step in self._curve_steps

    def trace_due(self, step: int) -> bool:
        """Whether pre-activations are recorded: probes measure this step, or the next one, which compares the two."""
        return step in self._trace_steps

    def trace_batch(self, step: int) -> Context[list[Tensor]]:
        """A context for the step's pass that collects pre-activations, if probes look at the mini-batch."""
        traced = step in self._trace_steps and self.config.probe_data == "batch"
        return record_pre_activations(self.network) if traced else nullcontext([])

    def rng_states(self, step: int) -> RngStates:
        """Random states before the pass of a step that probes measure; empty at other steps."""
        return states_of(self._generators) if step in self._probe_steps else []

    def measure(
        self,
        step: int,
        pre_activations: list[Tensor],
        training: Objective,
        next_parameters: Callable[[], list[Tensor]],
    ) -> dict[str, Measurement]:
        """Measure all probes at a traced step; empty if only the next step needs the trace.

        Args:
            step: updates done.
            pre_activations: what `trace_batch` collected in the step's pass.
            training: the loss on the step's mini-batch, with its gradient.
            next_parameters: returns every parameter as it will be after the step's update.
        """
        if self.config.probe_data == "fixed":
            pre_activations = self._fixed_pre_activations()
        values: dict[str, Measurement] = {}
        if step in self._probe_steps:
            if self._path is not None:
                self._path.append(flat([parameter.detach() for parameter in training.parameters]))
            snapshot = probes.Snapshot(
                step=step,
                config=self.config,
                network=self.network,
                pre_activations=pre_activations,
                previous=self._previous,
                training=training,
                fixed=Objective(self.network, *self._fixed, self._criterion, states_of(self._generators)),
                next_parameters=next_parameters,
                path=self._path or (),
                previous_gradient=self._previous_gradient,
            )
            values = probes.measure(snapshot)
        self._previous = pre_activations
        if self._keeps_gradient:
            self._previous_gradient = flat(training.loss_and_gradient()[1])
        return values

    def _fixed_pre_activations(self) -> list[Tensor]:
        """Pre-activations of the fixed batch in training mode; the network is left unchanged."""
        with preserved_state(self.network), torch.no_grad(), record_pre_activations(self.network) as pre_activations:
            self.network(self._fixed[0])
        return pre_activations
