"""Verdicts on screen: badges, numbers and links of made-up findings; the box over real, tiny runs."""

import math
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from bnviz import experiments, presets, registry
from bnviz.config import RunConfig
from bnviz.experiments import DEFAULT_SETTING, Finding
from bnviz.gallery import findings
from bnviz.gallery.findings import Stored
from bnviz.record import Record
from bnviz.training import train
from bnviz.ui import verdicts

NAMES = registry.names("experiments")
RUNS_OF_ITS_OWN = ("gradient_explosion",)
"""Experiments that their page shows whatever its controls say."""
SETTINGS = [
    (name, setting)
    for name in NAMES
    for setting in (DEFAULT_SETTING, *experiments.load(name).settings)
    if name not in RUNS_OF_ITS_OWN
]
FINDING = Finding(
    experiment="noisy_batch_norm",
    claim="noisy_beats_standard",
    setting=DEFAULT_SETTING,
    dataset="digits",
    seeds=(0, 1, 2, 3, 4),
    values=(0.1, 0.12, 0.14, 0.16, 0.18),
    mean=0.14,
    low=0.1,
    high=0.18,
    kind="above",
    bound=0.0,
    verdict="supported",
)


def claim_of(finding):
    return next(one for one in experiments.load(finding.experiment).claims if one.name == finding.claim)


@pytest.mark.parametrize(
    ("verdict", "badge"),
    [
        ("supported", ":green-badge[:material/check: supported]"),
        ("contradicted", ":orange-badge[:material/close: contradicted]"),
        ("inconclusive", ":gray-badge[:material/question_mark: inconclusive]"),
    ],
)
def test_of_enough_seeds_the_badge_is_the_verdict(verdict, badge):
    assert verdicts.badge(replace(FINDING, verdict=verdict)) == badge


@pytest.mark.parametrize(
    ("seeds", "kind", "bound", "mean", "badge"),
    [
        ((7,), "above", 0.0, 0.1, ":green-badge[:material/check: agrees, one seed]"),
        ((7,), "above", 0.0, -0.1, ":orange-badge[:material/close: disagrees, one seed]"),
        ((0, 1, 2), "below", 0.5, 0.4, ":green-badge[:material/check: agrees, 3 seeds]"),
        ((0, 1, 2), "below", 0.5, 0.6, ":orange-badge[:material/close: disagrees, 3 seeds]"),
        ((0, 1, 2, 3), "within", 0.02, -0.01, ":green-badge[:material/check: agrees, 4 seeds]"),
        ((0, 1, 2, 3), "within", 0.02, -0.03, ":orange-badge[:material/close: disagrees, 4 seeds]"),
        ((0,), "above", 0.0, math.nan, ":gray-badge[:material/question_mark: undefined, one seed]"),
    ],
)
def test_of_few_seeds_the_badge_says_on_which_side_they_are_and_never_a_verdict(seeds, kind, bound, mean, badge):
    few = replace(FINDING, seeds=seeds, kind=kind, bound=bound, mean=mean, verdict="supported")
    assert verdicts.badge(few) == badge


@pytest.mark.parametrize(("mean", "word"), [(1.4, "agrees"), (0.7, "agrees"), (1.6, "disagrees"), (0.6, "disagrees")])
def test_a_ratio_within_a_factor_lies_within_its_inverse_too(mean, word):
    ratio = replace(
        FINDING, experiment="wrong_ways", claim="band_over_runs_none", seeds=(0,), kind="within", bound=1.5, mean=mean
    )
    assert f" {word}, one seed]" in verdicts.badge(ratio)
    assert verdicts.asked(ratio, claim_of(ratio)) == "within a factor of 1.5"


def test_numbers_say_mean_interval_and_how_many_seeds():
    assert verdicts.numbers(FINDING) == "0.14 (0.1 to 0.18, 5 seeds)"
    assert verdicts.numbers(replace(FINDING, seeds=(3,), low=math.nan, high=math.nan)) == "0.14 (one seed)"
    undefined = replace(FINDING, mean=math.nan, low=math.nan, high=math.nan)
    assert verdicts.numbers(undefined) == "undefined (5 seeds)"


@pytest.mark.parametrize(
    ("kind", "bound", "words"),
    [
        ("above", 0.0, "above 0"),
        ("above", 1.05, "above 1.05"),
        ("below", -0.02, "below -0.02"),
        ("below", 1e-10, "below 1.0×10⁻¹⁰"),
        ("within", 0.02, "within ±0.02"),
    ],
)
def test_what_is_asked_for_is_told(kind, bound, words):
    assert verdicts.asked(replace(FINDING, kind=kind, bound=bound), claim_of(FINDING)) == words


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_a_link_to_a_setting_says_what_the_experiment_runs(name, setting):
    chosen = experiments.load(name)
    for dataset in chosen.datasets:
        address = urlsplit(verdicts.link(chosen, setting, dataset))
        assert address.path == f"/{chosen.page}"
        usual = presets.DEFAULTS[chosen.page]
        config, problems = RunConfig.from_query(dict(parse_qsl(address.query)), usual)
        assert problems == []
        changes = {} if setting == DEFAULT_SETTING else chosen.settings[setting]
        wanted = chosen.base.model_dump() | dict(changes) | {"dataset": dataset}
        page_s_own = {"norm": usual.norm, "probes": usual.probes}
        assert config == RunConfig.model_validate(wanted | page_s_own)


@pytest.mark.parametrize("name", RUNS_OF_ITS_OWN)
def test_where_the_page_has_runs_of_its_own_there_is_one_address_and_settings_are_no_links(name, monkeypatch):
    chosen = experiments.load(name)
    found = [
        replace(FINDING, experiment=name, claim=chosen.claims[0].name, setting=setting, verdict=verdict)
        for setting, verdict in ((DEFAULT_SETTING, "supported"), *((one, "contradicted") for one in chosen.settings))
    ]
    monkeypatch.setattr(findings, "read", lambda: Stored("2026-01-31", {}, tuple(found)))
    assert verdicts.link(chosen) == f"/{chosen.page}"
    told = verdicts.flipped(name, chosen.claims[0].name)
    assert told == [f"{setting}: contradicted, 0.14 (0.1 to 0.18, 5 seeds)" for setting in chosen.settings]


def test_where_the_page_opens_with_the_experiment_the_link_is_bare():
    assert verdicts.link(experiments.load("noisy_batch_norm")) == "/noisy_bn"
    assert verdicts.link(experiments.load("theorems")) == "/theory"


@pytest.fixture
def kept(monkeypatch):
    """Findings of one claim: supported by default, contradicted in one setting, as by default in another."""
    contradicted = replace(FINDING, verdict="contradicted", mean=-0.14, low=-0.18, high=-0.1)
    found = (
        FINDING,
        replace(contradicted, setting="10 × 100 tanh"),
        replace(FINDING, setting="3 × 100 ReLU"),
        replace(contradicted, setting="a setting of another day"),
        replace(contradicted, setting="3 × 100 ReLU", dataset="mnist"),
    )
    monkeypatch.setattr(findings, "read", lambda: Stored("2026-01-31", {}, found))
    return found


def test_other_settings_are_named_if_their_verdict_is_another(kept):
    (told,) = verdicts.flipped("noisy_batch_norm", "noisy_beats_standard")
    assert told == "[10 × 100 tanh](/noisy_bn?activation=tanh): contradicted, -0.14 (-0.18 to -0.1, 5 seeds)"
    assert verdicts.flipped("noisy_batch_norm", "noise_harmless") == []


def test_without_a_verdict_by_default_none_is_another(kept, monkeypatch):
    monkeypatch.setattr(findings, "read", lambda: Stored("2026-01-31", {}, kept[1:]))
    assert verdicts.flipped("noisy_batch_norm", "noisy_beats_standard") == []


TINY = RunConfig(widths=(6, 4), steps=6, batch_size=20, test_samples=30, probe_points=3, curve_points=3)


def script(folder, names, live):
    from pathlib import Path

    from bnviz.record import Record
    from bnviz.ui.shown import Shown
    from bnviz.ui.verdicts import verdict_box

    repeats = {name: tuple(map(Record.load, sorted(Path(folder).glob(f"{name}-*.nc")))) for name in names}
    verdict_box("noisy_batch_norm", Shown({name: several[0] for name, several in repeats.items()}, repeats, live))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Records of the four arms, two seeds each."""
    folder = tmp_path_factory.mktemp("records")
    for arm, changes in presets.FOUR.items():
        for seed in (3, 4):
            config = TINY.model_copy(update={**changes, "seed": seed})
            Record.from_frames(config, train(config)).save(folder / f"{arm}-{seed}.nc")
    return folder


def box(folder, names=tuple(presets.FOUR), live=False) -> AppTest:
    at = AppTest.from_function(script, args=(str(folder), names, live)).run()
    assert not at.exception
    return at


def test_the_box_has_each_claim_with_what_is_on_screen_beside_what_is_stored(folder, kept):
    at = box(folder)
    title, rows = (text.value for text in at.markdown)
    assert title == "**The verdict**"
    parts = dict(
        zip((one.name for one in experiments.load(FINDING.experiment).claims), rows.split("\n\n"), strict=True)
    )
    records = {arm: [Record.load(folder / f"{arm}-{seed}.nc") for seed in (3, 4)] for arm in presets.FOUR}
    scores = {arm: [one.final("final_test_accuracy") for one in several] for arm, several in records.items()}
    expected = sum(scores["noisy batch norm"]) / 2 - sum(scores["standard"]) / 2
    assert f"On screen: **{expected:.2g}" in parts["noisy_beats_standard"]
    assert "2 seeds)**, asked for: above 0." in parts["noisy_beats_standard"]
    assert "supported] Stored runs, as the page opens: 0.14 (0.1 to 0.18, 5 seeds)." in parts["noisy_beats_standard"]
    assert "Otherwise in [10 × 100 tanh](/noisy_bn?activation=tanh): contradicted" in parts["noisy_beats_standard"]
    assert "Stored runs" not in parts["noise_shifts"]
    assert "a verdict needs 5 of them" in at.caption[0].value


def test_claims_about_arms_that_are_not_there_are_left_out(folder, kept):
    rows = box(folder, ("standard", "noisy standard")).markdown[1].value
    claims = {one.name: one.statement in rows for one in experiments.load(FINDING.experiment).claims}
    assert [name for name, there in claims.items() if there] == ["noise_stops_standard"]
    assert not box(folder, ("batch norm",)).markdown


def test_while_runs_go_on_nothing_is_judged(folder, kept):
    at = box(folder, live=True)
    assert not at.markdown
    assert [caption.value for caption in at.caption] == ["The verdict follows when the runs have ended."]
