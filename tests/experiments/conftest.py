"""Experiments that take milliseconds: the same arms and claims, with narrow networks and a few steps."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bnviz import RunConfig, experiments
from bnviz.core import registry
from bnviz.experiments import Experiment

TINY: dict[str, Any] = {
    "steps": 4,
    "batch_size": 20,
    "probe_points": 5,
    "probe_samples": 20,
    "curve_points": 5,
    "line_points": 2,
    "sharpness_points": 5,
    "test_samples": 20,
}


def shrunk(config: RunConfig) -> RunConfig:
    """As deep, but narrow and short."""
    return config.with_changes(**TINY, widths=(6,) * len(config.widths))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Experiment]:
    """Replace an experiment by its tiny likeness, everywhere in this process; one setting is kept, `seed`s differ."""

    def shrink(name: str) -> Experiment:
        chosen = experiments.load(name)
        small = replace(chosen, base=shrunk(chosen.base), settings={"other rate": {"learning_rate": 0.2}})
        monkeypatch.setattr(registry.load("experiments", name), "EXPERIMENT", small)
        return small

    return shrink
