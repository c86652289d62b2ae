"""Records for figures to draw: real runs, as small as they can be, trained once for all tests of this folder."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import pytest
import xarray as xr

from bnviz import datasets
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.datasets import Dataset, Split
from bnviz.training import train

TINY = {
    "widths": (7, 5),
    "steps": 30,
    "batch_size": 20,
    "test_samples": 40,
    "probe_points": 12,
    "curve_points": 8,
    "init_std": 0.6,
    "probes": ("activations", "landscape_line", "covariate_shift", "gradient_flow", "measurement_pitfalls", "theorem"),
    "line_points": 3,
}
DIVERGING = {"activation": "relu", "learning_rate": 1000.0, "weight_decay": 0.1, "init_std": 0.1}


@cache
def _run(frames: int | None = None, **changes) -> Record:
    """One run, or its first few frames."""
    config = RunConfig(**(TINY | changes))
    with np.errstate(all="ignore"):  # some of these runs are meant to leave the range of numbers
        return _with_planes(Record.from_frames(config, islice(train(config), frames)))


def _with_planes(record: Record) -> Record:
    """Sharpness at every third measured step and a plane at the last, made up: what takes long to measure."""
    steps = record.data.sizes["probe_step"]
    if not steps:
        return record
    generator = np.random.default_rng(record.config.seed)
    sharpness = np.where(np.arange(steps) % 3 == 0, 30 * generator.random(steps) + 1, np.nan)
    across, up = np.linspace(-1, 1, 7), np.linspace(-1, 1, 5)
    loss = np.full((steps, 5, 7), np.nan)
    loss[-1] = 0.1 + across**2 + 2 * up[:, None] ** 2
    path = np.linspace((0.8, -0.4), (0, 0), 9)
    made = {
        "sharpness": (("probe_step", "rank"), sharpness[:, None]),
        "sharpness_weight_norm": (("probe_step",), np.linspace(3, 5, steps)),
        "plane_loss": (("probe_step", "plane_up", "plane_across"), loss),
        "plane_across_at": (("probe_step", "plane_across"), np.tile(across, (steps, 1))),
        "plane_up_at": (("probe_step", "plane_up"), np.tile(up, (steps, 1))),
        "plane_path": (("probe_step", "path", "axis"), np.tile(path, (steps, 1, 1))),
        "plane_explained": (("probe_step", "axis"), np.tile([0.83, 0.11], (steps, 1))),
    }
    variables = {name: xr.Variable(dims, values.astype(np.float32)) for name, (dims, values) in made.items()}
    return replace(record, data=record.data.assign(variables))


def _arms(norms=("none", "batch"), **changes) -> dict[str, Record]:
    names = {"none": "standard", "batch": "batch norm", "noisy_batch": "noisy batch norm"}
    return {names[norm]: _run(norm=norm, **changes) for norm in norms}


def _lenet() -> dict[str, Record]:
    """A real LeNet on noise of the size of MNIST's images, which need not be downloaded for this."""
    random = np.random.default_rng(0)
    noise = Split(random.random((600, 1, 28, 28), dtype=np.float32), random.integers(0, 10, 600))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load", lambda *_, **__: Dataset(noise, noise, 10))
        return _arms(network="lenet", dataset="mnist", steps=3, probes=("activations", "covariate_shift"))


def _stopped() -> dict[str, Record]:
    config = RunConfig(**TINY)
    answers = iter([False] * 8)
    return {"standard": Record.from_frames(config, train(config, should_stop=lambda: next(answers, True)))}


CASES: Mapping[str, Callable[[], dict[str, Record]]] = {
    "two arms": _arms,
    "three arms": lambda: _arms(("none", "batch", "noisy_batch")),
    "nothing yet": lambda: _arms(frames=0),
    "first frame": lambda: _arms(frames=1),
    "first two frames": lambda: _arms(frames=2),
    "first five frames": lambda: _arms(frames=5),
    "arms out of step": lambda: {"standard": _run(frames=2), "batch norm": _run(norm="batch")},
    "one has not begun": lambda: {"standard": _run(), "batch norm": _run(norm="batch", frames=0)},
    "stopped": _stopped,
    "diverged": lambda: _arms(**DIVERGING),
    "one arm, one layer": lambda: {"standard": _run(widths=(6,))},
    "layers of their own": lambda: {"standard": _run(widths=(6, 6, 6)), "batch norm": _run(norm="batch", widths=(5,))},
    "nothing but curves": lambda: _arms(probes=()),
    "no accuracy": lambda: _arms(
        network="deep_linear", dataset="linear_map", learning_rate=1e-3, probes=("covariate_shift",)
    ),
    "one unit": lambda: _arms(widths=(1, 1)),
    "one percentile": lambda: _arms(percentiles=(50.0,), probes=("activations",)),
    "nine percentiles": lambda: _arms(percentiles=tuple(range(10, 100, 10)), probes=("activations",)),
    "fixed batch": lambda: _arms(probe_data="fixed", probe_samples=30),
    "deep linear": lambda: _arms(network="deep_linear"),
    "LeNet": _lenet,
}


@pytest.fixture(scope="session")
def run() -> Callable[..., Record]:
    """Train a tiny run, or some of its frames; the same question is answered from memory."""
    return _run


@pytest.fixture(scope="session")
def case() -> Callable[[str], dict[str, Record]]:
    """A comparison's records by the name of a case."""
    return cache(lambda name: CASES[name]())


@pytest.fixture(scope="session")
def records() -> dict[str, Record]:
    """What a page shows mostly: two arms, finished."""
    return _arms()


@pytest.fixture(scope="session")
def repeats() -> dict[str, list[Record]]:
    """The same two arms with three seeds each."""
    runs = [_arms(seed=seed) for seed in range(3)]
    return {arm: [one[arm] for one in runs] for arm in runs[0]}


@pytest.fixture(scope="session")
def by_rate() -> dict[str, list[Record]]:
    """The same two arms with three learning rates each."""
    runs = [_arms(learning_rate=rate) for rate in (0.05, 0.1, 0.4)]
    return {arm: [one[arm] for one in runs] for arm in runs[0]}


@pytest.fixture(params=CASES)
def shown(request, case) -> dict[str, Record]:
    """Every case in turn."""
    return case(request.param)
