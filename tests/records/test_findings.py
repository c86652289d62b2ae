"""Stored findings: what was written is read, and what cannot be read counts as none."""

import math
import os
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from bnviz.core import registry
from bnviz.core.config import MEASURING_VERSION
from bnviz.experiments import DEFAULT_SETTING, FEWEST_SEEDS, ClaimResult, Curve, Rule, group_by_claim, load
from bnviz.experiments._judging import common_verdict
from bnviz.records.gallery import findings
from bnviz.records.gallery.findings import StoredFindings, read, save
from tests.made_findings import made, undefined

PLAIN = made(
    experiment="theorems",
    claim="theorem_41",
    values=(0.25, 1e-15, -3.0),
    mean=1 / 3,
    curve=Curve((0, 40), (1 / 3, 2.0), (0.1, math.nan), (0.5, math.inf)),
)
LOST = undefined(
    experiment="theorems",
    claim="theorem_41",
    setting="ReLU ×2",
    dataset="mnist",
    left_out=(3, 4),
    why_left_out="standard does not learn",
    values=(math.nan, math.inf, 1.0),
)
KEPT = StoredFindings("2026-01-31", {"torch": "2.9.0"}, (PLAIN, LOST))
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


def test_saved_findings_are_read(tmp_path: Path) -> None:
    save(KEPT, tmp_path / "findings.json")
    again = read(tmp_path / "findings.json")
    assert (again.date, again.versions) == (KEPT.date, KEPT.versions)
    curve = Curve((0, 40), (0.333, 2.0), (0.1, math.nan), (0.5, math.nan))
    assert str(astuple(again.findings[0])) == str(astuple(replace(PLAIN, mean=0.333333, curve=curve)))
    assert str(astuple(again.findings[1])) == str(astuple(replace(LOST, values=(math.nan, math.nan, 1.0))))


def test_findings_file_is_strict_json(tmp_path: Path) -> None:
    save(KEPT, tmp_path / "findings.json")
    written = (tmp_path / "findings.json").read_text(encoding="utf-8")
    assert "NaN" not in written
    assert "Infinity" not in written
    assert "ReLU ×2" in written


def test_findings_are_selected_by_setting_and_dataset() -> None:
    plain, lost = ClaimResult((PLAIN,)), ClaimResult((LOST,))
    assert KEPT.of("theorems") == [plain, lost]
    assert KEPT.of("theorems", "ReLU ×2") == [lost]
    assert KEPT.of("theorems", dataset="digits") == [plain]
    assert KEPT.of("theorems", "ReLU ×2", "digits") == []
    assert KEPT.of("batch_size") == []


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_file_has_no_findings(content: str, tmp_path: Path) -> None:
    (tmp_path / "findings.json").write_text(content)
    assert read(tmp_path / "findings.json") == StoredFindings("", {}, ())


def test_missing_file_has_no_findings(tmp_path: Path) -> None:
    assert read(tmp_path / "findings.json").findings == ()


def test_rewritten_findings_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "findings.json"
    save(KEPT, path)
    assert len(read(path).findings) == 2
    save(replace(KEPT, findings=(PLAIN,)), path)
    os.utime(path, ns=(0, 10**18))
    assert len(read(path).findings) == 1


needs_findings = pytest.mark.skipif(
    not findings.PATH.exists(), reason="no findings; run: python -m bnviz gallery build"
)


@needs_findings
def test_shipped_findings_belong_to_experiments() -> None:
    shipped = read()
    assert shipped.versions["measuring"] == str(MEASURING_VERSION), "run: python -m bnviz gallery build"
    for one in shipped.findings:
        chosen = load(one.experiment)
        condition = chosen.claim(one.claim).conditions[one.condition]
        assert one.setting in (DEFAULT_SETTING, *chosen.settings)
        assert one.phase in ("", *(phase.name for phase in condition.phases))
        bound = math.log(one.bound) if condition.ratio else one.bound
        assert bound == pytest.approx(condition.rule.bound, rel=1e-4, abs=1e-5)


@needs_findings
def test_shipped_verdicts_follow_from_both_stored_intervals() -> None:
    for one in read().findings:
        condition = load(one.experiment).claim(one.claim).conditions[one.condition]
        shown = math.log if condition.ratio else float
        ends = (one.low, one.high), (one.rank_low, one.rank_high)
        intervals = [(shown(low), shown(high)) for low, high in ends]
        assert common_verdict(Rule(one.kind, shown(one.bound)), *intervals) == one.verdict
        assert one.verdict == "inconclusive" or one.p <= 0.05


@needs_findings
def test_shipped_findings_have_enough_seeds() -> None:
    for one in read().findings:
        seeds = len(one.seeds) + len(one.left_out)
        assert seeds >= (FEWEST_SEEDS if one.dataset == "mnist" else 20)
        assert one.left_out == () or one.why_left_out


@needs_findings
def test_shipped_findings_cover_claims_and_settings() -> None:
    found = {(one.first.experiment, one.first.claim, one.first.setting) for one in group_by_claim(read().findings)}
    for name in registry.names("experiments"):
        chosen = load(name)
        for claim in chosen.claims:
            for setting in {DEFAULT_SETTING, *chosen.settings} - set(claim.not_in):
                assert (name, claim.name, setting) in found
