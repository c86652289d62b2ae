"""Loss and accuracy on the test samples, in inference mode; the network is left unchanged.

There is no accuracy where a run learns values instead of classes.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.core.record import Measurement
from bnviz.landscape.objective import CRITERIA
from bnviz.torch_support.rng import preserved_rng_states, preserved_state

SCORING_BATCH = 1000
"""Test samples scored at once: bounds memory, changes no result."""
POPULATION = 10_000
"""Training samples that population statistics are taken over, at most."""
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
LOSSES = {"classes": ("cross-entropy", "nat"), "values": ("squared error", "1")}


class Scores:
    """The test samples: inputs (samples, *shape) with labels (samples,) or values (samples, outputs)."""

    def __init__(self, inputs: Tensor, labels: Tensor, targets: str) -> None:
        self.inputs = inputs
        self.labels = labels
        self.targets = targets
        self.criterion = CRITERIA[targets]
        self.name, self.units = LOSSES[targets]

    def curves(self, network: nn.Module, samples: int) -> dict[str, Measurement]:
        """One point of each curve, from the first `samples` test samples."""
        return self.points(*self._score(network, self.inputs[:samples], self.labels[:samples]))

    def points(self, loss: float, accuracy: float | None) -> dict[str, Measurement]:
        """One point of each curve."""
        values = {"test_loss": curve(loss, f"{self.name} on test samples", self.units)}
        if accuracy is not None:
            values["test_accuracy"] = curve(accuracy, "test accuracy", "1")
        return values

    def batch_point(self, loss: float) -> dict[str, Measurement]:
        """One point of the curve of mini-batch losses."""
        return {"train_loss": curve(loss, f"{self.name} of the mini-batch", self.units)}

    def final(self, network: nn.Module) -> dict[str, Measurement]:
        """Scores on all test samples, for the end of a run."""
        return self.final_points(*self._score(network, self.inputs, self.labels))

    def final_points(self, loss: float, accuracy: float | None) -> dict[str, Measurement]:
        """The scores at the end of a run."""
        values = {"final_test_loss": curve(loss, f"{self.name} on all test samples, at the end", self.units)}
        if accuracy is not None:
            values["final_test_accuracy"] = curve(accuracy, "accuracy on all test samples, at the end", "1")
        return values

    def with_population_statistics(self, network: nn.Module, inputs: Tensor, batch: int) -> dict[str, Measurement]:
        """The final accuracy with population statistics of the training inputs (Ioffe & Szegedy 2015, Alg. 2).

        Running averages are gathered during training, with its noise. Population statistics are taken afterwards, as
        at inference: E[mu] and m / (m - 1) E[sigma^2] over batches of m. Empty without batch norm.
        """
        if not has_population(network) or self.targets != "classes":
            return {}
        with preserved_state(network):
            gather_population([network], network, inputs, batch)
            _, accuracy = self._score(network, self.inputs, self.labels)
        return self.population_point(accuracy)

    def population_point(self, accuracy: float | None) -> dict[str, Measurement]:
        """The accuracy with population statistics."""
        name = "accuracy on all test samples, at the end, with population statistics"
        return {"population_test_accuracy": curve(float("nan") if accuracy is None else accuracy, name, "1")}

    def _score(self, network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float | None]:
        """Mean loss, and accuracy where there are classes."""
        loss = correct = 0.0
        network.eval()  # running statistics are used, not updated
        with preserved_rng_states(network), torch.no_grad():
            for start in range(0, len(inputs), SCORING_BATCH):
                part = slice(start, start + SCORING_BATCH)
                outputs = network(inputs[part])
                loss += float(self.criterion(outputs, labels[part])) * len(outputs)
                if self.targets == "classes":
                    correct += float((outputs.argmax(dim=1) == labels[part]).sum())
        network.train()
        return loss / len(inputs), correct / len(inputs) if self.targets == "classes" else None


def has_population(network: nn.Module) -> bool:
    """Whether the network has batch norm, and so population statistics."""
    return bool(_batch_norms(network))


def gather_population(
    networks: Sequence[nn.Module], forward: Callable[[Tensor], object], inputs: Tensor, batch: int
) -> None:
    """Replace the networks' running statistics by plain averages over batches of the training inputs.

    `forward` passes a batch through all networks in the mode of the first: inference mode, except in batch norm. The
    caller restores statistics and mode.
    """
    for network in networks:
        for layer in _batch_norms(network):
            layer.reset_running_stats()
    layers = _batch_norms(networks[0])
    momenta = [layer.momentum for layer in layers]
    networks[0].eval()
    for layer in layers:
        layer.train()
    try:
        with torch.no_grad():
            for number in range(min(POPULATION, len(inputs)) // batch):
                for layer in layers:
                    layer.momentum = 1 / (number + 1)
                forward(inputs[number * batch : (number + 1) * batch])
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def _batch_norms(network: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d]:
    return [module for module in network.modules() if isinstance(module, BATCH_NORMS)]


def curve(value: float, name: str, units: str) -> Measurement:
    """One point of a curve over the updates."""
    with np.errstate(over="ignore"):  # in a run that diverges, values beyond float32 become infinite
        return Measurement(np.array(value, np.float32), (), name, units, axis="step")
