"""Verdicts in words: badges, numbers and links of made-up findings."""

import math
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from bnviz import experiments
from bnviz.core import presets, registry
from bnviz.core.config import RunConfig
from bnviz.experiments import DEFAULT_SETTING
from bnviz.experiments.verdicts import links, texts
from tests.made_findings import NUMBERS, USUAL, about, judged, made, undefined

NAMES = registry.names("experiments")
RUNS_OF_ITS_OWN = ("gradient_explosion",)
"""Experiments that their page shows whatever its controls say."""
SETTINGS = [
    (name, setting)
    for name in NAMES
    for setting in (DEFAULT_SETTING, *experiments.load(name).settings)
    if name not in RUNS_OF_ITS_OWN
]
FEW = made(seeds=(0, 1), values=(0.12, 0.16), rank_low=math.nan, rank_high=math.nan, verdict="inconclusive")


def over_time(verdicts: Mapping[str, str] | str, **changes):
    """A claim that is judged in each phase."""
    return about("covariate_shift_mlp", "reduces_relative", verdicts, **changes)


@pytest.mark.parametrize(
    ("verdict", "badge"),
    [
        ("supported", ":green-badge[:material/check: supported]"),
        ("contradicted", ":orange-badge[:material/close: contradicted]"),
        ("inconclusive", ":gray-badge[:material/question_mark: inconclusive]"),
    ],
)
def test_badge_of_enough_seeds_is_the_verdict(verdict, badge):
    assert texts.badge(judged(made(verdict=verdict))) == badge


@pytest.mark.parametrize(
    ("verdict", "badge"),
    [
        ("supported", ":green-badge[:material/check: holds]"),
        ("contradicted", ":orange-badge[:material/close: fails]"),
        ("inconclusive", ":gray-badge[:material/question_mark: inconclusive]"),
    ],
)
def test_badge_of_a_check_holds_or_fails(verdict, badge):
    assert texts.badge(about("theorems", "theorem_41", verdict)) == badge


@pytest.mark.parametrize(
    ("verdicts", "word"),
    [
        ({"whole run": "supported", "start": "supported", "last half": "contradicted"}, "changes over training"),
        ({"whole run": "contradicted", "middle": "contradicted", "last half": "supported"}, "changes over training"),
        ({"start": "contradicted", "last half": "supported"}, "changes over training"),
        ({"whole run": "supported", "start": "inconclusive", "last half": "supported"}, "supported"),
        ({"whole run": "contradicted", "start": "supported"}, "changes over training"),
        ({"whole run": "contradicted", "start": "inconclusive"}, "contradicted"),
        ({"start": "supported", "middle": "supported"}, "inconclusive"),
    ],
)
def test_badge_of_claim_over_time_names_changes(verdicts, word):
    assert f" {word}]" in texts.badge(over_time(verdicts))


def test_badge_combines_two_conditions():
    both = about("noisy_batch_norm", "noise_stops_standard").findings
    assert len(both) == 2
    assert " supported]" in texts.badge(judged(*both))
    for verdict, word in (("contradicted", "contradicted"), ("inconclusive", "inconclusive")):
        assert f" {word}]" in texts.badge(judged(both[0], replace(both[1], verdict=verdict)))
        assert f" {word}]" in texts.badge(judged(replace(both[0], verdict=verdict), both[1]))


@pytest.mark.parametrize(
    ("seeds", "kind", "bound", "mean", "badge"),
    [
        ((7,), "above", 0.0, 0.1, ":green-badge[:material/check: agrees, one seed]"),
        ((7,), "above", 0.0, -0.1, ":orange-badge[:material/close: disagrees, one seed]"),
        ((0, 1, 2), "below", 0.5, 0.4, ":green-badge[:material/check: agrees, 3 seeds]"),
        ((0, 1, 2), "below", 0.5, 0.6, ":orange-badge[:material/close: disagrees, 3 seeds]"),
        ((0, 1, 2, 3), "within", 0.02, -0.01, ":green-badge[:material/check: agrees, 4 seeds]"),
        ((0, 1, 2, 3, 4), "within", 0.02, -0.03, ":orange-badge[:material/close: disagrees, 5 seeds]"),
        ((0,), "above", 0.0, math.nan, ":gray-badge[:material/question_mark: undefined, one seed]"),
    ],
)
def test_badge_of_few_seeds_agrees_or_disagrees(seeds, kind, bound, mean, badge):
    few = made(seeds=seeds, kind=kind, bound=bound, mean=mean, verdict="supported")
    assert texts.badge(judged(few)) == badge


def test_badge_of_few_seeds_needs_both_conditions():
    standard, noisy = (
        replace(one, seeds=(0,), mean=mean)
        for one, mean in zip(
            about("noisy_batch_norm", "noise_stops_standard").findings, (0.1, 0.95), strict=True
        )  # below 0.5 and above 0.9 are asked for
    )
    assert "check: agrees, one seed]" in texts.badge(judged(standard, noisy))
    assert "close: disagrees, one seed]" in texts.badge(judged(standard, replace(noisy, mean=0.8)))
    assert "close: disagrees, one seed]" in texts.badge(judged(replace(standard, mean=0.6), noisy))
    assert "undefined, one seed]" in texts.badge(judged(standard, replace(noisy, mean=math.nan)))


def test_badge_without_seeds_is_not_comparable():
    none = undefined(seeds=(), values=(), left_out=(0, 1), why_left_out="the learning rate is 0")
    assert texts.badge(judged(none)) == ":gray-badge[:material/block: not comparable]"
    assert texts.outcome_text(judged(none)) == "not comparable (the learning rate is 0)"


@pytest.mark.parametrize(("mean", "word"), [(1.4, "agrees"), (0.7, "agrees"), (1.6, "disagrees"), (0.6, "disagrees")])
def test_ratio_within_a_factor_includes_its_inverse(mean, word):
    ratio = made(
        experiment="measurement_pitfalls", claim="band_over_runs_none", seeds=(0,), kind="within", bound=1.5, mean=mean
    )
    assert f" {word}, one seed]" in texts.badge(judged(ratio))
    assert texts.rule(ratio) == "within a factor of 1.5"


def test_numbers_have_mean_intervals_and_seeds():
    assert texts.numbers(USUAL) == NUMBERS
    assert texts.numbers(FEW) == "0.14 (0.1 to 0.18; 2 seeds)"
    one = replace(FEW, seeds=(3,), values=(0.14,), low=math.nan, high=math.nan)
    assert texts.numbers(one) == "0.14 (one seed)"
    assert texts.numbers(undefined()) == "undefined (10 seeds)"


@pytest.mark.parametrize("endless", [math.inf, math.nan])
def test_infinite_interval_is_left_out(endless):
    """As that of a ratio can be whose logarithms differ by hundreds; stored, it is a NaN."""
    assert texts.numbers(made(high=endless)) == "0.14 (by ranks 0.11 to 0.17; 10 seeds)"
    assert texts.numbers(made(rank_high=endless)) == "0.14 (0.1 to 0.18; 10 seeds)"


def test_mean_within_rounding_is_zero():
    assert texts.numbers(made(mean=1e-9, low=-0.01, high=0.01)).startswith("0 (-0.01 to 0.01; ")
    assert texts.numbers(made(mean=1e-9, low=0.9e-9, high=1.1e-9)).startswith("1.00×10⁻⁹ (")


def test_phases_have_means_and_verdicts():
    four = over_time({"whole run": "inconclusive", "start": "supported", "last half": "contradicted"}).findings
    means = (1.0, 0.8, 0.9, 1.5)
    told = judged(*(replace(one, mean=mean) for one, mean in zip(four, means, strict=True)))
    assert texts.phases(told) == "start: 0.8, supported; middle: 0.9, inconclusive; last half: 1.5, contradicted"


def test_phases_of_few_seeds_agree_or_disagree():
    four = over_time("inconclusive", seeds=(0,)).findings
    means = (1.0, 0.8, math.nan, 1.5)
    told = judged(*(replace(one, mean=mean) for one, mean in zip(four, means, strict=True)))  # to be below 1
    assert texts.phases(told) == "start: 0.8, agrees; middle: undefined, undefined; last half: 1.5, disagrees"


def test_phases_include_conditions_without_phases():
    both = about("covariate_shift_mlp", "more_shift_yet_better", mean=0.14).findings
    *phases, accuracy = both
    assert (len(phases), accuracy.phase) == (4, "")
    told = texts.phases(judged(*phases, replace(accuracy, mean=-0.3, verdict="contradicted")))
    assert told.split("; ") == [f"{one}: 0.14, contradicted" for one in ("start", "middle", "last half")]


def test_claim_without_phases_has_no_phase_text():
    assert texts.phases(judged(USUAL)) == ""


def test_excluded_seeds_are_counted_with_reason():
    why = "standard does not learn (test accuracy below 50 %)"
    some = made(seeds=tuple(range(8)), left_out=(8, 9), why_left_out=why)
    assert texts.exclusions(some) == f"2 of 10 seeds are not comparable: {why}."
    assert texts.exclusions(made(seeds=(), left_out=(0,), why_left_out=why)) == f"Not comparable: {why}."
    assert texts.exclusions(USUAL) == ""


def test_statistics_have_numbers_and_rule():
    first, second, phases = texts.statistics(about("covariate_shift_mlp", "more_shift_yet_better"), "Here").split(
        "  \n"
    )
    assert first == (
        f"|G − G′| / |G| of the middle layer, median over time: batch norm / standard. Here: **{NUMBERS}**, required: "
        "above 1."
    )
    assert second == f"Test accuracy at the end, batch norm minus standard. Here: **{NUMBERS}**, required: above 0."
    assert phases.startswith("Start: 0.14, supported; ")


def test_statistics_without_seeds_have_no_numbers():
    none = over_time("inconclusive", seeds=(), values=(), left_out=(4,), why_left_out="the learning rate is 0")
    assert texts.statistics(none, "Here") == "Not comparable: the learning rate is 0."


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
def test_rule_is_written_in_words(kind, bound, words):
    assert texts.rule(made(kind=kind, bound=bound)) == words


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_link_opens_the_settings_of_the_experiment(name, setting):
    chosen = experiments.load(name)
    for dataset in chosen.datasets:
        address = urlsplit(links.link(chosen, setting, dataset))
        assert address.path == f"/{chosen.page}"
        usual = presets.DEFAULTS[chosen.page]
        config, problems = RunConfig.from_query(dict(parse_qsl(address.query)), usual)
        assert problems == []
        changes = {} if setting == DEFAULT_SETTING else chosen.settings[setting]
        wanted = chosen.base.model_dump() | dict(changes) | {"dataset": dataset}
        page_s_own = {"norm": usual.norm, "probes": usual.probes}
        assert config == RunConfig.model_validate(wanted | page_s_own)


@pytest.mark.parametrize("name", RUNS_OF_ITS_OWN)
def test_page_with_own_runs_has_no_links_to_settings(name):
    chosen = experiments.load(name)
    findings = [
        made(experiment=name, claim=chosen.claims[0].name, setting=setting, verdict=verdict)
        for setting, verdict in ((DEFAULT_SETTING, "supported"), *((one, "contradicted") for one in chosen.settings))
    ]
    assert links.link(chosen) == f"/{chosen.page}"
    flips = links.flips(name, chosen.claims[0].name, experiments.group_by_claim(findings))
    assert flips == [f"{setting}: contradicted, {NUMBERS}" for setting in chosen.settings]


def test_link_to_default_settings_has_no_query():
    assert links.link(experiments.load("noisy_batch_norm")) == "/noisy_bn"
    assert links.link(experiments.load("theorems")) == "/theory"


OTHER_VERDICT = {"setting": "10 × 100 tanh", "verdict": "contradicted"}


def test_flips_link_to_settings_with_another_verdict():
    same = made(setting="3 × 100 ReLU")
    judged = experiments.group_by_claim([USUAL, same, made(**OTHER_VERDICT)])
    assert links.flips("noisy_batch_norm", "noisy_beats_standard", judged) == [
        f"[10 × 100 tanh](/noisy_bn?activation=tanh): contradicted, {NUMBERS}"
    ]
    assert links.flips("noisy_batch_norm", "noise_harmless", judged) == []


def test_flips_need_a_default_verdict():
    judged = experiments.group_by_claim([made(**OTHER_VERDICT)])
    assert links.flips("noisy_batch_norm", "noisy_beats_standard", judged) == []


def test_change_over_training_counts_as_a_flip():
    changing = {"start": "supported", "last half": "contradicted"}
    judged = [over_time("supported"), over_time(changing, setting="learning rate 0.01")]
    (flip,) = links.flips("covariate_shift_mlp", "reduces_relative", judged)
    assert "[learning rate 0.01](/covariate_shift?lr=0.01): changes over training, 0.14 (" in flip
