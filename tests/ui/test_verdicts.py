"""The verdict box over real, tiny runs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import xarray as xr
from scipy import stats
from streamlit.testing.v1 import AppTest

from bnviz import experiments
from bnviz.core import presets
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.experiments import FEWEST_SEEDS
from bnviz.training import train
from tests.made_findings import NUMBERS, USUAL, about, all_claims, made, undefined

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

    from bnviz.core.record import Record
    from bnviz.ui.verdicts import verdict_box

    repeats = {arm: tuple(map(Record.load, sorted(Path(folder).glob(f"{arm}-*.nc")))) for arm in arms}
    verdict_box(name, repeats, live)


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
    config = config.with_changes(**changes)
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
    assert f"On screen: **0.27 ({low:.3g} to {high:.3g}; 2 seeds)**, required: above 0." in row
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
    assert "**, required: below 0.5." in row
    assert "**, required: above 0.9." in row
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
    config = TINY.with_changes(seed=SEEDS[0])
    halted = Record.from_frames(config, train(config, should_stop=lambda: next(answers, True)))
    assert halted.outcome == "stopped"
    told = rows(box(learned | {"standard": (halted, learned["standard"][1])}))
    why = f"1 of 2 seeds are not comparable: standard was stopped at update {halted.last_step}."
    for row in told.values():
        assert why in row
        assert "s, one seed] " in row or "undefined, one seed] " in row
    assert "On screen: **0.24 (one seed)**" in told["noisy_beats_standard"]


SHIFT = TINY.with_changes(probes=("covariate_shift",))
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


def test_measurement_that_an_arm_diverged_in_is_not_comparable_and_says_where(box, keep):
    """The landscape's claims are not about learners: it is the missing number that tells."""
    keep()
    landscape = TINY.with_changes(probes=("landscape_line",), line_points=2)
    lost, other = run(landscape, **WILD), run(landscape, norm="batch")
    assert (lost.outcome, other.outcome) == ("diverged", "finished")
    told = rows(box({"standard": (lost,), "batch norm": (other,)}, "loss_landscape"), "loss_landscape")
    assert "loss_variation" in told
    for row in told.values():
        assert row.startswith(NOT_COMPARABLE)
        assert row.endswith(f"Not comparable: standard diverged at update {lost.last_step}.")


def test_otherwise_an_arm_that_diverged_counts_as_declared(box, diverged, learned, keep):
    keep()
    second = {arm: several[1:] for arm, several in learned.items()}
    told = rows(box(second | {"standard": (diverged,)}))
    assert "On screen: **0.84 (one seed)**" in told["noisy_beats_standard"], "0.94 less a tenth, that of guessing"


def test_identities_are_checked_whether_or_not_anything_was_trained(box, keep):
    keep()
    config = TINY.with_changes(probes=("theorem",), learning_rate=0.0)
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
        arm: tuple(replace(one, config=one.config.with_changes(**chosen.settings[setting])) for one in several)
        for arm, several in learned.items()
    }
    told = rows(box(there))
    assert "noise_stops_standard" not in told
    assert "noise_harmless" in told
