"""Links with random settings, all of them allowed: pages draw their charts and captions without an error."""

import re

import numpy as np
import pytest

from bnviz.core import presets, registry
from bnviz.core.config import RunConfig, setting_schemas
from bnviz.core.nonlinearities import NONLINEARITIES

DATASETS = ("digits", "blobs_2d", "linear_map")  # MNIST would be downloaded
NETWORKS = ("mlp", "deep_linear")  # LeNet needs MNIST
VIEW = {
    "activations": {"layer": (1, 3), "unit": (1, 9), "own_axis": (0, 1), "seeds": (1, 3)},
    "noisy_bn": {"layer": (1, 3), "unit": (1, 9), "own_axis": (0, 1), "seeds": (1, 3)},
    "covariate_shift": {"layer": (2, 3), "seeds": (1, 3)},
    "loss_landscape": {
        "seeds": (1, 3),
        "plane": (1, 5),
        "plane_pca": (0, 1),
        "plane_inference": (0, 1),
        "against_loss": (0, 1),
        "wrong_ways": (0, 1),
    },
    "theory": {"seeds": (1, 3)},
}
ALWAYS = ("widths", "steps", "batch_size", "probe_points", "probe_samples", "line_points", "sharpness_points", "seed")
"""Drawn for every link, so that runs are small and none is known from before; of the other fields, some."""


def number(chance: np.random.Generator, low: float, high: float, whole: bool = False) -> float:
    """Anywhere between the bounds, by its size if these are far apart; now and then a bound itself."""
    if chance.random() < 0.25:
        return float(chance.choice([low, high]))
    value = chance.uniform(low, high)
    if high > 100 * max(low, 1e-3):
        value = np.exp(chance.uniform(np.log(max(low, high * 1e-9)), np.log(high)))
    return float(np.clip(round(value), low, high)) if whole else float(value)


def draw(chance: np.random.Generator, name: str):
    """A value of one field, within its bounds and small where it costs time."""
    small = {
        "steps": (1, 30),
        "batch_size": (2, 64),
        "probe_points": (2, 8),
        "probe_samples": (2, 64),
        "line_points": (2, 5),
        "sharpness_points": (2, 3),
        "plane_points": (3, 7),
        "curve_points": (2, 6),
        "test_samples": (1, 400),
    }
    choices = {
        "dataset": DATASETS,
        "network": NETWORKS,
        "activation": tuple(NONLINEARITIES),
        "norm": registry.names("norms"),
        "device": ("auto", "cpu"),
    }
    schema = setting_schemas()[name]
    if name == "widths":
        return [int(chance.integers(1, 13)) for _ in range(chance.integers(1, 6))]
    if name == "percentiles":
        levels = chance.choice(np.round(np.arange(0.5, 100, 0.5), 1), chance.integers(1, 10), replace=False)
        return sorted(float(level) for level in levels)
    if name in small:
        return int(number(chance, *small[name], whole=True))
    if name in choices or "enum" in schema:
        return str(chance.choice(choices.get(name) or schema["enum"]))
    if schema["type"] == "boolean":
        return bool(chance.integers(2))
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) or 1e-30)
    high = schema.get("maximum", 0.999)
    value = number(chance, low, high, schema["type"] == "integer")
    return int(value) if schema["type"] == "integer" else value


def random_link(seed: int) -> tuple[str, dict[str, str]]:
    """A page and the query of a link to it that it takes as it is."""
    chance = np.random.default_rng(seed)
    page = str(chance.choice(list(VIEW)))
    others = [name for name in setting_schemas() if name not in (*ALWAYS, "probes", "binarize")]
    while True:
        names = [*ALWAYS, *chance.choice(others, chance.integers(1, 12), replace=False)]
        query = {name: draw(chance, str(name)) for name in names}
        if chance.random() < 0.1:
            query["batch_size"] = 1000  # all samples, of two data sets
        try:
            config = presets.DEFAULTS[page].with_changes(**query)
        except ValueError:  # settings that do not go together
            continue
        link = config.to_query(presets.DEFAULTS[page])
        if RunConfig.from_query(link, presets.DEFAULTS[page]) == (config, []):
            break
    for name, (low, high) in VIEW[page].items():
        if chance.random() < 0.3:
            value = int(chance.choice([low, high])) if name == "seeds" else int(chance.integers(low, high + 1))
            link[name] = str(value)
    return page, link


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 200))])
def test_random_link_draws_page(seed, opened, finish, words):
    """Its charts, captions and verdicts."""
    page, link = random_link(seed)
    at = finish(opened(page, **link))
    assert not at.exception, link
    assert not at.error, (link, [error.value for error in at.error])
    said = [re.sub(r"`[^`]*`", "", text) for text in words(at, page)]  # settings, of which norm_p may be inf
    assert not [text for text in said if re.search(r"\b(nan|inf|None)\b", text)], link
