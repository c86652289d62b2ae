"""Options of plug-ins: where they are active, which values they take, and that run keys see only active ones."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bnviz import Comparison, Record, RunConfig
from bnviz.core import registry
from bnviz.core.config import sentences, setting_schemas
from bnviz.core.options import active_options, declared_options, plugins_with
from bnviz.core.record import Frame

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "norm_p": st.sampled_from(["1", "2", "inf"]),
    "noise_mean": st.floats(0, 10).map(lambda value: value + 0.0),  # no -0.0
    "noise_at_test": st.booleans(),
    "binarize": st.booleans(),
    "init_std": st.floats(0, 10, exclude_min=True),
    "line_points": st.integers(2, 64),
    "line_along": st.sampled_from(["gradient", "random"]),
    "sharpness_count": st.integers(1, 5),
    "plane_mode": st.sampled_from(["training", "inference"]),
}
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "norm": st.sampled_from(registry.names("norms")),
    "init": st.sampled_from(registry.names("initialisations")),
    "dataset": st.sampled_from(["digits", "blobs_2d"]),
    "probes": st.lists(st.sampled_from(registry.names("probes")), unique=True).map(tuple),
    "steps": st.integers(1, 1000),
}
CONFIGS = st.fixed_dictionaries({}, optional=FIELDS | VALUES).map(lambda values: RunConfig(**values))


@given(CONFIGS, st.fixed_dictionaries({}, optional=VALUES))
def test_key_ignores_inactive_options(config: RunConfig, values: dict[str, Any]) -> None:
    active = active_options(config)
    inactive = {name: value for name, value in values.items() if name not in active}
    assert config.with_changes(**inactive).key == config.key
    assert config.with_changes(**inactive).with_active_options() == config.with_active_options()


@given(CONFIGS)
def test_key_ignores_defaults_spelt_out(config: RunConfig) -> None:
    assert RunConfig(**config.settings()) == config
    assert RunConfig(**config.settings()).key == config.key


@given(CONFIGS, st.sampled_from(sorted(VALUES)), st.data())
def test_key_follows_active_options(config: RunConfig, name: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[name])
    changed = config.with_changes(**{name: value})
    assert (changed.key != config.key) == (name in active_options(config) and value != config.option(name))


@given(CONFIGS, CONFIGS)
def test_link_brings_options_back(config: RunConfig, base: RunConfig) -> None:
    assert RunConfig.from_query(config.to_query(base), base) == (config, [])


@given(CONFIGS)
def test_json_brings_options_back(config: RunConfig) -> None:
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    assert RunConfig.model_validate(config.model_dump()) == config
    assert RunConfig(**config.changed()) == config


def test_key_does_not_depend_on_a_new_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding an option leaves the keys of records valid; a value other than its default has a key of its own."""
    for kind in ("datasets", "networks", "norms", "initialisations", "probes"):
        (tmp_path / kind).mkdir()
        for path in (registry.PACKAGE_FOLDER / kind).glob("*.py"):
            (tmp_path / kind / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    before = RunConfig(norm="batch", steps=7).key
    monkeypatch.setattr(registry, "PACKAGE_FOLDER", tmp_path)
    declared = {"type": "integer", "default": 4, "minimum": 1, "maximum": 9, "label": "Groups", "help": "how many"}
    file = tmp_path / "norms" / "group.py"
    file.write_text(f'"""Group norm."""\n\nOPTIONS = {{"norm_groups": {declared}}}\n')
    assert RunConfig(norm="batch", steps=7).key == before
    assert RunConfig(norm="group").key == RunConfig(norm="group", norm_groups=4).key
    assert RunConfig(norm="group").key != RunConfig(norm="group", norm_groups=5).key
    assert RunConfig(norm="group", norm_groups=5).to_query() == {"norm": "group", "norm_groups": "5"}
    _, [problem] = RunConfig.from_query({"norm": "group", "norm_groups": "10"})
    assert problem == "norm_groups must be a whole number from 1 to 9, not '10'; norm_groups=4 is used."
    (option,) = active_options(RunConfig(norm="group", init="he", dataset="blobs_2d")).values()
    assert (option.name, option.plugin, option.label) == ("norm_groups", "group", "Groups")


def test_active_options_are_those_of_chosen_plugins() -> None:
    assert list(active_options(RunConfig(init="he"))) == ["binarize"]
    assert list(active_options(RunConfig(dataset="blobs_2d", norm="lp_batch"))) == ["norm_p", "init_std"]
    noise = [name for name in declared_options() if name.startswith("noise_")]
    shaken = RunConfig(dataset="blobs_2d", norm="noisy_none", init="he", probes=("sharpness",))
    assert list(active_options(shaken)) == [*noise, "sharpness_points", "sharpness_count"]
    both = active_options(RunConfig(norm="lp_batch"), RunConfig(norm="noisy_batch", probes=("sharpness",)))
    assert list(both) == ["binarize", "norm_p", *noise, "init_std", "sharpness_points", "sharpness_count"]


def test_shared_options_belong_to_both_plugins() -> None:
    assert plugins_with("noise_mean") == [("norms", "noisy_batch"), ("norms", "noisy_none")]
    assert plugins_with("binarize") == [("datasets", "digits"), ("datasets", "mnist")]
    assert declared_options()["noise_mean"].plugin == "noisy_batch"


def test_arms_have_their_own_options_only() -> None:
    base = RunConfig(noise_mean=1.0, norm_p="2")
    arms = Comparison(base, {"standard": {}, "noisy": {"norm": "noisy_batch"}}).configs()
    assert arms == {"standard": RunConfig(), "noisy": RunConfig(norm="noisy_batch", noise_mean=1.0)}
    assert base.to_query() == {"noise_mean": "1", "norm_p": "2"}  # a link keeps them for the arms


def test_record_holds_active_options_with_defaults() -> None:
    config = RunConfig(norm="lp_batch", noise_mean=1.0, probes=())
    record = Record.from_bytes(Record.from_frames(config, [Frame(0, {})]).to_bytes())
    assert record.config == RunConfig(norm="lp_batch", probes=())
    written = record.config.model_dump()
    assert (written["norm_p"], written["init_std"], written["binarize"]) == ("1", 0.1, False)
    assert "noise_mean" not in written


def test_option_has_value_whether_active_or_not() -> None:
    config = RunConfig(line_from=0.25)
    assert (config.option("line_from"), config.option("line_to")) == (0.25, 4.0)
    assert config.settings()["line_from"] == 0.25
    assert config.options_of("dataset") == {"binarize": False}
    with pytest.raises(KeyError):
        config.option("steps")


def test_changes_are_validated() -> None:
    config = RunConfig(norm="lp_batch").with_changes(norm_p="inf", steps=3)
    assert (config.option("norm_p"), config.steps) == ("inf", 3)
    assert config.with_changes(norm_p="1") == RunConfig(norm="lp_batch", steps=3)
    with pytest.raises(ValidationError):
        config.with_changes(norm_p="3")


REFUSED = [
    ({"norm_p": "3"}, ["norm_p must be one of 1, 2 or inf, not '3'."]),
    ({"line_from": 5.0}, ["line_from must be less than line_to, not 5 with line_to 4."]),
    ({"noise_means": 1.0}, ["'noise_means' is not a setting."]),
    ({"options": 3}, ["options must be options by their names, not '3'."]),
    ({"options": {"colour": 3}}, ["'colour' is not a setting."]),
    (
        {"steps": 0, "noise_mean": -1.0, "plane_span": 0.0},
        [
            "steps must be a whole number from 1 to 1000000, not '0'.",
            "noise_mean must be a number from 0 to 10, not '-1'.",
            "plane_span must be a number above 0 and at most 100, not '0'.",
        ],
    ),
]


@pytest.mark.parametrize(("values", "expected"), REFUSED, ids=[str(values) for values, _ in REFUSED])
def test_refused_options_are_explained(values: dict[str, Any], expected: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        RunConfig(**values)
    assert sorted(sentences(caught.value)) == sorted(expected)


def test_schemas_describe_fields_and_options() -> None:
    schemas = setting_schemas()
    assert set(schemas) == set(RunConfig().settings())
    assert (schemas["noise_mean"]["minimum"], schemas["noise_mean"]["maximum"]) == (0, 10)
    assert schemas["norm_p"]["enum"] == ["1", "2", "inf"]
    assert all(schema["description"] for schema in schemas.values())
