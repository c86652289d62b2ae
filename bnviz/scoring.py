"""Scoring: loss and accuracy on the test samples, in inference mode, leaving no trace in the network.

Where values are learned instead of classes there is no accuracy. Nothing here knows of training.
"""

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.objective import CRITERIA
from bnviz.record import Measurement
from bnviz.tracing import same_noise

SCORING_BATCH = 1000
"""Test samples scored at once: bounds memory, changes no result."""
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
        """Scores on the first `samples`, for the curves."""
        loss, accuracy = self._score(network, self.inputs[:samples], self.labels[:samples])
        values = {"test_loss": curve(loss, f"{self.name} on test samples", self.units)}
        if accuracy is not None:
            values["test_accuracy"] = curve(accuracy, "test accuracy", "1")
        return values

    def final(self, network: nn.Module) -> dict[str, Measurement]:
        """Scores on all of them, for the end of a run."""
        loss, accuracy = self._score(network, self.inputs, self.labels)
        values = {"final_test_loss": curve(loss, f"{self.name} on all test samples, at the end", self.units)}
        if accuracy is not None:
            values["final_test_accuracy"] = curve(accuracy, "accuracy on all test samples, at the end", "1")
        return values

    def _score(self, network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[float, float | None]:
        """Mean loss, and accuracy where there are classes."""
        loss = correct = 0.0
        network.eval()  # running statistics are used, not updated
        with same_noise(network), torch.no_grad():
            for start in range(0, len(inputs), SCORING_BATCH):
                part = slice(start, start + SCORING_BATCH)
                outputs = network(inputs[part])
                loss += float(self.criterion(outputs, labels[part])) * len(outputs)
                if self.targets == "classes":
                    correct += float((outputs.argmax(dim=1) == labels[part]).sum())
        network.train()
        return loss / len(inputs), correct / len(inputs) if self.targets == "classes" else None


def curve(value: float, name: str, units: str) -> Measurement:
    """One point of a curve over the updates."""
    return Measurement(np.array(value, np.float32), (), name, units, axis="step")
