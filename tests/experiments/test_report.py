"""The HTML report: what it says, that it needs nothing but itself, and that its pictures are where the numbers are."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from bnviz import experiments
from bnviz.cli.dot_plot import dot_plot
from bnviz.cli.experiment_report import report
from bnviz.cli.report import link
from bnviz.experiments import Finding, Rule, interval

NAME = "covariate_shift_mlp"
SETTING = "learning rate 0.01"
SHOUTED = '<script>alert("&")</script>'


def finding(claim: str = "reduces_cosine", setting: str = "as by default", **changes) -> Finding:
    usual = Finding(
        experiment=NAME,
        claim=claim,
        setting=setting,
        dataset="digits",
        seeds=(0, 1, 2, 3, 4),
        values=(0.1, 0.2, 0.3, 0.4, 0.5),
        mean=0.3,
        low=0.1037,
        high=0.4963,
        kind="above",
        bound=0.0,
        verdict="supported",
    )
    return replace(usual, **changes)


def page(*findings: Finding) -> str:
    return report(NAME, experiments.load(NAME), findings)


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


def test_it_is_well_formed_and_needs_nothing_from_elsewhere() -> None:
    html = page(finding(), finding(setting=SETTING))
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    assert not parser.tags & {"script", "link", "img", "iframe"}
    assert "://" not in html
    assert "@import" not in html
    assert "prefers-color-scheme: dark" in html
    assert len(html) < 15_000


def test_it_says_what_was_asked_and_how_to_repeat_it() -> None:
    chosen = experiments.load(NAME)
    html = page(finding(), finding(setting=SETTING))
    for said in (chosen.question, chosen.source, "0.3", "0.104 to 0.496", "above 0", "✓ supported"):
        assert said in text(html)
    assert "python -m bnviz experiment covariate_shift_mlp --seeds 5 --sweep<" in html
    assert "--dataset mnist --sweep" not in html
    assert "--seeds 5 --dataset mnist<" in page(finding(dataset="mnist"))
    for setting in ("as by default", SETTING):
        for config in chosen.configs(0, setting).values():
            assert link(config).replace("&", "&amp;") in html


def test_flips_are_named_at_the_top() -> None:
    flipped = finding(setting=SETTING, verdict="contradicted")
    html = text(page(finding(), flipped, finding("reduces_raw"), finding("reduces_raw", SETTING)))
    assert f"reduces_cosine: ✓ supported as by default, ✗ contradicted in {SETTING}" in html
    assert html.index("Where verdicts flip") < html.index("How verdicts are made")
    assert html.count(f"in {SETTING}") == 1
    assert "No verdict flips" in page(finding(), finding(setting=SETTING))
    assert "--sweep" in page(finding())


def test_too_few_seeds_are_provisional() -> None:
    assert "✓ supported (provisional)" in text(page(finding(seeds=(0, 1), values=(0.1, 0.2))))
    assert "supported (provisional)" not in text(page(finding()))


def test_all_text_is_escaped() -> None:
    chosen = experiments.load(NAME)
    shouting = replace(chosen.claims[0], name="loud", statement=SHOUTED, source=SHOUTED, measured=SHOUTED)
    changed = replace(
        chosen,
        question=SHOUTED,
        source=SHOUTED,
        claims=(*chosen.claims, shouting),
        arms={SHOUTED: {}},
        settings={SHOUTED: {"learning_rate": 0.2}},
    )
    shown = [finding(), finding("reduces_raw", SHOUTED), finding(claim="reduces_relative")]
    html = report(NAME, changed, [*shown, replace(shown[0], setting=SHOUTED, verdict="inconclusive")])
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5
    loud = report(NAME, replace(changed, claims=(replace(shouting, name="reduces_raw"),)), [finding("reduces_raw")])
    assert "<script" not in loud


def test_what_is_undefined_is_said_and_not_drawn() -> None:
    nothing = finding(values=(math.nan,) * 5, mean=math.nan, low=math.nan, high=math.nan, verdict="inconclusive")
    html = page(nothing)
    assert "nan" not in html.partition("</style>")[2].replace("mean", "")
    assert "undefined in 5 of 5 seeds" in html
    picture = ElementTree.fromstring(
        dot_plot(replace(nothing, values=(0.1, math.nan, math.inf, 0.2, 0.3)), ratio=False)
    )
    assert len(picture.findall("circle")) == 3
    assert "undefined in 2 of 5" in picture.attrib["aria-label"]
    assert picture.findall("line[@class='interval']") == []


def test_the_picture_is_named_for_screen_readers() -> None:
    picture = ElementTree.fromstring(dot_plot(finding(claim="a<b"), ratio=False))
    assert picture.attrib["role"] == "img"
    assert picture.attrib["aria-label"] == picture.findtext("title")
    assert picture.attrib["aria-label"].startswith("a<b: values by seed 0.1, 0.2, 0.3, 0.4, 0.5")


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("kind", ["above", "below", "within"])
@pytest.mark.parametrize("logs", [(0.5, 0.6, 0.7), (-0.5, -0.6, -0.8), (-0.1, 0.05, 0.1), (0.2, 0.9, -3.0), (7, 8, 9)])
def test_the_bar_lies_in_the_tint_where_the_rule_is_kept(logs: tuple[float, ...], kind: str, ratio: bool) -> None:
    """Whether a reader of the picture would judge as the rule does; a ratio's bound is shown as a ratio."""
    rule = Rule(kind, 0.4)
    mean, low, high = interval(np.array(logs))
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
