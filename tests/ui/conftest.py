"""Findings that are stored for a test."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bnviz.records.gallery import findings
from bnviz.records.gallery.findings import StoredFindings
from tests.made_findings import USUAL, made

CONTRADICTED = made(verdict="contradicted", mean=-0.14, low=-0.18, high=-0.1, rank_low=-0.17, rank_high=-0.11)


@pytest.fixture
def keep(monkeypatch) -> Callable[..., None]:
    """Store these findings."""

    def keep(*found) -> None:
        monkeypatch.setattr(findings, "read", lambda: StoredFindings("2026-01-31", {}, found))

    return keep


@pytest.fixture
def kept(keep):
    """Findings of one claim: supported by default, contradicted in one setting, as by default in another."""
    found = (
        USUAL,
        replace(CONTRADICTED, setting="10 × 100 tanh"),
        made(setting="3 × 100 ReLU"),
        replace(CONTRADICTED, setting="a setting of another day"),
        replace(CONTRADICTED, setting="3 × 100 ReLU", dataset="mnist"),
    )
    keep(*found)
    return found
