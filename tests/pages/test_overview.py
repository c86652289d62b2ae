"""The overview: three runs at once, ways to go, and the scoreboard of all claims."""

from dataclasses import replace

import pytest

from bnviz import experiments
from bnviz.analysis.captions.shared import capitalised
from bnviz.core import registry
from bnviz.core.presets import DEFAULTS
from bnviz.experiments import DEFAULT_SETTING, OverTime
from bnviz.records.gallery import findings
from bnviz.records.gallery.findings import StoredFindings

NAMES = registry.names("experiments")
PHASES = ("whole_run", "start", "middle", "last_half")


CHOSEN = {name: experiments.load(name) for name in NAMES}
EVIDENCE = [(name, claim) for name in NAMES for claim in CHOSEN[name].claims if not claim.check]
CHECKS = [(name, claim) for name in NAMES for claim in CHOSEN[name].claims if claim.check]


def scoreboard(at):
    """The table of each experiment, by its label, as rows of cells; and the tables of checks."""
    titles = [text.value for text in at.markdown if text.value.startswith("**[")]
    tables = [table.value for table in at.table]
    return dict(zip(titles, tables, strict=False)), tables[len(titles) :]


def phases(claim):
    """How many verdicts the claim has over time: one for each phase, one alone if it is not about time."""
    return max(len(one.phases) if isinstance(one.statistic, OverTime) else 1 for one in claim.conditions)


def summary(at):
    (found,) = [text.value for text in at.markdown if "claims, each tested" in text.value]
    return found


def test_three_arms_are_there_at_once(opened, asked, groups):
    at = opened("overview")
    assert asked == []
    (group,) = groups(at, "overview").values()
    assert list(group["charts"]) == ["accuracy", "bands-standard", "bands-batch norm", "bands-noisy batch norm"]


def test_it_leads_to_every_page(opened):
    at = opened("overview")
    linked = {link.proto.page for link in at.get("page_link")}
    assert linked == set(DEFAULTS)


def test_every_claim_has_a_row_with_its_verdict_and_its_numbers(opened, kept, numbers):
    tables, _ = scoreboard(opened("overview"))
    with_claims = dict.fromkeys(name for name, _ in EVIDENCE)
    assert len(tables) == len(with_claims)
    for name in with_claims:
        chosen, label = CHOSEN[name], registry.describe("experiments", name).label
        (table,) = [table for title, table in tables.items() if title.startswith(f"**[{label}](/{chosen.page}")]
        claims = [claim for claim in chosen.claims if not claim.check]
        for claim, (verdict, row) in zip(claims, table.iterrows(), strict=True):
            assert verdict == ":green-badge[:material/check: supported]"
            claimed, said, otherwise = row
            assert claimed == f"{claim.statement} *{claim.source}*"
            for condition in claim.conditions:
                assert f"{capitalised(condition.measured)}. Stored runs: **{numbers}**, required: " in said
            assert said.count(f"**{numbers}**") == len(claim.conditions)
            assert (phases(claim) > 1) == ("Start: 4" in said) == ("; last half: 4" in said)
            others = set(chosen.settings) - set(claim.not_in)
            assert otherwise.count(f": contradicted, {numbers}") == len(others)
            assert (otherwise == "–") == (not others)


def test_checks_stand_apart_and_are_not_counted(opened, kept):
    _, tables = scoreboard(opened("overview"))
    rows = [(verdict, row.iloc[0]) for table in tables for verdict, row in table.iterrows()]
    assert sorted(rows) == sorted(
        (":green-badge[:material/check: holds]", f"{claim.statement} *{claim.source}*") for _, claim in CHECKS
    )
    assert len(CHECKS) >= 5


def test_it_counts_claims_verdicts_and_turns(opened, kept):
    turning = sum(bool(set(CHOSEN[name].settings) - set(claim.not_in)) for name, claim in EVIDENCE)
    verdicts = sum(phases(claim) for _, claim in EVIDENCE)
    said = summary(opened("overview"))
    assert said.startswith(f"{len(EVIDENCE)} claims, each tested with 10 seeds on 2026-01-31: ")
    assert f"**{len(EVIDENCE)} supported, 0 contradicted, 0 change over training, 0 inconclusive**" in said
    assert f"In other settings {turning} of them" in said
    assert f"They are {verdicts} verdicts, " in said
    assert f"{verdicts} are decided" in said
    assert f"about {verdicts / 20:.0f} would look decided by chance; 0 stand after Holm's correction" in said


def changed(kept, name, claim, **findings_in):
    """The stored findings with other values in some phases of one claim's first condition, by default."""

    def change(one):
        is_meant = (one.experiment, one.claim, one.condition, one.setting) == (name, claim, 0, DEFAULT_SETTING)
        return replace(one, **findings_in.get(one.phase.replace(" ", "_"), {})) if is_meant else one

    return replace(kept, findings=tuple(map(change, kept.findings)))


def test_a_claim_that_changes_over_training_is_counted_as_such(opened, kept, monkeypatch):
    found = changed(kept, "loss_landscape", "loss_variation", last_half={"verdict": "contradicted"})
    monkeypatch.setattr(findings, "read", lambda: found)
    at = opened("overview")
    assert f"**{len(EVIDENCE) - 1} supported, 0 contradicted, 1 change over training, 0 inconclusive**" in summary(at)
    tables, _ = scoreboard(at)
    (said,) = [
        row["What our runs say"]
        for table in tables.values()
        for verdict, row in table.iterrows()
        if verdict == ":blue-badge[:material/swap_vert: changes over training]"
    ]
    assert "Start: 4, supported; middle: 4, supported; last half: 4, contradicted." in said


def test_verdicts_that_stand_after_holm_s_correction_are_counted_and_told(opened, kept, monkeypatch):
    sure, unsure = {"p": 1e-9}, {"p": 0.04}
    found = changed(kept, "loss_landscape", "loss_variation", whole_run=sure, start=sure, middle=unsure)
    monkeypatch.setattr(findings, "read", lambda: found)
    at = opened("overview")
    assert "; 2 stand after Holm's correction for so many tests." in summary(at)
    tables, checks = scoreboard(at)
    told = [cell for table in (*tables.values(), *checks) for cell in table["What our runs say"] if "Holm" in cell]
    assert len(told) == 1
    assert told[0].endswith(" Stands after Holm.")


def test_seeds_that_are_left_out_are_told(opened, kept, monkeypatch):
    why = "standard does not learn (test accuracy below 50 %)"
    some = {"seeds": tuple(range(8)), "left_out": (8, 9), "why_left_out": why}
    none = {"seeds": (), "values": (), "left_out": tuple(range(10)), "why_left_out": why}
    found = changed(kept, "loss_landscape", "loss_variation", **dict.fromkeys(PHASES, some))
    lost = dict.fromkeys(PHASES, none | {"verdict": "inconclusive"})
    found = changed(found, "loss_landscape", "predictive_gradients", **lost)
    monkeypatch.setattr(findings, "read", lambda: found)
    at = opened("overview")
    assert "each tested with 10 seeds on" in summary(at), "they were run, too"
    tables, _ = scoreboard(at)
    rows = {row.iloc[0]: (verdict, row.iloc[1]) for table in tables.values() for verdict, row in table.iterrows()}
    told = [said for _, said in rows.values() if f"2 of 10 seeds are not comparable: {why}." in said]
    assert len(told) == 1
    empty = [verdict for verdict, said in rows.values() if said == f"10 of 10 seeds are not comparable: {why}."]
    assert empty == [":gray-badge[:material/block: not comparable]"]


def test_another_verdict_on_mnist_is_told_with_a_link(opened, kept, monkeypatch):
    first = CHOSEN["loss_landscape"].claims[0].name
    on_mnist = tuple(
        replace(one, dataset="mnist", verdict="inconclusive", mean=1.5, low=0.5, high=2.5)
        for one in kept.findings
        if (one.experiment, one.claim, one.setting) == ("loss_landscape", first, DEFAULT_SETTING)
    )
    monkeypatch.setattr(findings, "read", lambda: StoredFindings("2026-01-31", {}, (*kept.findings, *on_mnist)))
    tables, _ = scoreboard(opened("overview"))
    rows = [cell for table in tables.values() for cell in table["Otherwise in"] if "MNIST" in cell]
    assert len(rows) == 1
    numbers = "1.5 (0.5 to 2.5; by ranks 2.5 to 5.5; 10 seeds)"
    assert f"[MNIST](/loss_landscape?dataset=mnist): inconclusive, {numbers}" in rows[0]


@pytest.mark.parametrize("change", ["experiment", "claim", "setting"])
def test_findings_of_what_is_there_no_more_are_left_out(opened, kept, monkeypatch, change):
    old = tuple(replace(one, **{change: "gone"}, verdict="inconclusive") for one in kept.findings[:3])
    monkeypatch.setattr(findings, "read", lambda: StoredFindings("2026-01-31", {}, (*kept.findings, *old)))
    at = opened("overview")
    assert not any("gone" in str(table.value) for table in at.table)
    assert sum(len(table.value) for table in at.table) == len(EVIDENCE) + len(CHECKS)
    assert " 0 inconclusive**" in summary(at), "not counted either"


def test_without_findings_it_says_how_to_make_them(opened, monkeypatch, drawn):
    monkeypatch.setattr(findings, "read", lambda: StoredFindings("", {}, ()))
    at = opened("overview")
    (info,) = at.info
    assert "gallery build" in info.value
    assert not at.table
    assert drawn(at)
