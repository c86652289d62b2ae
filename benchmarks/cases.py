"""The networks that benchmarks train, each with its data and the settings of its page."""

from typing import NamedTuple

from bnviz.core import presets
from bnviz.core.config import RunConfig
from bnviz.datasets import DatasetError
from bnviz.datasets import load as load_data

NORMS = {"none": "", "batch": ", batch norm"}
QUARTER = {"steps": 250, "probe_points": 10, "curve_points": 10, "probes": RunConfig().probes}


class Case(NamedTuple):
    """A network with its data."""

    name: str
    config: RunConfig


CASES = (
    Case("3x100 sigmoid, digits", RunConfig()),
    Case("10x100 ReLU, digits", presets.TEN_LAYERS),
    Case("25 linear layers", presets.DEEP_LINEAR.base.model_copy(update=QUARTER)),
    Case("3x100 sigmoid, MNIST", RunConfig(dataset="mnist")),
    Case("LeNet, MNIST", RunConfig(dataset="mnist", network="lenet", activation="relu", init="he")),
)


def available() -> tuple[list[Case], str]:
    """The cases whose data are here or can be downloaded, and a sentence on those that are left out."""
    try:
        load_data("mnist", 0)
    except DatasetError:
        return [case for case in CASES if case.config.dataset != "mnist"], "Without MNIST, which cannot be had here."
    return list(CASES), ""
