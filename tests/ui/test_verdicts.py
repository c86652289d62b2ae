"""Verdicts on screen: badges, numbers and links of made-up findings; the box over real, tiny runs."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
import xarray as xr
from scipy import stats
from streamlit.testing.v1 import AppTest

from bnviz import experiments, presets, registry
from bnviz.config import RunConfig
from bnviz.experiments import DEFAULT_SETTING, FEWEST_SEEDS
from bnviz.gallery import findings
from bnviz.gallery.findings import Stored
from bnviz.record import Record
from bnviz.training import train
from bnviz.ui import verdict_texts as texts
from tests.made_findings import USUAL, all_claims, judged, made, of_claim, undefined

NAMES = registry.names("experiments")
RUNS_OF_ITS_OWN = ("gradient_explosion",)
"""Experiments that their page shows whatever its controls say."""
SETTINGS = [
    (name, setting)
    for name in NAMES
    for setting in (DEFAULT_SETTING, *experiments.load(name).settings)
    if name not in RUNS_OF_ITS_OWN
]
NUMBERS = "0.14 (0.1 to 0.18; by ranks 0.11 to 0.17; 10 seeds)"
"""Those of USUAL."""
FEW = made(seeds=(0, 1), values=(0.12, 0.16), rank_low=math.nan, rank_high=math.nan, verdict="inconclusive")


def about(name: str, claim: str, verdicts: Mapping[str, str] | str = "supported", **changes):
    """Findings of each condition and phase of a claim."""
    chosen = experiments.load(name)
    return judged(*of_claim(name, chosen, chosen.claim(claim), verdicts, **changes))


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
def test_of_enough_seeds_the_badge_is_the_verdict(verdict, badge):
    assert texts.badge(judged(made(verdict=verdict))) == badge


@pytest.mark.parametrize(
    ("verdict", "badge"),
    [
        ("supported", ":green-badge[:material/check: holds]"),
        ("contradicted", ":orange-badge[:material/close: fails]"),
        ("inconclusive", ":gray-badge[:material/question_mark: inconclusive]"),
    ],
)
def test_a_check_holds_or_fails(verdict, badge):
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
def test_the_badge_of_a_claim_over_time_says_whether_its_phases_differ(verdicts, word):
    assert f" {word}]" in texts.badge(over_time(verdicts))


def test_the_badge_of_two_conditions_is_of_both():
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
def test_of_few_seeds_the_badge_says_on_which_side_they_are_and_never_a_verdict(seeds, kind, bound, mean, badge):
    few = made(seeds=seeds, kind=kind, bound=bound, mean=mean, verdict="supported")
    assert texts.badge(judged(few)) == badge


def test_of_few_seeds_two_conditions_agree_if_both_do():
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


def test_without_a_seed_that_counts_nothing_is_comparable():
    none = undefined(seeds=(), values=(), left_out=(0, 1), why_left_out="the learning rate is 0")
    assert texts.badge(judged(none)) == ":gray-badge[:material/block: not comparable]"
    assert texts.outcome_text(judged(none)) == "not comparable (the learning rate is 0)"


@pytest.mark.parametrize(("mean", "word"), [(1.4, "agrees"), (0.7, "agrees"), (1.6, "disagrees"), (0.6, "disagrees")])
def test_a_ratio_within_a_factor_lies_within_its_inverse_too(mean, word):
    ratio = made(experiment="wrong_ways", claim="band_over_runs_none", seeds=(0,), kind="within", bound=1.5, mean=mean)
    assert f" {word}, one seed]" in texts.badge(judged(ratio))
    assert texts.asked(ratio) == "within a factor of 1.5"


def test_numbers_say_the_mean_both_intervals_and_how_many_seeds():
    assert texts.numbers(USUAL) == NUMBERS
    assert texts.numbers(FEW) == "0.14 (0.1 to 0.18; 2 seeds)"
    one = replace(FEW, seeds=(3,), values=(0.14,), low=math.nan, high=math.nan)
    assert texts.numbers(one) == "0.14 (one seed)"
    assert texts.numbers(undefined()) == "undefined (10 seeds)"


@pytest.mark.parametrize("endless", [math.inf, math.nan])
def test_an_interval_that_is_wider_than_numbers_go_is_not_told(endless):
    """As that of a ratio can be whose logarithms differ by hundreds; stored, it is a NaN."""
    assert texts.numbers(made(high=endless)) == "0.14 (by ranks 0.11 to 0.17; 10 seeds)"
    assert texts.numbers(made(rank_high=endless)) == "0.14 (0.1 to 0.18; 10 seeds)"


def test_a_mean_that_is_but_rounding_is_told_as_zero():
    assert texts.numbers(made(mean=1e-9, low=-0.01, high=0.01)).startswith("0 (-0.01 to 0.01; ")
    assert texts.numbers(made(mean=1e-9, low=0.9e-9, high=1.1e-9)).startswith("1.00×10⁻⁹ (")


def test_each_phase_is_told_with_its_mean_and_its_verdict():
    four = over_time({"whole run": "inconclusive", "start": "supported", "last half": "contradicted"}).findings
    means = (1.0, 0.8, 0.9, 1.5)
    told = judged(*(replace(one, mean=mean) for one, mean in zip(four, means, strict=True)))
    assert texts.phases(told) == "start: 0.8, supported; middle: 0.9, inconclusive; last half: 1.5, contradicted"


def test_of_few_seeds_each_phase_is_told_by_its_side():
    four = over_time("inconclusive", seeds=(0,)).findings
    means = (1.0, 0.8, math.nan, 1.5)
    told = judged(*(replace(one, mean=mean) for one, mean in zip(four, means, strict=True)))  # to be below 1
    assert texts.phases(told) == "start: 0.8, agrees; middle: undefined, undefined; last half: 1.5, disagrees"


def test_a_condition_that_is_not_about_time_is_told_in_every_phase():
    both = about("covariate_shift_mlp", "more_shift_yet_better", mean=0.14).findings
    *phases, accuracy = both
    assert (len(phases), accuracy.phase) == (4, "")
    told = texts.phases(judged(*phases, replace(accuracy, mean=-0.3, verdict="contradicted")))
    assert told.split("; ") == [f"{one}: 0.14, contradicted" for one in ("start", "middle", "last half")]


def test_without_phases_none_are_told():
    assert texts.phases(judged(USUAL)) == ""


def test_seeds_that_are_left_out_are_counted_and_why():
    why = "standard does not learn (test accuracy below 50 %)"
    some = made(seeds=tuple(range(8)), left_out=(8, 9), why_left_out=why)
    assert texts.left_out(some) == f"2 of 10 seeds are not comparable: {why}."
    assert texts.left_out(made(seeds=(), left_out=(0,), why_left_out=why)) == f"Not comparable: {why}."
    assert texts.left_out(USUAL) == ""


def test_of_each_condition_the_numbers_and_the_rule_are_told():
    first, second, phases = texts.measured(about("covariate_shift_mlp", "more_shift_yet_better"), "Here").split("  \n")
    assert first == (
        f"|G − G′| / |G| of the middle layer, median over time: batch norm / standard. Here: **{NUMBERS}**, asked for: "
        "above 1."
    )
    assert second == f"Test accuracy at the end, batch norm minus standard. Here: **{NUMBERS}**, asked for: above 0."
    assert phases.startswith("Start: 0.14, supported; ")


def test_what_nothing_was_measured_of_has_no_numbers():
    none = over_time("inconclusive", seeds=(), values=(), left_out=(4,), why_left_out="the learning rate is 0")
    assert texts.measured(none, "Here") == "Not comparable: the learning rate is 0."


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
    assert texts.asked(made(kind=kind, bound=bound)) == words


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_a_link_to_a_setting_says_what_the_experiment_runs(name, setting):
    chosen = experiments.load(name)
    for dataset in chosen.datasets:
        address = urlsplit(texts.link(chosen, setting, dataset))
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
        made(experiment=name, claim=chosen.claims[0].name, setting=setting, verdict=verdict)
        for setting, verdict in ((DEFAULT_SETTING, "supported"), *((one, "contradicted") for one in chosen.settings))
    ]
    monkeypatch.setattr(findings, "read", lambda: Stored("2026-01-31", {}, tuple(found)))
    assert texts.link(chosen) == f"/{chosen.page}"
    told = texts.flipped(name, chosen.claims[0].name)
    assert told == [f"{setting}: contradicted, {NUMBERS}" for setting in chosen.settings]


def test_where_the_page_opens_with_the_experiment_the_link_is_bare():
    assert texts.link(experiments.load("noisy_batch_norm")) == "/noisy_bn"
    assert texts.link(experiments.load("theorems")) == "/theory"


CONTRADICTED = made(verdict="contradicted", mean=-0.14, low=-0.18, high=-0.1, rank_low=-0.17, rank_high=-0.11)


@pytest.fixture
def keep(monkeypatch) -> Callable[..., None]:
    """Store these findings."""

    def keep(*found) -> None:
        monkeypatch.setattr(findings, "read", lambda: Stored("2026-01-31", {}, found))

    return keep


@pytest.fixture
def kept(keep):
    """Findings of one claim: supported by default, contradicted in one setting, as by default in another."""
    found = (
        USUAL,
        replace(CONTRADICTED, setting="10 × 100 tanh"),
        made(setting="3 × 100 ReLU"),
        replace(CONTRADICTED, setting="a setting of another day"),
        replace(CONTRADICTED, setting="3 × 100 ReLU", dataset="mnist"),
    )
    keep(*found)
    return found


def test_other_settings_are_named_if_their_verdict_is_another(kept):
    (told,) = texts.flipped("noisy_batch_norm", "noisy_beats_standard")
    assert told == (
        "[10 × 100 tanh](/noisy_bn?activation=tanh): contradicted, -0.14 (-0.18 to -0.1; by ranks -0.17 to -0.11; "
        "10 seeds)"
    )
    assert texts.flipped("noisy_batch_norm", "noise_harmless") == []


def test_without_a_verdict_by_default_none_is_another(kept, keep):
    keep(*kept[1:])
    assert texts.flipped("noisy_batch_norm", "noisy_beats_standard") == []


def test_a_setting_in_which_the_claim_changes_over_training_is_another(keep):
    changing = {"start": "supported", "last half": "contradicted"}
    keep(*over_time("supported").findings, *over_time(changing, setting="learning rate 0.01").findings)
    (told,) = texts.flipped("covariate_shift_mlp", "reduces_relative")
    assert "[learning rate 0.01](/covariate_shift?lr=0.01): changes over training, 0.14 (" in told


TINY = RunConfig(widths=(6, 4), steps=8, batch_size=20, test_samples=30, probe_points=9, curve_points=3)
"""Every update is measured, so that phases can be judged."""
SCORES = {
    "standard": (0.6, 0.7),
    "batch norm": (0.95, 0.93),
    "noisy batch norm": (0.9, 0.94),
    "noisy standard": (0.1, 0.2),
}
"""Test accuracies of each arm's two seeds, put into records of runs that are too short to learn anything."""
SEEDS = (3, 4)


def script(folder, name, arms, live):
    from pathlib import Path

    from bnviz.record import Record
    from bnviz.ui.shown import Shown
    from bnviz.ui.verdicts import verdict_box

    repeats = {arm: tuple(map(Record.load, sorted(Path(folder).glob(f"{arm}-*.nc")))) for arm in arms}
    verdict_box(name, Shown({arm: several[0] for arm, several in repeats.items()}, repeats, live))


Runs = Mapping[str, tuple[Record, ...]]


@pytest.fixture(scope="module")
def unlearned() -> Runs:
    """The four arms, two seeds each, as they are after six updates."""
    return {arm: tuple(run(TINY, **changes, seed=seed) for seed in SEEDS) for arm, changes in presets.FOUR.items()}


@pytest.fixture(scope="module")
def learned(unlearned) -> Runs:
    """The same with SCORES."""
    return {
        arm: tuple(scored(record, score) for record, score in zip(several, SCORES[arm], strict=True))
        for arm, several in unlearned.items()
    }


def run(config: RunConfig, **changes) -> Record:
    config = config.model_copy(update=changes)
    return Record.from_frames(config, train(config))


def scored(record: Record, accuracy: float) -> Record:
    names = ("final_test_accuracy", "population_test_accuracy")
    scores = {name: xr.full_like(record.data[name], accuracy) for name in names if name in record.data}
    return replace(record, data=record.data.assign(scores))


@pytest.fixture
def box(tmp_path) -> Callable[..., AppTest]:
    """The box over these runs."""

    def box(repeats: Runs, name: str = "noisy_batch_norm", live: bool = False) -> AppTest:
        for arm, several in repeats.items():
            for record in several:
                record.save(tmp_path / f"{arm}-{record.config.seed}.nc")
        at = AppTest.from_function(script, args=(str(tmp_path), name, tuple(repeats), live)).run()
        assert not at.exception
        return at

    return box


def rows(at: AppTest, name: str = "noisy_batch_norm") -> dict[str, str]:
    """What is said of each claim, by its name; nothing else is."""
    said = [text.value for text in at.markdown]
    found = {
        claim.name: row for row in said for claim in experiments.load(name).claims if f" {claim.statement} *(" in row
    }
    assert len(found) == len(said)
    return found


def curves(at: AppTest) -> list[ElementTree.Element]:
    pictures = [one.proto for one in at.get("bidi_component") if one.proto.component_name == "bnviz_picture"]
    return [ElementTree.fromstring(json.loads(one.json)) for one in pictures]


def test_the_box_has_each_claim_with_what_is_on_screen_beside_what_is_stored(box, learned, kept):
    at = box(learned)
    assert [heading.value for heading in at.header] == ["The verdict"]
    told = rows(at)
    assert list(told) == [one.name for one in experiments.load(USUAL.experiment).claims]
    differences = [noisy - plain for noisy, plain in zip(SCORES["noisy batch norm"], SCORES["standard"], strict=True)]
    low, high = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    row = told["noisy_beats_standard"]
    assert row.startswith(":green-badge[:material/check: agrees, 2 seeds] Noisy batch norm still does better")
    assert f"On screen: **0.27 ({low:.3g} to {high:.3g}; 2 seeds)**, asked for: above 0." in row
    assert f"supported] Stored runs, as the page opens: {NUMBERS}. It stands after Holm's correction" in row
    assert "Otherwise in [10 × 100 tanh](/noisy_bn?activation=tanh): contradicted" in row
    assert "Stored runs" not in told["noise_shifts"]
    assert f"at least {FEWEST_SEEDS} seeds" in at.caption[0].value


def test_of_two_conditions_the_box_tells_both(box, learned, keep):
    keep()
    row = rows(box(learned))["noise_stops_standard"]
    assert row.startswith(":green-badge[:material/check: agrees, 2 seeds] ")
    for words in ("noisy standard. On screen: **0.15 (", "noisy batch norm. On screen: **0.92 ("):
        assert f"Test accuracy at the end, {words}" in row
    assert "**, asked for: below 0.5." in row
    assert "**, asked for: above 0.9." in row
    weak = learned | {"noisy batch norm": tuple(scored(record, 0.6) for record in learned["noisy batch norm"])}
    assert rows(box(weak))["noise_stops_standard"].startswith(":orange-badge[:material/close: disagrees, 2 seeds] ")


def test_a_claim_over_time_has_its_phases_and_one_curve(box, learned, keep):
    keep()
    at = box(learned)
    row = rows(at)["noise_shifts"]
    assert "Start: " in row
    assert "; middle: " in row
    assert "; last half: " in row
    (curve,) = curves(at)
    assert curve.attrib["aria-label"].startswith("noise_shifts over the updates: ")
    assert not [one for one in rows(at).items() if "Start: " in one[1] and one[0] != "noise_shifts"]


def test_stored_phases_that_differ_are_told(box, learned, keep):
    verdicts = {"whole run": "supported", "start": "contradicted", "last half": "supported"}
    keep(*about("noisy_batch_norm", "noise_shifts", verdicts).findings)
    row = rows(box(learned))["noise_shifts"]
    assert ":blue-badge[:material/swap_vert: changes over training] Stored runs, as the page opens: 0.14 (" in row
    assert "Start: 0.14, contradicted; middle: 0.14, inconclusive; last half: 0.14, supported." in row


def test_a_stored_verdict_that_chance_might_give_among_so_many_is_not_said_to_stand(box, learned, keep):
    keep(*all_claims({"default": "supported", "other": "supported"}, p=0.04))
    row = rows(box(learned))["noisy_beats_standard"]
    assert "supported] Stored runs, as the page opens: " in row
    assert "Holm" not in row
    keep(replace(USUAL, verdict="inconclusive"))
    assert "Holm" not in rows(box(learned))["noisy_beats_standard"]


def test_stored_seeds_that_are_left_out_are_told(box, learned, keep):
    why = "standard diverged at update 7"
    keep(made(seeds=tuple(range(8)), left_out=(8, 9), why_left_out=why))
    assert f"2 of 10 seeds are not comparable: {why}." in rows(box(learned))["noisy_beats_standard"]
    keep(undefined(seeds=(), values=(), left_out=(0, 1), why_left_out=why))
    row = rows(box(learned))["noisy_beats_standard"]
    assert f"not comparable] Stored runs, as the page opens. 2 of 2 seeds are not comparable: {why}." in row


def test_claims_about_arms_that_are_not_there_are_left_out(box, learned, kept):
    own = {arm: learned[arm] for arm in ("standard", "noisy batch norm")}
    assert list(rows(box(own))) == ["noisy_beats_standard", "noise_shifts"]
    at = box({"batch norm": learned["batch norm"]})
    assert not at.markdown
    assert not at.header


def test_they_are_left_out_as_well_where_no_arm_learns(box, unlearned, kept):
    own = {arm: unlearned[arm] for arm in ("standard", "noisy batch norm")}
    assert list(rows(box(own))) == ["noisy_beats_standard", "noise_shifts"]


def test_while_runs_go_on_nothing_is_judged(box, learned, kept):
    at = box(learned, live=True)
    assert not at.markdown
    assert not at.header
    assert not curves(at)
    assert [caption.value for caption in at.caption] == ["The verdict follows when the runs have ended."]


NOT_COMPARABLE = ":gray-badge[:material/block: not comparable] "


def test_where_no_arm_learns_accuracies_are_not_comparable(box, unlearned, kept):
    at = box(unlearned)
    told = rows(at)
    for name in ("noise_harmless", "noise_harmless_population", "noisy_beats_standard", "noise_stops_standard"):
        assert told[name].startswith(NOT_COMPARABLE)
        assert "2 of 2 seeds are not comparable: standard does not learn (test accuracy below 50 %) and " in told[name]
        assert "On screen: " not in told[name]
    assert "agrees, 2 seeds]" in told["noise_shifts"], "which is not about accuracy"
    assert f"supported] Stored runs, as the page opens: {NUMBERS}." in told["noisy_beats_standard"]
    assert len(curves(at)) == 1


def test_runs_with_learning_rate_0_are_not_comparable(box, kept):
    still = {arm: (run(TINY, **changes, learning_rate=0.0),) for arm, changes in presets.FOUR.items()}
    at = box(still)
    for row in rows(at).values():
        assert row.startswith(NOT_COMPARABLE)
        assert "Not comparable: the learning rate is 0, so nothing was trained." in row
    assert not curves(at)


def test_a_run_that_was_stopped_is_not_comparable(box, learned, keep):
    keep()
    answers = iter([False] * 3)
    config = TINY.model_copy(update={"seed": SEEDS[0]})
    halted = Record.from_frames(config, train(config, should_stop=lambda: next(answers, True)))
    assert halted.outcome == "stopped"
    told = rows(box(learned | {"standard": (halted, learned["standard"][1])}))
    why = f"1 of 2 seeds are not comparable: standard was stopped at update {halted.last_step}."
    for row in told.values():
        assert why in row
        assert "s, one seed] " in row or "undefined, one seed] " in row
    assert "On screen: **0.24 (one seed)**" in told["noisy_beats_standard"]


SHIFT = TINY.model_copy(update={"probes": ("covariate_shift",)})
WILD = {"activation": "relu", "learning_rate": 1000.0, "weight_decay": 0.1, "init_std": 0.1, "steps": 30}


@pytest.fixture(scope="module")
def diverged() -> Record:
    record = run(SHIFT, **WILD)
    assert record.outcome == "diverged"
    return record


def test_where_an_arm_diverged_what_is_about_learners_is_not_comparable(box, diverged, keep):
    keep()
    other = scored(run(SHIFT, norm="batch"), 0.95)
    at = box({"standard": (diverged,), "batch norm": (other,)}, "covariate_shift_mlp")
    for row in rows(at, "covariate_shift_mlp").values():
        assert row.startswith(NOT_COMPARABLE)
        assert row.endswith(f"Not comparable: standard diverged at update {diverged.last_step}.")
    assert not curves(at)


def test_otherwise_an_arm_that_diverged_counts_as_declared(box, diverged, learned, keep):
    keep()
    second = {arm: several[1:] for arm, several in learned.items()}
    told = rows(box(second | {"standard": (diverged,)}))
    assert "On screen: **0.84 (one seed)**" in told["noisy_beats_standard"], "0.94 less a tenth, that of guessing"


def test_identities_are_checked_whether_or_not_anything_was_trained(box, keep):
    keep()
    config = TINY.model_copy(update={"probes": ("theorem",), "learning_rate": 0.0})
    still = {arm: (run(config, **changes),) for arm, changes in presets.PAIR.items()}
    told = rows(box(still, "theorems"), "theorems")
    assert ":green-badge[:material/check: agrees, one seed]" in told["theorem_41"]
    assert told["condition_met"].startswith(NOT_COMPARABLE)


@pytest.mark.parametrize("name", ["noisy_batch_norm", "theorems"])
def test_the_box_of_the_experiment_says_how_to_repeat_it(name, box, learned, keep):
    keep()
    shown = (
        learned
        if name == "noisy_batch_norm"
        else {arm: (run(TINY, **changes, probes=("theorem",)),) for arm, changes in presets.PAIR.items()}
    )
    assert f"`python -m bnviz experiment {name} --seeds 10 --sweep`" in box(shown, name).caption[0].value


def test_claim_is_left_out_in_a_setting_in_which_it_says_nothing(box, learned, keep):
    keep()
    assert "noise_stops_standard" in rows(box(learned))
    chosen = experiments.load("noisy_batch_norm")
    (setting,) = chosen.claim("noise_stops_standard").not_in
    there = {
        arm: tuple(replace(one, config=one.config.model_copy(update=chosen.settings[setting])) for one in several)
        for arm, several in learned.items()
    }
    told = rows(box(there))
    assert "noise_stops_standard" not in told
    assert "noise_harmless" in told
