"""Records for figures to draw: real runs, as small as they can be, trained once for all tests of this folder."""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice

import numpy as np
import pytest

from bnviz import datasets
from bnviz.config import RunConfig
from bnviz.datasets import Dataset, Split
from bnviz.record import Record
from bnviz.training import train

TINY = {
    "widths": (7, 5),
    "steps": 30,
    "batch_size": 20,
    "test_samples": 40,
    "probe_points": 12,
    "curve_points": 8,
    "init_std": 0.6,
}
DIVERGING = {"activation": "relu", "learning_rate": 1000.0, "weight_decay": 0.1, "init_std": 0.1}


@cache
def _run(frames: int | None = None, **changes) -> Record:
    """One run, or its first few frames."""
    config = RunConfig(**(TINY | changes))
    with np.errstate(all="ignore"):  # some of these runs are meant to leave the range of numbers
        return Record.from_frames(config, islice(train(config), frames))


def _arms(norms=("none", "batch"), **changes) -> dict[str, Record]:
    names = {"none": "standard", "batch": "batch norm", "noisy_batch": "noisy batch norm"}
    return {names[norm]: _run(norm=norm, **changes) for norm in norms}


def _lenet() -> dict[str, Record]:
    """A real LeNet on noise of the size of MNIST's images, which need not be downloaded for this."""
    random = np.random.default_rng(0)
    noise = Split(random.random((600, 1, 28, 28), dtype=np.float32), random.integers(0, 10, 600))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load", lambda *_: Dataset(noise, noise, 10))
        return _arms(network="lenet", dataset="mnist", steps=3)


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
    "one unit": lambda: _arms(widths=(1, 1)),
    "one percentile": lambda: _arms(percentiles=(50.0,)),
    "nine percentiles": lambda: _arms(percentiles=tuple(range(10, 100, 10))),
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


@pytest.fixture(params=CASES)
def shown(request, case) -> dict[str, Record]:
    """Every case in turn."""
    return case(request.param)
