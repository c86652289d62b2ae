"""Stored findings: what was written is read, and what cannot be read counts as none."""

import math
import os
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from bnviz.config import MEASURING_VERSION
from bnviz.experiments import DEFAULT_SETTING, FEWEST_SEEDS, Finding, Rule, load
from bnviz.gallery import findings
from bnviz.gallery.findings import Stored, read, save

PLAIN = Finding(
    experiment="theorems",
    claim="theorem_41",
    setting=DEFAULT_SETTING,
    dataset="digits",
    seeds=(0, 1, 2),
    values=(0.25, 1e-15, -3.0),
    mean=1 / 3,
    low=-0.5,
    high=0.75,
    kind="within",
    bound=1.5,
    verdict="supported",
)
LOST = replace(
    PLAIN,
    setting="ReLU ×2",
    dataset="mnist",
    values=(math.nan, math.inf, 1.0),
    mean=math.nan,
    low=math.nan,
    high=math.nan,
    verdict="inconclusive",
)
KEPT = Stored("2026-01-31", {"torch": "2.9.0"}, (PLAIN, LOST))
BROKEN = {
    "empty": "",
    "cut": '{"date": "2026',
    "a list": "[]",
    "a part missing": '{"date": "2026-01-31", "versions": {}}',
    "no findings": '{"date": "2026-01-31", "versions": {}, "findings": [{}]}',
    "other fields": '{"date": "", "versions": {}, "findings": [{"mean": 1, "low": 1, "high": 1, "bound": 1, '
    '"values": [1], "seeds": [1], "colour": "red"}]}',
    "not text": '{"date": "", "versions": {}, "findings": [{"mean": [], "low": 1}]}',
}


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    save(KEPT, tmp_path / "findings.json")
    again = read(tmp_path / "findings.json")
    assert (again.date, again.versions) == (KEPT.date, KEPT.versions)
    assert again.findings[0] == replace(PLAIN, mean=0.333333)
    assert str(astuple(again.findings[1])) == str(astuple(replace(LOST, values=(math.nan, math.nan, 1.0))))


def test_the_file_is_json_that_any_reader_takes(tmp_path: Path) -> None:
    save(KEPT, tmp_path / "findings.json")
    written = (tmp_path / "findings.json").read_text(encoding="utf-8")
    assert "NaN" not in written
    assert "Infinity" not in written
    assert "ReLU ×2" in written


def test_findings_are_chosen_by_experiment_setting_and_dataset() -> None:
    assert KEPT.of("theorems") == [PLAIN, LOST]
    assert KEPT.of("theorems", "ReLU ×2") == [LOST]
    assert KEPT.of("theorems", dataset="digits") == [PLAIN]
    assert KEPT.of("theorems", "ReLU ×2", "digits") == []
    assert KEPT.of("batch_size") == []


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_counts_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "findings.json").write_text(content)
    assert read(tmp_path / "findings.json") == Stored("", {}, ())


def test_no_file_counts_as_none(tmp_path: Path) -> None:
    assert read(tmp_path / "findings.json").findings == ()


def test_a_file_that_was_written_anew_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "findings.json"
    save(KEPT, path)
    assert len(read(path).findings) == 2
    save(replace(KEPT, findings=(PLAIN,)), path)
    os.utime(path, ns=(0, 10**18))
    assert len(read(path).findings) == 1


@pytest.mark.skipif(not findings.PATH.exists(), reason="no findings; run: python -m bnviz gallery build")
def test_what_ships_is_what_the_experiments_are() -> None:
    """Every claim in every setting, with a verdict that follows from the interval that is stored beside it."""
    shipped = read()
    assert shipped.versions["measuring"] == str(MEASURING_VERSION), "run: python -m bnviz gallery build"
    for one in shipped.findings:
        chosen = load(one.experiment)
        claim = next(claim for claim in chosen.claims if claim.name == one.claim)
        assert one.setting in (DEFAULT_SETTING, *chosen.settings)
        assert len(one.seeds) == FEWEST_SEEDS
        low, high, bound = (math.log(x) if claim.ratio else x for x in (one.low, one.high, one.bound))
        assert Rule(one.kind, bound).judge(low, high) == one.verdict
        assert bound == pytest.approx(claim.rule.bound, rel=1e-4, abs=1e-5)
