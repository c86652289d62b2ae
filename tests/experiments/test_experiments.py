"""Contract of every experiment: what a file in `bnviz/experiments/` has to be, and that its statistics can be taken."""

import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr

from bnviz import Record, RunConfig, experiments
from bnviz.cli.parallel_runs import train_on_one_thread
from bnviz.core import registry
from bnviz.core.presets import DEFAULTS, TEN_LAYERS
from bnviz.experiments import DEFAULT_SETTING, DIVERGED, Condition, Experiment, OverTime, Rule, Runs
from bnviz.experiments._statistics import accuracy, log_ratio_of_updates, population_accuracy, updates_to_goal
from bnviz.experiments.measurement_pitfalls import crowded_steps, every_step_run, spacing_effect

NAMES = registry.names("experiments")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def experiment(name: str) -> Experiment:
    return experiments.load(name)


def test_no_experiment_is_broken() -> None:
    assert len(NAMES) > 10
    assert all(plugin.error is None for plugin in registry.plugins("experiments").values())


def test_every_arm_is_valid_in_every_setting(experiment: Experiment) -> None:
    for dataset in experiment.datasets:
        for setting in (DEFAULT_SETTING, *experiment.settings):
            configs = experiment.configs(3, setting, dataset)
            assert configs.keys() == experiment.arms.keys()
            assert len({config.key for config in configs.values()}) == len(configs), "two arms are the same run"
            for arm, config in configs.items():
                assert (config.seed, config.dataset) == (3, dataset)
                settings = config.settings()
                assert all(settings[name] == value for name, value in experiment.arms[arm].items())


def test_settings_change_the_base(experiment: Experiment) -> None:
    assert DEFAULT_SETTING not in experiment.settings
    usual = experiment.configs()
    for setting in experiment.settings:
        assert experiment.configs(setting=setting) != usual


def test_claims_are_complete(experiment: Experiment) -> None:
    names = [claim.name for claim in experiment.claims]
    assert names
    assert len(set(names)) == len(names)
    for claim in experiment.claims:
        assert re.fullmatch(r"[a-z0-9_]+", claim.name)
        assert claim.statement.endswith(".")
        assert claim.source
        assert claim.conditions
        assert set(claim.not_in) <= set(experiment.settings)
        for condition in claim.conditions:
            assert condition.measured
            assert not condition.measured.endswith(".")
            assert condition.rule.kind in ("above", "below", "within")
            assert condition.rule.kind != "within" or condition.rule.bound > 0
            assert condition.diverged in DIVERGED


def test_identities_and_theorems_are_checks() -> None:
    checks = {f"{name}.{claim.name}" for name in NAMES for claim in experiments.load(name).claims if claim.check}
    assert checks == {
        "theorems.theorem_41",
        "theorems.theorem_42",
        "theorems.smaller_gradient",
        "theorems.favourable_initialisation",
        "measurement_pitfalls.consecutive_batches_none",
        "measurement_pitfalls.consecutive_batches_batch",
    }


def test_no_harm_claims_test_non_inferiority() -> None:
    """A network that is better has not been harmed: the rule bounds one side only."""
    for name, claim in (
        ("noisy_batch_norm", "noise_harmless"),
        ("noisy_batch_norm", "noise_harmless_population"),
        ("learning_rate", "large_harmless"),
        *(("lp_norms", f"{arm}_as_good") for arm in ("l1", "l2", "linf")),
    ):
        (condition,) = experiments.load(name).claim(claim).conditions
        assert condition.rule == Rule("above", -0.02)


def test_experiments_have_question_source_and_page(experiment: Experiment, name: str) -> None:
    assert experiment.question.endswith("?")
    assert experiment.source
    assert experiment.page in DEFAULTS
    assert registry.describe("experiments", name).label


def taken(condition: Condition, runs: Runs) -> float:
    """The statistic, over the whole run where it is one over time."""
    statistic = condition.statistic
    return statistic.in_phase(runs, condition.phases[0]) if isinstance(statistic, OverTime) else statistic(runs)


@pytest.fixture
def tiny_runs(experiment: Experiment, name: str, tiny) -> dict[str, Record]:
    """Real runs of every arm, but narrow and short."""
    return {arm: trained(config) for arm, config in tiny(name).configs().items()}


@cache
def trained(config: RunConfig) -> Record:
    """The run, trained once for all tests of this file."""
    return train_on_one_thread(config)


def test_every_statistic_is_a_number_on_real_runs(experiment: Experiment, tiny_runs) -> None:
    """An arm or a measurement that is not there would raise KeyError."""
    for claim in experiment.claims:
        for condition in claim.conditions:
            value = taken(condition, tiny_runs)
            assert isinstance(value, float), claim.name
            never_there = condition.diverged == "never"  # in four updates no network gets anywhere
            assert math.isfinite(value) != never_there, claim.name


def test_diverged_arm_counts_as_declared(experiment: Experiment, tiny_runs) -> None:
    lost = {arm: diverged_after_two_updates(record) for arm, record in tiny_runs.items()}
    for claim in experiment.claims:
        for condition in claim.conditions:
            value = taken(condition, lost)
            if condition.diverged in ("guesses", "until_then"):
                assert math.isfinite(value), claim.name
            else:
                assert math.isnan(value), claim.name


def diverged_after_two_updates(record: Record) -> Record:
    data = record.data.drop_vars([name for name in record.data if str(name).startswith(("final_", "population_"))])
    until = {axis: data[axis] <= 2 for axis in ("step", "probe_step")}
    return replace(record, data=data.sel(until), outcome="diverged")


def test_diverged_network_has_accuracy_of_guessing() -> None:
    empty = Record(RunConfig(), xr.Dataset(coords={"step": [0], "probe_step": [0]}), "diverged")
    assert accuracy(empty) == population_accuracy(empty) == 0.1


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.1, 0.8, 1.0], 150.0), ([0.1, 0.2, 0.3], math.inf), ([0.95, 0.2, 0.99], 0.0), ([0.1, 0.9, 0.5], 100.0)],
)
def test_updates_to_goal_are_interpolated(scores: list[float], expected: float) -> None:
    assert updates_to_goal(scored(scores)) == pytest.approx(expected)


def test_unreached_goal_counts_with_length_of_run() -> None:
    runs = {"fast": scored([0.1, 0.8, 1.0]), "slow": scored([0.1, 0.2, 0.3])}
    assert log_ratio_of_updates("fast", "slow")(runs) == pytest.approx(math.log(150 / 600))
    assert log_ratio_of_updates("slow", "fast")(runs) == pytest.approx(math.log(600 / 150))
    assert math.isnan(log_ratio_of_updates("slow", "slow")(runs))


def scored(scores: list[float]) -> Record:
    return Record(RunConfig(), xr.Dataset({"test_accuracy": ("step", scores)}, {"step": [0, 100, 200]}), "finished")


def test_crowded_steps_are_half_log_spaced() -> None:
    assert crowded_steps(400)[:6] == [0, 1, 2, 3, 4, 5]
    assert np.median(crowded_steps(400)) < 100


def test_spacing_effect_of_reversing_shift() -> None:
    """Batch norm's shift is above the other's in the first 150 of 400 updates, below it afterwards."""
    steps = np.arange(401)

    def run(relative: np.ndarray) -> Record:
        shift = np.broadcast_to(relative[:, None], (401, 3))
        data = xr.Dataset(
            {
                name: (("probe_step", "weight_layer"), values)
                for name, values in (("shift_l2", shift), ("shift_before", np.ones_like(shift)))
            },
            {"probe_step": steps, "step": [400]},
        )
        return Record(TEN_LAYERS, data, "finished")

    crowded, even = run(np.where(steps <= 150, 4.0, 0.25)), run(np.ones(401))
    runs = {every_step_run("batch norm"): crowded, every_step_run("standard"): even}
    assert spacing_effect(runs) == pytest.approx(math.log(4.0 / 0.25))


def test_unknown_experiment_lists_all_names() -> None:
    with pytest.raises(registry.UnknownPluginError, match="batch_size"):
        experiments.load("no_such")


def test_arms_override_settings_which_override_base() -> None:
    made = Experiment(
        question="?",
        source="us",
        page="theory",
        base=RunConfig(steps=7, learning_rate=0.3, batch_size=10),
        arms={"plain": {}, "own": {"learning_rate": 0.5}},
        claims=(),
        settings={"faster": {"learning_rate": 0.4, "steps": 9}},
    )
    configs = made.configs(2, "faster", "blobs_2d")
    assert configs["plain"] == RunConfig(steps=9, learning_rate=0.4, batch_size=10, seed=2, dataset="blobs_2d")
    assert configs["own"] == configs["plain"].with_changes(learning_rate=0.5)
    assert made.configs()["plain"] == made.base
