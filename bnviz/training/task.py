"""A run's data, loss and scores, as tensors on its device."""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bnviz import datasets
from bnviz.core.config import RunConfig
from bnviz.core.record import Measurement
from bnviz.landscape.objective import CRITERIA, Criterion
from bnviz.training.evaluation import Scores


@dataclass(frozen=True)
class Task:
    """Training inputs (samples, *shape) with labels (samples,) or values (samples, outputs), resident on the device."""

    inputs: Tensor
    labels: Tensor
    classes: int
    criterion: Criterion
    scores: Scores

    @classmethod
    def load(cls, config: RunConfig, device: torch.device) -> "Task":
        """Load the data set that `config` names.

        Raises:
            DatasetError: it cannot be loaded.
        """
        return cls.from_dataset(
            datasets.load(config.dataset, config.seed, **config.options_of("dataset")), config, device
        )

    @classmethod
    def from_dataset(cls, data: datasets.Dataset, config: RunConfig, device: torch.device) -> "Task":
        """Convert a data set to tensors in the precision of `config`."""
        kind = torch.float64 if config.precision == "float64" else torch.float32
        targets = "values" if data.train.labels.dtype.kind == "f" else "classes"
        scores = Scores(*_tensors(data.test, kind, device), targets)
        return cls(*_tensors(data.train, kind, device), data.classes, CRITERIA[targets], scores)

    def fixed(self, samples: int) -> tuple[Tensor, Tensor]:
        """The fixed probe batch: the first training samples."""
        return self.inputs[:samples], self.labels[:samples]

    def final_scores(self, network: nn.Module, batch_size: int) -> dict[str, Measurement]:
        """Scores of a trained network on all test samples, with running and with population statistics."""
        return self.scores.final(network) | self.scores.with_population_statistics(network, self.inputs, batch_size)


def _tensors(split: datasets.Split, kind: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Inputs and labels, in the data set's own read-only memory where device and precision allow (MNIST: 220 MB)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        inputs, labels = torch.from_numpy(split.inputs), torch.from_numpy(split.labels)
    return inputs.to(device, kind), labels.to(device, kind if labels.is_floating_point() else None)
