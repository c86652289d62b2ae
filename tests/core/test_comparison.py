"""Comparison: arms are full configurations that differ in what was said, and share what pairs them."""

import pytest
from pydantic import ValidationError

from bnviz import Comparison, RunConfig
from bnviz.core.comparison import MAX_ARMS

BASE = RunConfig(widths=(5, 4), steps=7, seed=3)


def test_each_arm_is_the_base_with_its_changes() -> None:
    comparison = Comparison(BASE, {"standard": {}, "batch norm": {"norm": "batch", "learning_rate": 0.5}})
    assert comparison.configs() == {
        "standard": BASE,
        "batch norm": BASE.with_changes(norm="batch", learning_rate=0.5),
    }
    assert list(comparison.configs()) == ["standard", "batch norm"]


def test_there_is_one_arm_unless_more_are_given() -> None:
    assert Comparison(BASE.with_changes(norm="batch")).configs() == {"standard": BASE}


@pytest.mark.parametrize("number", [0, MAX_ARMS + 1])
def test_number_of_arms_is_bounded(number: int) -> None:
    with pytest.raises(ValueError, match=f"1 to {MAX_ARMS} arms, {number} were given"):
        Comparison(BASE, {str(arm): {} for arm in range(number)})


@pytest.mark.parametrize("name", ["seed", "batch_size"])
def test_what_pairs_the_arms_cannot_differ(name: str) -> None:
    with pytest.raises(ValueError, match="arms of a comparison share seed and batch_size"):
        Comparison(BASE, {"a": {}, "b": {name: 5}})


@pytest.mark.parametrize("changes", [{"steps": 0}, {"stepz": 1}, {"norm": "?"}, {"network": "lenet"}])
def test_changes_are_validated(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Comparison(BASE, {"a": changes}).configs()
