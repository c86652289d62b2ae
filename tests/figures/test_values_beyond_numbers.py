"""Infinite, missing, zero, huge and tiny values: every figure is drawn, and every caption reads as a sentence."""

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnviz.core.record import Record
from bnviz.figures.style import explain_if_empty


def _beside(name):
    """A test file of this folder as a module, for what it lists."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FIGURES = _beside("test_every_figure")
SENTENCES = _beside("test_captions").EVERY
VALUES = (np.inf, -np.inf, np.nan, 0.0, 3e38, -3e38, 1e-45, -1.0)
CHANGES = ("kept", "kept", "kept", "all", "some", "one step")
ACTIVATIONS = "percentile count low high"
PROBES = ("line_", "shift_", "theorem_ lemma_", "plane_", "sharpness", "wrong_", "pre_ weight_", ACTIVATIONS)
"""How the names begin of what a probe measures together."""


def spoilt(record: Record, chance: np.random.Generator, outcome: str) -> Record:
    """The record with values of its variables replaced, and with variables left out, at random."""
    data = record.data
    for begins in PROBES:
        if chance.random() < 0.15:
            data = data.drop_vars([name for name in data.data_vars if name.startswith(tuple(begins.split()))])
    for name, variable in data.data_vars.items():
        change = chance.choice(CHANGES)
        values = np.array(variable.values, np.float32)
        new = chance.choice(VALUES, values.shape).astype(np.float32)
        if change == "all":
            values[...] = new.flat[0]
        elif change == "some":
            values = np.where(chance.random(values.shape) < 0.3, new, values)
        elif change == "one step":
            values[chance.integers(len(values))] = new.flat[0]
        if change != "kept" and (name != "count" or np.isfinite(values).all()):
            data = data.assign({name: variable.copy(data=values)})
    return replace(record, data=data, outcome=outcome)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(10))
def test_figures_and_captions_accept_any_values(records, seed):
    chance = np.random.default_rng(seed)
    outcome = str(chance.choice(["running", "finished", "diverged", "stopped"]))
    changed = {
        "learning_rate": float(chance.choice([0.0, 0.1, 1000.0])),
        "line_in": str(chance.choice(["learning_rate", "absolute"])),
        "norm_momentum": float(chance.choice([0.0, 0.1])),
    }
    shown = {
        arm: spoilt(replace(record, config=record.config.with_changes(**changed)), chance, outcome)
        for arm, record in records.items()
    }
    for name, say in SENTENCES.items():
        text = say(shown)
        assert text == "" or re.fullmatch(r"[A-Z].*[^ ,;:.]\.", text), (name, text)
        assert not re.search(r"\b(nan|inf|None)\b|  |[,;:] *[.,;]", text), (name, text)
    for name in FIGURES.FIGURES:
        for arm in shown:
            figure = FIGURES.draw(name, shown, arm, 1, 1)
            explain_if_empty(figure)
            figure.to_json()
            alt = figure.layout.meta["alt"]
            assert not re.search(r"\b(nan|inf|infinity|none)\b|[:;,] *[.;,]|  ", alt, re.IGNORECASE), (name, alt)
            for axis in (figure.layout.xaxis, figure.layout.yaxis):
                assert axis.range is None or np.isfinite(axis.range).all(), name
