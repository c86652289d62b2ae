"""RunConfig: round trips, run keys, what becomes of broken links, and the cost estimate by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bnviz import RunConfig
from bnviz.core import registry
from bnviz.core.config import sentences, setting_schemas
from bnviz.core.messages import SHOWN
from bnviz.core.nonlinearities import NONLINEARITIES


def floats(low: float, high: float, **bounds: Any) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, **bounds).map(lambda value: value + 0.0)  # no -0.0


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "binarize": st.booleans(),
    "network": st.sampled_from(["mlp", "deep_linear"]),
    "widths": st.lists(st.integers(1, 2048), min_size=1, max_size=64).map(tuple),
    "activation": st.sampled_from(list(NONLINEARITIES)),
    "norm": st.sampled_from(registry.names("norms")),
    "norm_eps": floats(0, 1, exclude_min=True),  # torch refuses 0
    "norm_momentum": floats(0, 1),
    "norm_affine": st.booleans(),
    "norm_p": st.sampled_from(["1", "2", "inf"]),
    "noise_mean": floats(0, 10),
    "noise_scale": floats(1, 10),
    "noise_spread_mean": floats(0, 10),
    "noise_spread_scale": floats(0, 10),
    "noise_per": st.sampled_from(["unit", "layer"]),
    "noise_at_test": st.booleans(),
    "init": st.sampled_from(["normal", "xavier", "he"]),
    "init_std": floats(0, 10, exclude_min=True),
    "optimizer": st.sampled_from(["sgd", "adam"]),
    "learning_rate": floats(0, 1000),
    "momentum": floats(0, 1, exclude_max=True),
    "weight_decay": floats(0, 1),
    "batch_size": st.integers(2, 1500),
    "steps": st.integers(1, 1_000_000),
    "seed": st.integers(0, 2**31 - 1),
    "device": st.sampled_from(["auto", "cpu", "cuda"]),
    "precision": st.sampled_from(["float32", "float64"]),
    "probes": st.sampled_from([(), ("activations",), ("landscape_line", "covariate_shift")]),
    "probe_points": st.integers(2, 500),
    "probe_data": st.sampled_from(["batch", "fixed"]),
    "probe_samples": st.integers(2, 4096),
    "percentiles": st.lists(
        floats(0, 100, exclude_min=True, exclude_max=True), min_size=1, max_size=9, unique=True
    ).map(lambda levels: tuple(sorted(levels))),
    "line_points": st.integers(2, 64),
    "line_from": floats(0, 3, exclude_min=True),  # shorter than any line_to, its default too
    "line_to": floats(3, 1000, exclude_min=True),
    "line_in": st.sampled_from(["learning_rate", "absolute"]),
    "line_along": st.sampled_from(["gradient", "random"]),
    "sharpness_points": st.integers(2, 500),
    "sharpness_count": st.integers(1, 5),
    "plane_kind": st.sampled_from(["random", "pca"]),
    "plane_points": st.integers(3, 51),
    "plane_span": floats(0, 100, exclude_min=True),
    "plane_mode": st.sampled_from(["training", "inference"]),
    "curve_points": st.integers(2, 1000),
    "test_samples": st.integers(1, 100_000),
}
CONFIGS = st.fixed_dictionaries({}, optional=FIELDS).map(lambda values: RunConfig(**values))


def refused(**values: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        RunConfig(**values)
    return sentences(caught.value)


def test_strategies_cover_all_settings_but_dataset() -> None:
    assert set(FIELDS) | {"dataset"} == set(setting_schemas())


@given(CONFIGS)
def test_a_link_brings_back_the_configuration(config: RunConfig) -> None:
    assert RunConfig.from_query(config.to_query()) == (config, [])


@given(CONFIGS, CONFIGS)
def test_a_link_brings_it_back_over_another_page_s_defaults(config: RunConfig, base: RunConfig) -> None:
    assert RunConfig.from_query(config.to_query(base), base) == (config, [])


@given(CONFIGS)
def test_json_brings_back_the_configuration_and_its_key(config: RunConfig) -> None:
    again = RunConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert again.key == config.key


@given(CONFIGS, CONFIGS)
def test_keys_are_equal_where_configurations_are(one: RunConfig, other: RunConfig) -> None:
    assert (one.key == other.key) == (one.with_active_options() == other.with_active_options())


def test_key_does_not_see_whether_a_default_was_spelt_out() -> None:
    assert RunConfig().key == RunConfig(**RunConfig().model_dump()).key == RunConfig(steps=600, learning_rate=0.1).key
    assert len(RunConfig().key) == 16
    assert int(RunConfig().key, 16) >= 0


def test_key_is_the_same_in_another_process_and_year() -> None:
    """Stored runs are found by it: if this fails, MEASURING_VERSION must have been raised on purpose."""
    assert RunConfig(norm="batch", steps=50).key == "3d5fddc335281180"


def test_default_link_is_empty_and_short_names_are_used() -> None:
    assert RunConfig().to_query() == {}
    config = RunConfig(learning_rate=1e-5, batch_size=128, widths=(5, 6), norm_affine=False)
    assert config.to_query() == {"lr": "1e-05", "batch": "128", "widths": "5,6", "norm_affine": "false"}


# What a page says of a broken link: exactly one sentence, what is allowed, what was given, and what is used instead.
BROKEN = [
    ("steps", "1e12", "steps must be a whole number from 1 to 1000000, not '1e12'; steps=600 is used."),
    ("steps", "1e999", "steps must be a whole number from 1 to 1000000, not '1e999'; steps=600 is used."),
    ("steps", "2.5", "steps must be a whole number from 1 to 1000000, not '2.5'; steps=600 is used."),
    ("lr", "nan", "lr must be a number from 0 to 1000, not 'nan'; lr=0.1 is used."),
    ("lr", "inf", "lr must be a number from 0 to 1000, not 'inf'; lr=0.1 is used."),
    ("learning_rate", "", "lr must be a number from 0 to 1000, not ''; lr=0.1 is used."),
    ("momentum", "1", "momentum must be a number at least 0 and below 1, not '1'; momentum=0 is used."),
    ("init_std", "0", "init_std must be a number above 0 and at most 10, not '0'; init_std=0.1 is used."),
    ("seed", "-1", "seed must be a whole number from 0 to 2147483647, not '-1'; seed=0 is used."),
    ("binarize", "maybe", "binarize must be true or false, not 'maybe'; binarize=false is used."),
    ("noise_per", "net", "noise_per must be one of unit or layer, not 'net'; noise_per=unit is used."),
    (
        "widths",
        "9999,9999",
        "widths must be 1 to 64 values with commas between, each a whole number from 1 to 2048, not '9999,9999'; "
        "widths=100,100,100 is used.",
    ),
    (
        "widths",
        "",
        "widths must be 1 to 64 values with commas between, each a whole number from 1 to 2048, not ''; "
        "widths=100,100,100 is used.",
    ),
    (
        "widths",
        "abc",
        "widths must be 1 to 64 values with commas between, each a whole number from 1 to 2048, not 'abc'; "
        "widths=100,100,100 is used.",
    ),
    ("percentiles", "85,15", "percentiles must rise, as 15,50,85 do, not '85,15'; percentiles=15,50,85 is used."),
    (
        "percentiles",
        "0",
        "percentiles must be 1 to 9 values with commas between, each a number above 0 and below 100, not '0'; "
        "percentiles=15,50,85 is used.",
    ),
    (
        "probes",
        "activations,activations",
        "probes must not name the same one twice, not 'activations,activations'; probes=activations is used.",
    ),
    (
        "batch",
        "2000",
        "batch must be at most 1500, the training samples of dataset 'digits', not 2000; batch=60 is used.",
    ),
    (
        "network",
        "lenet",
        "network 'lenet' needs inputs of shape 1 × 28 × 28, dataset 'digits' has 1 × 8 × 8; choose another of the two; "
        "network=mlp is used.",
    ),
    ("line_from", "9", "line_from must be less than line_to, not 9 with line_to 4; line_from=0.5 is used."),
    ("colour", "red", "'colour' is not a setting; it is left out."),
]


@pytest.mark.parametrize(("name", "text", "sentence"), BROKEN, ids=[f"{name}={text}" for name, text, _ in BROKEN])
def test_broken_link_is_told_in_one_sentence(name: str, text: str, sentence: str) -> None:
    config, problems = RunConfig.from_query({name: text, "norm_eps": "0.5"})
    assert problems == [sentence]
    assert config == RunConfig(norm_eps=0.5)  # what is right in the link is kept


@pytest.mark.parametrize("field", ["dataset", "network", "norm", "probes", "activation"])
def test_unknown_name_is_told_with_all_that_there_is(field: str) -> None:
    config, [sentence] = RunConfig.from_query({field: "<script>"})
    kind = {"probes": "probes", "activation": None}.get(field, f"{field}s")
    assert config == RunConfig()
    assert sentence.startswith(f"{field} must be ")
    assert "'<script>'" in sentence
    assert all(name in sentence for name in (registry.names(kind) if kind else NONLINEARITIES))


def test_each_bad_value_has_its_sentence() -> None:
    config, problems = RunConfig.from_query(
        {"lr": "x", "steps": "0", "norm": "?", "batch": "3000", "seed": "7", "a": ""}
    )
    assert config == RunConfig(seed=7)
    assert sorted(problem.split()[0] for problem in problems) == ["'a'", "batch", "lr", "norm", "steps"]


def test_settings_that_clash_with_the_page_s_own_are_the_ones_left_out() -> None:
    base = RunConfig(dataset="mnist", network="lenet", batch_size=4096)
    config, problems = RunConfig.from_query({"dataset": "digits", "lr": "2"}, base)
    assert config == base.with_changes(learning_rate=2.0)
    assert problems == [
        "network 'lenet' needs inputs of shape 1 × 28 × 28, dataset 'digits' has 1 × 8 × 8; choose another of the two; "
        "dataset=mnist is used."
    ]
    config, [problem] = RunConfig.from_query({"dataset": "digits", "network": "mlp"}, base)
    assert config == base.with_changes(network="mlp")
    assert problem.endswith("not 4096; dataset=mnist is used.")


def test_what_is_used_instead_is_the_page_s_value_not_the_default() -> None:
    config, [problem] = RunConfig.from_query({"steps": "0"}, RunConfig(steps=50))
    assert config.steps == 50
    assert problem.endswith("; steps=50 is used.")


@given(
    st.dictionaries(st.sampled_from([*FIELDS, "dataset", "lr", "batch"]) | st.text(max_size=99), st.text(max_size=999))
)
def test_any_link_gives_a_valid_configuration_and_short_sentences(query: dict[str, str]) -> None:
    config, problems = RunConfig.from_query(query)
    assert RunConfig.model_validate(config.model_dump()) == config
    assert len(problems) <= len(query)
    for problem in problems:
        assert problem.endswith(".")
        assert problem.isprintable()
        assert len(problem) < 10 * SHOWN + 250


@pytest.mark.parametrize(("text", "steps"), [("1e3", 1000), ("1E+2", 100), ("50", 50)])
def test_powers_of_ten_are_whole_numbers(text: str, steps: int) -> None:
    assert RunConfig.from_query({"steps": text, "widths": "1e2,5"}) == (RunConfig(steps=steps, widths=(100, 5)), [])


def test_no_probes_can_be_asked_for_in_a_link() -> None:
    assert RunConfig.from_query({"probes": ""}) == (RunConfig(probes=()), [])


def test_a_clash_names_the_fields_as_they_are_called_in_code() -> None:
    with pytest.raises(
        ValidationError, match="batch_size must be at most 1500, the training samples of dataset 'digits'"
    ):
        RunConfig(batch_size=2000)


def test_sentences_without_a_link() -> None:
    assert refused(steps=0, stepz=3) == [
        "steps must be a whole number from 1 to 1000000, not '0'.",
        "'stepz' is not a setting.",
    ]
    assert refused(batch_size=2000) == [
        "batch must be at most 1500, the training samples of dataset 'digits', not 2000."
    ]
    assert refused(widths=(1, 0, -1)) == [
        "widths must be 1 to 64 values with commas between, each a whole number from 1 to 2048, not '0'."
    ]
    with pytest.raises(ValidationError) as caught:
        RunConfig.model_validate([1])
    assert sentences(caught.value) == ["settings must be given by name, not as '[1]'."]


def test_frozen_and_hashable() -> None:
    config = RunConfig()
    with pytest.raises(ValidationError):
        config.steps = 1  # type: ignore[misc]
    assert hash(config) == hash(RunConfig())


def test_a_dataset_file_without_its_constants_is_refused_by_name(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mine.py").write_text('"""Mine."""\nINPUT_SHAPE = (2,)\n')
    (tmp_path / "datasets" / "broken.py").write_text("def")
    monkeypatch.setattr(registry, "PACKAGE_FOLDER", tmp_path)
    with pytest.raises(ValidationError, match=r"must be a file that sets CLASSES, TRAIN_SAMPLES; datasets/mine\.py"):
        RunConfig(dataset="mine")
    with pytest.raises(ValidationError, match=r"datasets/broken\.py cannot: invalid syntax"):
        RunConfig(dataset="broken")


def test_multiply_adds_by_hand() -> None:
    config = RunConfig(widths=(3, 2), batch_size=10, steps=7)
    assert config.multiply_adds == 3 * (64 * 3 + 3 * 2 + 2 * 10) * 10 * 7
    lenet = RunConfig(dataset="mnist", network="lenet", batch_size=10, steps=7)
    convolutions = 26 * 26 * 6 * (3 * 3 * 1) + 11 * 11 * 16 * (3 * 3 * 6)
    assert lenet.multiply_adds == 3 * (convolutions + 400 * 120 + 120 * 84 + 84 * 10) * 10 * 7


def test_estimated_seconds_count_the_probes_passes() -> None:
    """Each probe's constant PASSES, a number or a setting's name, at each step that is probed; the others below."""
    training = RunConfig(steps=100, probe_points=10, probes=())
    watched = training.with_changes(probes=("landscape_line", "gradient_flow"), line_points=30)
    assert watched.estimated_seconds / training.estimated_seconds == pytest.approx((100 + 10 * (30 + 1)) / 100)
    seldom = watched.with_changes(steps=5, line_points=2)  # no more often than there are steps
    assert seldom.estimated_seconds == pytest.approx(watched.estimated_seconds * (5 + 5 * 3) / (100 + 10 * 31))


def test_estimated_seconds_grow_with_what_probes_do_more_of() -> None:
    """PASSES_PER_LAYER, and STEPS and BATCH of what looks at a larger batch, but not as often."""
    training = RunConfig(steps=100, probe_points=10, batch_size=50, probe_samples=100, probes=())

    def passes(**changes: Any) -> float:
        config = training.with_changes(**changes)
        return 100 * (config.estimated_seconds / config.with_changes(probes=()).estimated_seconds - 1)

    theorem = [passes(probes=("theorem",), widths=(100,) * layers) for layers in (2, 62)]
    assert theorem == pytest.approx([10 * (10 + 4 * 2), 10 * (10 + 4 * 62)])
    assert passes(probes=("sharpness",), sharpness_points=4) == pytest.approx(4 * 30 * 2)
    assert passes(probes=("landscape_plane",), plane_points=21) == pytest.approx(21 * 21 * 0.33 * 2)
    lines = [passes(probes=("landscape_line",), probe_data=data) for data in ("batch", "fixed")]
    assert lines == pytest.approx([10 * 8, 10 * 8 * 2])
