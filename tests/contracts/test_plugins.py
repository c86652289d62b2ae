"""What every plug-in must keep to: a new file in one of the folders is tested here without a line being added."""

import socket
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnviz import Record, RunConfig, datasets, initialisations, networks, norms, training
from bnviz.cli.run_command import run
from bnviz.core import registry
from bnviz.core.option import Option
from bnviz.core.options import PLUGIN_FIELDS, active_options, declared_options, plugin_options
from bnviz.core.query import QUERY_NAMES
from bnviz.datasets import Dataset, DatasetError, Split, _download
from bnviz.torch_support.rng import stream

KINDS = tuple(PLUGIN_FIELDS.values())
FIELDS = {kind: field for field, kind in PLUGIN_FIELDS.items()}
ALL = [(kind, name) for kind in KINDS for name in registry.plugins(kind)]
CPU = torch.device("cpu")


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", registry.names(kind))


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind}-{name}" for kind, name in ALL])
def test_every_file_says_what_it_is(kind: str, name: str) -> None:
    plugin = registry.plugins(kind)[name]
    assert plugin.error is None
    assert 0 < len(plugin.label) < 40
    assert "\n" not in plugin.label
    assert len(plugin.help) > 20
    field = FIELDS[kind]
    value: Any = (name,) if field == "probes" else name
    changes = {field: value} | ({"dataset": fitting_dataset(name)} if kind == "networks" else {})
    config = RunConfig(**changes)
    assert RunConfig.from_query(config.to_query()) == (config, [])


def fitting_dataset(network: str) -> str:
    """The first data set that the network takes; nothing is loaded."""
    needed = registry.describe("networks", network).constants.get("INPUT_SHAPE")
    for name in ("digits", *registry.names("datasets")):
        if needed in (None, registry.describe("datasets", name).constants["INPUT_SHAPE"]):
            return name
    raise AssertionError(f"there is no data set for {network}")


# Options

OWN = [(kind, name, option) for kind, name in ALL for option in registry.plugins(kind)[name].options.values()]


def test_option_names_are_unique() -> None:
    """Nor is one the name of a field, or of something else on the command line."""
    declared = {(kind, option.name) for kind, _, option in OWN}  # within a kind, the registry refuses differing ones
    names = [name for _, name in declared]
    assert len(set(names)) == len(names)
    assert not {*names} & {*RunConfig.model_fields, *QUERY_NAMES.values()}
    flags = [flag for parameter in run.params for flag in (*parameter.opts, *parameter.secondary_opts)]
    assert len(set(flags)) == len(flags)


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind}-{name}" for kind, name in ALL])
def test_shared_options_name_a_file_that_has_some(kind: str, name: str) -> None:
    other = registry.plugins(kind)[name].constants.get("OPTIONS_OF")
    assert other is None or registry.plugins(kind)[other].options


@pytest.mark.parametrize(("kind", "name", "option"), OWN, ids=[option.name for _, _, option in OWN])
def test_option_can_be_shown_and_linked(kind: str, name: str, option: Option) -> None:
    assert 0 < len(option.label) < 50
    assert 10 < len(option.help) < 100
    changes: dict[str, Any] = {FIELDS[kind]: (name,) if kind == "probes" else name}
    config = RunConfig(**changes)
    assert active_options(config)[option.name] == option
    assert config.option(option.name) == option.default
    other = config.with_changes(**{option.name: another_value(option)})
    assert RunConfig.from_query(other.to_query()) == (other, [])
    assert other.key != config.key


def another_value(option: Option) -> Any:
    """An allowed value that is not the default, nor beyond the default of an option that must be larger."""
    if option.kind == "choice":
        return next(choice for choice in option.choices if choice != option.default)
    if option.kind == "boolean":
        return not option.default
    largest = declared_options()[option.less_than].default if option.less_than else option.maximum
    return (int if option.kind == "integer" else float)((option.default + largest) / 2)


# Data sets


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, so that a data set that would have to be downloaded says so at once."""

    def refuse(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(_download, "LOCK_SECONDS", 1)


def loaded(name: str, seed: int = 0, **options: Any) -> Dataset:
    try:
        dataset: Dataset = registry.load("datasets", name).load(seed, **options)
    except DatasetError as error:
        pytest.skip(f"not on this machine: {error}")
    return dataset


@each("datasets")
def test_dataset_is_what_its_constants_say(name: str, offline: None) -> None:
    constants = registry.describe("datasets", name).constants
    dataset = loaded(name)
    assert dataset.classes == constants["CLASSES"]
    values = constants.get("TARGETS", "classes") == "values"  # numbers are to be learned, not classes
    for split, samples in ((dataset.train, "TRAIN_SAMPLES"), (dataset.test, "TEST_SAMPLES")):
        assert split.inputs.shape == (constants[samples], *constants["INPUT_SHAPE"])
        assert split.labels.shape == (constants[samples], *((dataset.classes,) if values else ()))
        assert split.inputs.dtype == np.float32
        assert split.labels.dtype == (np.float32 if values else np.int64)
        assert np.isfinite(split.inputs).all()
        if values:
            assert np.isfinite(split.labels).all()
        else:
            assert set(np.unique(split.labels)) == set(range(dataset.classes))
        if split.subset is not None:
            assert split.subset.shape == (constants[samples],)
            assert split.subset.dtype == np.int64


@each("datasets")
def test_dataset_is_the_same_each_time(name: str, offline: None) -> None:
    np.random.seed(1)
    first = loaded(name, seed=3)
    np.random.seed(2)
    second = loaded(name, seed=3)
    for one, other in ((first.train, second.train), (first.test, second.test)):
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.labels, other.labels)


BINARIZED = [name for name in registry.names("datasets") if "binarize" in plugin_options("datasets", name)]


@pytest.mark.parametrize("name", BINARIZED)
def test_dataset_with_binarize_is_black_and_white(name: str, offline: None) -> None:
    inputs = loaded(name, binarize=True).train.inputs
    assert set(np.unique(inputs)) == {0.0, 1.0}
    assert inputs.dtype == np.float32


# Normalisations

SHAPES = pytest.mark.parametrize("shape", [(16, 6), (8, 6, 4, 4)], ids=["dense", "images"])


def norm_for(name: str, shape: tuple[int, ...]) -> nn.Module:
    config = RunConfig(norm=name)
    return norms.build(norms.Slot(config, shape[1], len(shape) - 2, stream(0, "noise", "here"))).double()


def drawn(*shape: int) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1


@SHAPES
@each("norms")
def test_norm_keeps_the_shape_lets_the_gradient_through_and_repeats(name: str, shape: tuple[int, ...]) -> None:
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)  # makes no difference
        norm, inputs = norm_for(name, shape), drawn(*shape).requires_grad_()
        result = norm(inputs)
        assert result.shape == shape
        assert result.dtype == inputs.dtype
        (result * drawn(*shape).flip(0)).sum().backward()
        assert inputs.grad is not None
        assert torch.isfinite(inputs.grad).all()
        assert inputs.grad.abs().max() > 1e-3
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in norm.parameters())
        results.append((result, inputs.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@SHAPES
@each("norms")
def test_norm_in_inference_repeats_and_looks_at_each_sample_alone(name: str, shape: tuple[int, ...]) -> None:
    norm = norm_for(name, shape)
    norm(drawn(*shape))
    before = {key: value.clone() for key, value in norm.state_dict().items()}
    norm.eval()
    whole = norm(drawn(*shape))
    assert torch.equal(norm(drawn(*shape)), whole)
    torch.testing.assert_close(norm(drawn(*shape)[:1]), whole[:1], rtol=1e-12, atol=1e-12)
    assert all(torch.equal(value, before[key]) for key, value in norm.state_dict().items())
    norm.train()


@SHAPES
@each("norms")
def test_norm_that_subsumes_the_bias_cancels_it(name: str, shape: tuple[int, ...]) -> None:
    bias = torch.arange(6.0, dtype=torch.float64).reshape(1, 6, *(1 for _ in shape[2:]))
    with_bias, without = norm_for(name, shape)(drawn(*shape) + bias), norm_for(name, shape)(drawn(*shape))
    assert torch.allclose(with_bias, without, rtol=1e-9, atol=1e-9) == norms.subsumes_bias(name)


@pytest.mark.parametrize("network", ["mlp", "deep_linear"])
@each("norms")
def test_norm_trains(name: str, network: str) -> None:
    config = RunConfig(norm=name, network=network, widths=(6, 5), steps=3, device="cpu")
    record = Record.from_frames(config, training.train(config))
    assert record.outcome == "finished"
    assert np.isfinite(record.data["train_loss"]).all()
    assert len(np.unique(record.data["test_loss"])) == record.data.sizes["step"]  # the weights moved


# Networks


@pytest.mark.parametrize("norm", registry.names("norms"))
@each("networks")
def test_network_trains_on_data_that_fits(name: str, norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random data of the right shape: nothing is downloaded."""
    dataset = fitting_dataset(name)
    constants = registry.describe("datasets", dataset).constants
    random = np.random.default_rng(0)

    def split(samples: int) -> Split:
        inputs = random.random((samples, *constants["INPUT_SHAPE"]), dtype=np.float32)
        return Split(inputs, random.integers(0, constants["CLASSES"], samples))

    monkeypatch.setattr(datasets, "load", lambda *_, **__: Dataset(split(40), split(20), constants["CLASSES"]))
    config = RunConfig(network=name, dataset=dataset, norm=norm, widths=(6, 5), batch_size=10, steps=3, device="cpu")
    network = networks.build(config, constants["INPUT_SHAPE"], constants["CLASSES"], CPU)
    before = {key: value.clone() for key, value in network.named_parameters()}
    record = Record.from_frames(config, training.train(config, network))
    assert record.outcome == "finished"
    assert record.data.sizes["layer"] >= 1
    unmoved = [key for key, value in network.named_parameters() if torch.equal(value, before[key])]
    assert not unmoved
    assert config.multiply_adds > 0


# Initialisations


def weights_of(name: str, shape: tuple[int, ...], seed: int = 0) -> Tensor:
    weights = torch.full(shape, torch.nan)
    initialisations.draw(weights, RunConfig(init=name), stream(seed, "init", "here"))
    return weights


@pytest.mark.parametrize("shape", [(30, 20), (8, 6, 3, 3)], ids=["dense", "convolution"])
@each("initialisations")
def test_initialisation_fills_and_repeats(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)  # makes no difference
    weights = weights_of(name, shape)
    torch.manual_seed(2)
    assert torch.isfinite(weights).all()
    assert torch.equal(weights, weights_of(name, shape))
    assert not torch.equal(weights, weights_of(name, shape, seed=1))
    assert abs(weights.mean()) < 4.5 * weights.std() / weights.numel() ** 0.5


@each("initialisations")
def test_initialisation_trains(name: str) -> None:
    config = RunConfig(init=name, widths=(6, 5), steps=3, device="cpu")
    record = Record.from_frames(config, training.train(config))
    assert record.outcome == "finished"
    assert np.isfinite(record.data["train_loss"]).all()


# Probes

DIMS = {
    "layer",
    "unit",
    "quantile",
    "bin",
    "alpha",
    "weight_layer",
    "rank",
    "plane_up",
    "parameter",
    "plane_across",
    "path",
    "axis",
}


@pytest.mark.parametrize("norm", registry.names("norms"))
@each("probes")
def test_probe_changes_nothing_and_labels_everything(name: str, norm: str) -> None:
    states, losses = [], []
    for chosen in ((name,), ()):
        config = RunConfig(norm=norm, widths=(6, 5), steps=6, probes=chosen, probe_points=4, device="cpu")
        network = networks.build(config, (1, 8, 8), 10, CPU)
        frames = list(training.train(config, network))
        states.append(network.state_dict())
        losses.append({frame.step: frame.values["train_loss"].values.item() for frame in frames})
        probed = [item for frame in frames for item in frame.values.values() if item.axis == "probe_step"]
        assert bool(probed) == bool(chosen)
        for item in probed:
            assert item.values.ndim == len(item.dims)
            assert set(item.dims) <= DIMS
            assert item.long_name
            assert item.units
            assert item.values.dtype.kind in "fi"
            assert item.values.dtype.itemsize <= 4
    assert losses[0] == losses[1]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
