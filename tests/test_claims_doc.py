"""docs/claims.md names every claim that is tested, and none that is not; nothing in it is left without a taker."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from bnviz import experiments
from bnviz.core import registry

TEXT = (Path(__file__).parents[1] / "docs" / "claims.md").read_text(encoding="utf-8")
CLAIM = re.compile(r"`([a-z0-9_]+\.[a-z0-9_]+)`")
PAGES = {
    *("Covariate shift", "The transform", "Backward pass", "Train and test", "Learning rate", "Nonlinearities"),
    *("Batch size", "Regularisation", "Depth and initialisation", "Alternatives", "Paper scale", "Quiz", "Theory"),
}
HEAD = ["Statement", "Where", "Tested in"]


def rows() -> list[Sequence[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith("|") and not line.startswith("|---")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if row != HEAD]


def judged_claims() -> set[str]:
    return {f"{name}.{claim.name}" for name in registry.names("experiments") for claim in experiments.load(name).claims}


def test_every_tested_claim_is_in_a_row_and_no_other_is_named() -> None:
    assert set(CLAIM.findall(TEXT)) == judged_claims()
    assert {name for row in rows() for name in CLAIM.findall(row[2])} == judged_claims()


def test_the_table_is_read_as_meant() -> None:
    assert len(rows()) > 60
    assert all(len(row) == len(HEAD) for row in rows())


@pytest.mark.parametrize("text", ["000", "001", "002", "003", "004"])
def test_every_source_is_introduced_and_used(text: str) -> None:
    assert f"- **{text}**: " in TEXT
    assert any(re.search(rf"\b{text}\b", row[1]) for row in rows())


def test_every_statement_has_a_claim_or_a_page() -> None:
    for statement, where, taken_by in rows():
        assert where, statement
        named = any(page in taken_by for page in PAGES)
        assert CLAIM.search(taken_by) or named, statement
