"""Arms that depend on a page's settings, and conditions on what an arm's runs measured."""

from collections.abc import Mapping

from bnviz.analysis.loss_plane import last_plane
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.ui.page import Arms


def with_and_without(config: RunConfig) -> Arms:
    """The standard network and, unless it is the same, the network with the chosen normalisation."""
    arms: dict[str, dict[str, str]] = {"standard": {"norm": "none"}}
    if config.norm != "none":
        arms[registry.describe("norms", config.norm).label.lower()] = {}
    return arms


def has_width(records: Mapping[str, Record], arm: str) -> bool:
    """Whether more than the median was recorded of the arm's units."""
    return len(records[arm].config.recorded_percentiles) > 1


def classifies(records: Mapping[str, Record]) -> bool:
    """Whether the runs have an accuracy."""
    return all("test_accuracy" in record.data for record in records.values())


def learns_values(records: Mapping[str, Record]) -> bool:
    """Whether the runs learn values, so that they have no accuracy."""
    return not classifies(records)


def several_eigenvalues(records: Mapping[str, Record]) -> bool:
    """Whether more than the largest eigenvalue was measured."""
    return any(record.config.option("sharpness_count") > 1 for record in records.values())


def has_plane(records: Mapping[str, Record], arm: str) -> bool:
    """Whether the arm's record holds a plane with finite losses."""
    return last_plane(records[arm]) is not None
