"""Contract of every experiment: what a file in `bnviz/experiments/` has to be, and that its statistics can be taken."""

import math
import re

import pytest

from bnviz import Record, RunConfig, experiments, registry
from bnviz.cli.many import train_all
from bnviz.experiments import DEFAULT_SETTING, Experiment
from bnviz.presets import DEFAULTS

NAMES = registry.names("experiments")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def experiment(name: str) -> Experiment:
    return experiments.load(name)


def test_there_are_some_and_none_is_broken() -> None:
    assert len(NAMES) > 10
    assert all(plugin.error is None for plugin in registry.plugins("experiments").values())


def test_every_arm_is_valid_in_every_setting_and_on_every_dataset(experiment: Experiment) -> None:
    for dataset in experiment.datasets:
        for setting in (DEFAULT_SETTING, *experiment.settings):
            configs = experiment.configs(3, setting, dataset)
            assert configs.keys() == experiment.arms.keys()
            assert len({config.key for config in configs.values()}) == len(configs), "two arms are the same run"
            for arm, config in configs.items():
                assert (config.seed, config.dataset) == (3, dataset)
                assert all(getattr(config, name) == value for name, value in experiment.arms[arm].items())


def test_a_setting_changes_something_and_is_not_called_the_default(experiment: Experiment) -> None:
    assert DEFAULT_SETTING not in experiment.settings
    usual = experiment.configs()
    for setting in experiment.settings:
        assert experiment.configs(setting=setting) != usual


def test_claims_say_what_they_have_to(experiment: Experiment) -> None:
    names = [claim.name for claim in experiment.claims]
    assert names
    assert len(set(names)) == len(names)
    for claim in experiment.claims:
        assert re.fullmatch(r"[a-z0-9_]+", claim.name)
        assert claim.statement.endswith(".")
        assert claim.source
        assert claim.measured
        assert not claim.measured.endswith(".")
        assert set(claim.not_in) <= set(experiment.settings)
        assert claim.rule.kind in ("above", "below", "within")
        assert claim.rule.kind != "within" or claim.rule.bound > 0


def test_the_rest_is_said(experiment: Experiment, name: str) -> None:
    assert experiment.question.endswith("?")
    assert experiment.source
    assert experiment.page in DEFAULTS
    assert registry.describe("experiments", name).label


def test_every_statistic_is_a_number_on_real_runs(experiment: Experiment, name: str, tiny) -> None:
    """An arm or a measurement that is not there would raise KeyError; the runs are real, but narrow and short."""
    configs = tiny(name).configs()
    records = train_all(configs.values(), 1, lambda _: None)
    runs: dict[str, Record] = {arm: records[config.key] for arm, config in configs.items()}
    for claim in experiment.claims:
        value = claim.statistic(runs)
        assert isinstance(value, float), claim.name
        assert math.isfinite(value), claim.name


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(registry.UnknownPluginError, match="batch_size"):
        experiments.load("no_such")


def test_arms_go_over_settings_and_settings_over_the_base() -> None:
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
    assert configs["own"] == configs["plain"].model_copy(update={"learning_rate": 0.5})
    assert made.configs()["plain"] == made.base
