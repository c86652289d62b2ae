"""The overview: three runs at once, ways to go, and the scoreboard of all claims."""

from dataclasses import replace

import pytest

from bnviz import experiments, registry
from bnviz.experiments import DEFAULT_SETTING
from bnviz.gallery import findings
from bnviz.gallery.findings import Stored
from bnviz.presets import DEFAULTS

NAMES = registry.names("experiments")


def scoreboard(at):
    """The table of each experiment, by its label, as rows of cells."""
    titles = [text.value for text in at.markdown if text.value.startswith("**[")]
    assert len(titles) == len(at.table)
    return dict(zip(titles, (table.value for table in at.table), strict=True))


def test_three_arms_are_there_at_once(opened, asked, groups):
    at = opened("overview")
    assert asked == []
    (group,) = groups(at, "overview").values()
    assert list(group["charts"]) == ["accuracy", "bands-standard", "bands-batch norm", "bands-noisy batch norm"]


def test_it_leads_to_every_page(opened):
    at = opened("overview")
    linked = {link.proto.page for link in at.get("page_link")}
    assert linked == set(DEFAULTS)


def test_every_claim_has_a_row_with_its_verdict_and_its_numbers(opened, kept):
    at = opened("overview")
    tables = scoreboard(at)
    assert len(tables) == len(NAMES)
    for name in NAMES:
        chosen, label = experiments.load(name), registry.describe("experiments", name).label
        (table,) = [table for title, table in tables.items() if title.startswith(f"**[{label}](/{chosen.page}")]
        assert len(table) == len(chosen.claims)
        for claim, (verdict, row) in zip(chosen.claims, table.iterrows(), strict=True):
            assert verdict == ":green-badge[:material/check: supported]"
            claimed, said, otherwise = row
            assert claimed == f"{claim.statement} *{claim.source}*"
            assert "**4 (2 to 6, 5 seeds)**, asked for: " in said
            assert otherwise.count("contradicted, 4 (2 to 6, 5 seeds)") == len(chosen.settings)
            assert (otherwise == "–") == (not chosen.settings)


def test_it_counts_claims_verdicts_and_turns(opened, kept):
    claims = sum(len(experiments.load(name).claims) for name in NAMES)
    turning = sum(len(one.claims) for one in map(experiments.load, NAMES) if one.settings)
    (summary,) = [text.value for text in opened("overview").markdown if "claims, each tested" in text.value]
    assert summary.startswith(f"{claims} claims, each tested with 5 seeds on 2026-01-31: ")
    assert f"**{claims} supported, 0 contradicted, 0 inconclusive**" in summary
    assert f"In other settings {turning} of them" in summary


def test_another_verdict_on_mnist_is_told_with_a_link(opened, kept, monkeypatch):
    claim = next(one for one in kept.findings if one.experiment == "loss_landscape" and one.setting == DEFAULT_SETTING)
    on_mnist = replace(claim, dataset="mnist", verdict="inconclusive", mean=1.5, low=0.5, high=2.5)
    monkeypatch.setattr(findings, "read", lambda: Stored("2026-01-31", {}, (*kept.findings, on_mnist)))
    tables = scoreboard(opened("overview"))
    rows = [cell for table in tables.values() for cell in table["Otherwise in"] if "MNIST" in cell]
    assert len(rows) == 1
    assert "[MNIST](/loss_landscape?dataset=mnist): inconclusive, 1.5 (0.5 to 2.5, 5 seeds)" in rows[0]


@pytest.mark.parametrize("change", ["experiment", "claim", "setting"])
def test_findings_of_what_is_there_no_more_are_left_out(opened, kept, monkeypatch, change):
    old = tuple(replace(one, **{change: "gone"}, verdict="inconclusive") for one in kept.findings[:3])
    monkeypatch.setattr(findings, "read", lambda: Stored("2026-01-31", {}, (*kept.findings, *old)))
    at = opened("overview")
    assert not any("gone" in str(table.value) for table in at.table)
    assert sum(len(table.value) for table in at.table) == sum(len(experiments.load(name).claims) for name in NAMES)
    assert any(" 0 inconclusive**" in text.value for text in at.markdown), "not counted either"


def test_without_findings_it_says_how_to_make_them(opened, monkeypatch, drawn):
    monkeypatch.setattr(findings, "read", lambda: Stored("", {}, ()))
    at = opened("overview")
    (info,) = at.info
    assert "gallery build" in info.value
    assert not at.table
    assert drawn(at)
