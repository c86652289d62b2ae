"""Conditions on what runs measured, which decide what a page draws."""

from collections.abc import Mapping

from bnviz.analysis.loss_plane import last_plane
from bnviz.core.record import Record


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
