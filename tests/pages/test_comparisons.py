"""What the pages on the second paper have in common: a link trains their arms, and the runs are judged."""

import json
import re
import time
from xml.etree import ElementTree

import pytest

from bnviz import experiments
from bnviz.core import presets
from bnviz.core.config import RunConfig
from bnviz.experiments import OverTime

ARMS = {
    "noisy_bn": presets.FOUR,
    "covariate_shift": presets.PAIR,
    "loss_landscape": presets.PAIR,
    "theory": presets.PAIR,
}
EXPERIMENTS = {
    "noisy_bn": "noisy_batch_norm",
    "covariate_shift": "covariate_shift_mlp",
    "loss_landscape": "loss_landscape",
    "theory": "theorems",
}
TINY = {
    "widths": "12,12",
    "batch": "32",
    "steps": "20",
    "probe_points": "25",
    "curve_points": "3",
    "test_samples": "50",
}
"""Measured at every update, so that each phase is judged; too short for a network to learn much."""
LONGER = {"steps": "100", "lr": "0.3"}
"""Long enough for both arms to learn."""
LAYERS = {"noisy_bn": {"layer": "2", "unit": "12"}, "covariate_shift": {"layer": "3"}}
"""What each page looks at, where there are so few."""


def wanted(name, link):
    """The runs of the page's arms, as a link describes them."""
    base, problems = RunConfig.from_query(link, presets.DEFAULTS[name])
    assert problems == []
    return [base.with_changes(**changes) for changes in ARMS[name].values()]


@pytest.mark.parametrize("name", ARMS)
def test_a_link_trains_the_arms_and_nothing_else(name, opened, asked, finish, groups, verdicts, words, status):
    link = TINY | {"seed": "21", "lr": "0.05"}
    at = finish(opened(name, **link, **LAYERS.get(name, {})))
    assert asked == wanted(name, link)
    assert at.query_params == link | LAYERS.get(name, {})
    assert not at.error
    assert not at.warning
    assert not at.info
    assert "after 20 updates" in status(at)
    assert all(f"**{arm}** " in status(at) for arm in ARMS[name])
    drawn = groups(at, name)
    assert all(group["charts"] for group in drawn.values() if group["name"] != "plane")
    for claim in experiments.load(EXPERIMENTS[name]).claims:
        assert claim.statement in verdicts(at)
    if name == "covariate_shift":  # all claims of which are about networks that learn
        assert verdicts(at).count("Not comparable: standard does not learn (test accuracy below 50 %)") == 4
    else:
        assert "agrees, one seed]" in verdicts(at)
    assert not [said for said in words(at, name) if re.search(r"\b(nan|inf|None)\b", said)]


@pytest.mark.parametrize("name", ARMS)
def test_three_seeds_of_every_arm_give_an_interval(name, opened, asked, finish, verdicts):
    link = TINY | LONGER | {"seed": "31"}
    at = finish(opened(name, **link, **LAYERS.get(name, {}), seeds="3"))
    assert asked == [one for seed in (31, 32, 33) for one in wanted(name, link | {"seed": str(seed)})]
    assert not at.error
    assert re.search(r"On screen: \*\*\S+ \(\S+ to \S+; 3 seeds\)\*\*", verdicts(at))
    assert "not comparable" not in verdicts(at)
    pictures = [one.proto for one in at.get("bidi_component") if one.proto.component_name == "bnviz_picture"]
    curves = [json.loads(one.json) for one in pictures]
    over_time = [
        claim
        for claim in experiments.load(EXPERIMENTS[name]).claims
        if isinstance(claim.conditions[0].statistic, OverTime)
    ]
    assert len(curves) == len(over_time) >= 1
    for claim, curve in zip(over_time, curves, strict=True):
        assert ElementTree.fromstring(curve).attrib["aria-label"].startswith(f"{claim.name} over the updates: ")
    assert re.search(r":(green|orange)-badge\[:material/(check|close): (dis)?agrees, 3 seeds\]", verdicts(at))


@pytest.mark.parametrize("name", ARMS)
def test_while_runs_go_on_they_are_not_judged(name, opened, finish, verdicts, drawn, status):
    at = opened(name, **TINY | {"seed": "41", "steps": "20000"})
    end = time.monotonic() + 60
    while not drawn(at):
        assert time.monotonic() < end
        time.sleep(0.1)
        at.run()
    first = experiments.load(EXPERIMENTS[name]).claims[0]
    assert first.statement not in verdicts(at)
    assert any("follows when the runs have ended" in caption.value for caption in at.caption)
    at.button(key=f"{name}/action").click().run()
    finish(at)
    if "has no measurements" not in status(at):  # of an arm that had not begun, whose claims are left out
        assert re.search(r"Not comparable: (standard|batch norm) was stopped at update \d+\.", verdicts(at))


@pytest.mark.parametrize("name", ARMS)
def test_runs_that_train_nothing_are_not_judged(name, opened, finish, verdicts):
    at = finish(opened(name, **TINY | {"seed": "81", "lr": "0"}, **LAYERS.get(name, {})))
    boxes = verdicts(at).split("-badge[")
    evidence = [claim for claim in experiments.load(EXPERIMENTS[name]).claims if not claim.check]
    for claim in evidence:
        assert sum(f"not comparable] {claim.statement}" in box for box in boxes) == 1
    assert verdicts(at).count("Not comparable: the learning rate is 0, so nothing was trained.") == len(evidence)


@pytest.mark.parametrize("name", ["activations", *ARMS])
def test_the_stored_verdict_stands_beside_with_links_to_where_it_turns(name, opened, kept, numbers):
    at = opened(name)
    chosen = experiments.load(EXPERIMENTS.get(name, "ioffe_activations"))
    for claim in chosen.claims:
        (row,) = [text.value for text in at.markdown if f"] {claim.statement} *(" in text.value]
        word = "holds" if claim.check else "supported"
        told = " and ".join([numbers] * len(claim.conditions))
        assert f"{word}] Stored runs, as the page opens: {told}." in row
        for setting in chosen.settings:
            turns = f"[{setting}](/{name}?" in row
            assert turns == (setting not in claim.not_in)
        assert row.count(f": contradicted, {numbers}") == len(set(chosen.settings) - set(claim.not_in))


@pytest.mark.parametrize("name", ARMS)
def test_runs_that_diverge_are_told_and_judged_as_declared(name, opened, finish, verdicts, status, words):
    wild = {"lr": "1000", "activation": "relu", "weight_decay": "0.1", "widths": "30,20", "steps": "60", "seed": "51"}
    at = finish(opened(name, **TINY | wild))
    assert "diverged by update" in status(at)
    assert not at.error
    assert (", one seed] " in verdicts(at)) == (name == "theory"), "whose identities held until then"
    assert re.search(r"Not comparable: standard diverged at update \d+", verdicts(at))
    assert "undefined, one seed]" not in verdicts(at)
    assert not [said for said in words(at, name) if re.search(r"\b(nan|inf|None)\b", said)]


@pytest.mark.parametrize("name", ARMS)
def test_trained_live_again_the_page_stays_up(name, opened, finish, asked, status):
    at = finish(opened(name, **TINY | {"seed": "61"}))
    asked.clear()
    at.button(key=f"{name}/action").click().run()
    assert not at.exception
    assert asked[: len(ARMS[name])] == wanted(name, TINY | {"seed": "61"})
    finish(at)
    assert "after 20 updates" in status(at)
    assert all(f"**{arm}** " in status(at) for arm in ARMS[name])
