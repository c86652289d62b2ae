"""The HTML report: what it says, that it needs nothing but itself, and that its pictures are where the numbers are."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from bnviz import experiments
from bnviz.analysis.statistics import student
from bnviz.cli.dot_plot import dot_plot
from bnviz.cli.experiment_report import report
from bnviz.cli.report import link
from bnviz.core.measurement_schedule import PHASES
from bnviz.experiments import Curve, Finding, Rule, group_by_claim
from tests.made_findings import made, of_claim, undefined

NAME = "covariate_shift_mlp"
SETTING = "learning rate 0.01"
SHOUTED = '<script>alert("&")</script>'


CURVE = Curve((0, 50, 400), (0.1, 0.3, 0.2), (0.0, 0.1, 0.1), (0.2, 0.5, 0.3))


def finding(claim: str = "reduces_cosine", setting: str = "as by default", **changes) -> Finding:
    """Of the whole run."""
    usual = {
        "experiment": NAME,
        "claim": claim,
        "setting": setting,
        "phase": "whole run",
        "values": (0.1, 0.2, 0.3, 0.4, 0.5) * 2,
        "mean": 0.3,
        "low": 0.1037,
        "high": 0.4963,
        "rank_low": 0.2041,
        "rank_high": 0.3959,
    }
    return made(**usual | changes)


def phases(claim: str, verdicts: Mapping[str, str] | str = "supported", **changes) -> list[Finding]:
    """Of each condition and phase of the claim."""
    chosen = experiments.load(NAME)
    return list(of_claim(NAME, chosen, chosen.claim(claim), verdicts, **changes))


def page(*findings: Finding) -> str:
    return report(NAME, experiments.load(NAME), group_by_claim(findings))


def rows(html: str) -> list[list[str]]:
    """The text of each cell of the tables' bodies, by row; a row that shares its claim has no claim."""
    cell = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
    bodies = re.findall(r"<tbody>(.*?)</tbody>", html, re.DOTALL)
    found = [cell.findall(row) for body in bodies for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)]
    return [[re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", one)).strip() for one in row] for row in found]


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("</style>")[2]))


class Balanced(HTMLParser):
    """Fails on a tag that is closed without having been opened, or the other way round."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_report_is_well_formed_and_self_contained() -> None:
    html = page(finding(), finding(setting=SETTING))
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert not parser.tags & {"script", "link", "img", "iframe"}
    assert "://" not in html
    assert "@import" not in html
    assert "prefers-color-scheme: dark" in html
    assert len(html) < 20_000


def test_report_has_question_and_command() -> None:
    chosen = experiments.load(NAME)
    html = page(finding(), finding(setting=SETTING))
    for said in (chosen.question, chosen.source, "10 seeds", "✓ supported"):
        assert said in text(html)
    for row in rows(html):
        assert row[-7:-4] == ["whole run", "✓ supported", "above 0"]
        assert row[-3:] == ["0.3", "0.104 to 0.496", "0.204 to 0.396"]
    assert "python -m bnviz experiment covariate_shift_mlp --seeds 10 --sweep<" in html
    assert "--dataset mnist --sweep" not in html
    assert "--seeds 10 --dataset mnist<" in page(finding(dataset="mnist"))
    for setting in ("as by default", SETTING):
        for config in chosen.configs(0, setting).values():
            assert link(config).replace("&", "&amp;") in html


def test_flips_are_listed_at_the_top() -> None:
    flipped = finding(setting=SETTING, verdict="contradicted")
    html = text(page(finding(), flipped, finding("reduces_raw"), finding("reduces_raw", SETTING)))
    assert f"reduces_cosine: ✓ supported as by default, ✗ contradicted in {SETTING}" in html
    assert html.index("Where verdicts flip") < html.index("How verdicts are made")
    assert html.count(f"in {SETTING}") == 1
    assert "No verdict flips" in page(finding(), finding(setting=SETTING))
    assert "--sweep" in page(finding())


def test_change_over_training_is_listed_as_flip() -> None:
    changing = phases("reduces_cosine", {"start": "supported", "last half": "contradicted"}, setting=SETTING)
    html = text(page(*phases("reduces_cosine"), *changing))
    assert f"reduces_cosine: ✓ supported as by default, ↔ changes in {SETTING}" in html


def test_claim_spans_rows_of_phases_and_conditions() -> None:
    verdicts = {"whole run": "supported", "start": "contradicted", "middle": "inconclusive", "": "supported"}
    findings = phases("more_shift_yet_better", verdicts)
    html = page(*findings)
    claimed, *others = rows(html)
    assert len(claimed) == 8
    assert all(len(row) == 7 for row in others), "the claim stands in front of all"
    assert f'rowspan="{len(findings)}"' in html
    table = [row[-7:-4] for row in (claimed, *others)]
    assert table == [
        ["whole run", "✓ supported", "above 1"],
        ["start", "✗ contradicted", "above 1"],
        ["middle", "? inconclusive", "above 1"],
        ["last half", "? inconclusive", "above 1"],
        ["", "✓ supported", "above 0"],
    ]
    for condition in experiments.load(NAME).claim("more_shift_yet_better").conditions:
        assert condition.measured in claimed[0]
    assert "a network that diverged counts as one that guesses" in claimed[0]
    for name, (start, end) in PHASES.items():
        assert f"{name} ({start:.0%} to {end:.0%} of the updates)" in text(html)


def test_only_statistics_over_time_have_a_curve() -> None:
    assert "<figure>" not in page(finding())
    (figure,) = re.findall(r"<figure>.*?</figure>", page(finding(curve=CURVE)))
    picture = ElementTree.fromstring(figure).find("svg")
    assert picture is not None
    assert picture.attrib["aria-label"] == (
        "reduces_cosine over the updates: 0.1 at update 0, 0.2 at update 400; above 0 is required"
    )
    assert "<figcaption><code>reduces_cosine</code></figcaption>" in figure


def test_identity_holds_or_fails() -> None:
    chosen = experiments.load("theorems")
    for verdict, told in (("supported", "✓ holds"), ("contradicted", "✗ fails"), ("inconclusive", "? inconclusive")):
        found = of_claim("theorems", chosen, chosen.claim("theorem_41"), verdict)
        ((_, _, said, *_),) = rows(report("theorems", chosen, group_by_claim(found)))
        assert said == told


def test_too_few_seeds_have_no_verdict() -> None:
    few = finding(seeds=(0, 1), values=(0.1, 0.2), rank_low=math.nan, rank_high=math.nan, verdict="inconclusive")
    (row,) = rows(page(few))
    assert row[2] == "? too few seeds"
    assert row[-3:] == ["0.3", "0.104 to 0.496", "undefined"]
    assert "2 seeds" in text(page(few))
    assert "too few seeds" not in text(page(finding()))


def test_excluded_seeds_are_counted_with_reason() -> None:
    why = "standard does not learn (test accuracy below 50 %)"
    html = page(finding(seeds=tuple(range(8)), values=(0.3,) * 8, left_out=(8, 9), why_left_out=why))
    assert f"2 of 10 seeds are left out: {why}" in text(html)
    assert "--seeds 10<" in html, "those that are left out were run, too"
    assert "left out" not in text(page(finding()))


def test_claim_without_seeds_is_undefined() -> None:
    none = undefined(
        experiment=NAME, claim="reduces_cosine", seeds=(), values=(), left_out=(0, 1, 2), why_left_out="it diverged"
    )
    (row,) = rows(page(none))
    assert "3 of 3 seeds are left out: it diverged" in row[0]
    assert row[2] == "? not comparable"
    assert row[-3:] == ["undefined"] * 3


def test_report_escapes_all_text() -> None:
    chosen = experiments.load(NAME)
    first = chosen.claims[0]
    condition = replace(first.conditions[0], measured=SHOUTED)
    shouting = replace(first, name="loud", statement=SHOUTED, source=SHOUTED, conditions=(condition,))
    changed = replace(
        chosen,
        question=SHOUTED,
        source=SHOUTED,
        claims=(*chosen.claims, shouting),
        arms={SHOUTED: {}},
        settings={SHOUTED: {"learning_rate": 0.2}},
    )
    shown = [finding(), finding("reduces_raw", SHOUTED, curve=CURVE), finding(claim="reduces_relative")]
    left_out = finding(setting=SHOUTED, verdict="inconclusive", phase=SHOUTED, left_out=(10,), why_left_out=SHOUTED)
    html = report(NAME, changed, group_by_claim([*shown, left_out]))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 7
    louder = replace(changed, claims=(replace(shouting, name=SHOUTED),))
    loud = report(NAME, louder, group_by_claim([finding(SHOUTED, curve=CURVE)]))
    assert "<script" not in loud
    assert loud.count("&lt;script&gt;") >= 7


def test_undefined_values_are_counted_not_drawn() -> None:
    seeds = tuple(range(5))
    nothing = undefined(experiment=NAME, claim="reduces_cosine", phase="whole run", seeds=seeds, values=(math.nan,) * 5)
    html = page(nothing)
    assert "nan" not in html.partition("</style>")[2].replace("mean", "")
    assert "undefined in 5 of 5 seeds" in html
    picture = ElementTree.fromstring(
        dot_plot(replace(nothing, values=(0.1, math.nan, math.inf, 0.2, 0.3)), ratio=False)
    )
    assert len(picture.findall("circle")) == 3
    assert "undefined in 2 of 5" in picture.attrib["aria-label"]
    assert picture.findall("line[@class='interval']") == []


def test_dot_plot_has_a_description() -> None:
    picture = ElementTree.fromstring(dot_plot(finding(claim="a<b"), ratio=False))
    assert picture.attrib["role"] == "img"
    assert picture.attrib["aria-label"] == picture.findtext("title")
    assert picture.attrib["aria-label"].startswith("a<b: values by seed 0.1, 0.2, 0.3, 0.4, 0.5")


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("kind", ["above", "below", "within"])
@pytest.mark.parametrize("logs", [(0.5, 0.6, 0.7), (-0.5, -0.6, -0.8), (-0.1, 0.05, 0.1), (0.2, 0.9, -3.0), (7, 8, 9)])
def test_interval_lies_in_range_of_satisfied_rule(logs: tuple[float, ...], kind: str, ratio: bool) -> None:
    """Whether a reader of the picture would judge as the rule does; a ratio's bound is shown as a ratio."""
    rule = Rule(kind, 0.4)
    mean, low, high = student(np.array(logs, float))
    shown = math.exp if ratio else float
    drawn = finding(
        values=tuple(map(shown, logs)), mean=shown(mean), low=shown(low), high=shown(high), kind=kind, bound=shown(0.4)
    )
    picture = ElementTree.fromstring(dot_plot(drawn, ratio))
    tint, bar = picture.find("rect"), picture.find("line[@class='interval']")
    assert tint is not None
    assert bar is not None
    left, right = float(tint.attrib["x"]), float(tint.attrib["x"]) + float(tint.attrib["width"])
    start, end = float(bar.attrib["x1"]), float(bar.attrib["x2"])
    if rule.judge(low, high) == "supported":
        assert left <= start
        assert end <= right
    elif rule.judge(low, high) == "contradicted":
        assert end <= left or right <= start
    else:
        assert start < left < end or start < right < end
    dots = [float(dot.attrib["cx"]) for dot in picture.findall("circle")]
    assert np.argsort(dots).tolist() == np.argsort(logs).tolist()
    assert np.diff(dots) == pytest.approx(np.diff(logs) * (end - start) / (high - low), abs=0.3)
    bounds = picture.findall("line[@class='bound']")
    assert len(bounds) == (2 if kind == "within" else 1)
