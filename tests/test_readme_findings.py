"""README's findings are those that ship, and are made of them alone."""

from dataclasses import replace

import pytest

from bnviz.records.gallery import findings
from bnviz.records.gallery.findings import StoredFindings
from scripts.readme_findings import BEGIN, END, README, ROWS, replace_section, section
from tests.made_findings import all_claims

MADE = StoredFindings("2026-01-31", {}, tuple(all_claims({"default": "supported", "other": "contradicted"})))


@pytest.mark.skipif(not findings.PATH.exists(), reason="no findings; run: python -m bnviz gallery build")
def test_readme_follows_the_shipped_findings() -> None:
    text = README.read_text(encoding="utf-8")
    assert replace_section(text, section(findings.read())) == text, "run: python -m scripts.readme_findings"


def test_section_changes_with_every_verdict_and_number() -> None:
    said = section(MADE)
    for place, one in enumerate(MADE.findings):
        if (one.experiment, one.claim) in ROWS and one.setting == "as by default" and one.condition == 0:
            for change in ({"verdict": "contradicted"}, {"mean": 77.7}, {"low": -7.77}):
                changed = (*MADE.findings[:place], replace(one, **change), *MADE.findings[place + 1 :])
                assert section(replace(MADE, findings=changed)) != said


def test_section_counts_what_changes_and_marks_each_phase() -> None:
    reversed_ = tuple(
        replace(one, verdict="contradicted") if one.claim == "sharpness" and one.phase == "start" else one
        for one in MADE.findings
    )
    said = section(replace(MADE, findings=reversed_))
    assert "find 1 that change over training" in said
    number = "**0.14** (0.1 to 0.18)"
    assert f"largest eigenvalue, ratio | {number} ✓ | {number} ✗ | {number} ✓ | {number} ✓ |" in said


def test_text_without_one_pair_of_marks_is_refused() -> None:
    assert replace_section(f"a\n{BEGIN}\nold\n{END}\nb", "new") == f"a\n{BEGIN}\nnew\n{END}\nb"
    for text in ("nothing", f"{BEGIN}\nold", f"{BEGIN}\n{END}\n{BEGIN}\n{END}"):
        with pytest.raises(ValueError, match="sections of findings"):
            replace_section(text, "new")
