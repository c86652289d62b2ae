"""What the rows of `benchmarks.others` share: two ways to the same, and the networks that both are given."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from bnviz import datasets, networks
from bnviz.core.config import RunConfig
from bnviz.landscape.objective import CRITERIA, Objective

CRITERION = CRITERIA["classes"]
UPDATES = 100  # of training, where there is any
SMALL = {
    "3x100 sigmoid": RunConfig(widths=(100,) * 3, steps=UPDATES, probes=()),
    "10x100 ReLU": RunConfig(widths=(100,) * 10, activation="relu", init="he", steps=UPDATES, probes=()),
}
Way = Callable[[], object]


@dataclass(frozen=True)
class Contest:
    """Two ways to the same; each returns what it found, for people to compare.

    `goal` is the most that the seconds of ours may be of theirs; None: there is none.
    """

    name: str
    ours: Way
    theirs: Way
    goal: float | None = None


def small() -> Iterator[tuple[str, RunConfig]]:
    """Name and configuration of each small network on digits, without and with batch norm."""
    for name, config in SMALL.items():
        for norm, words in (("none", ""), ("batch", ", batch norm")):
            yield name + words, config.with_changes(norm=norm)


def prepared(config: RunConfig, samples: int) -> tuple[nn.Module, Objective]:
    """The network that `config` describes, not trained, and its loss on the first so many training samples."""
    data = datasets.load(config.dataset, 0)
    network = networks.build(config, data.train.inputs.shape[1:], data.classes, torch.device("cpu"))
    inputs, labels = torch.tensor(data.train.inputs[:samples]), torch.tensor(data.train.labels[:samples])
    return network, Objective.of(network, inputs, labels, CRITERION)
