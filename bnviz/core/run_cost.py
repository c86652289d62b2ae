"""The cost of a run: multiply-adds of the training, and a rough time with all its probes.

Used only to warn of, or to refuse, runs that would take very long.
"""

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bnviz.core import registry

if TYPE_CHECKING:
    from bnviz.core.config import RunConfig

MULTIPLY_ADDS_PER_SECOND = 2e10
SECONDS_PER_LAYER = 1.5e-4
"""What one ordinary core does."""


def estimated_seconds(config: "RunConfig") -> float:
    """Rough time of a run on one core: each layer of a pass costs at least its fixed part, whatever the size."""
    passes = config.steps + sum(_passes(config, probe) for probe in config.probes)
    products = multiply_adds(config) / config.steps / MULTIPLY_ADDS_PER_SECOND
    return passes * max(products, (len(config.widths) + 1) * SECONDS_PER_LAYER)


def multiply_adds(config: "RunConfig") -> float:
    """Rough cost of the training itself, in multiply-adds: three passes over every weight and sample."""
    per_sample = registry.describe("networks", config.network).constants.get("MULTIPLY_ADDS")
    if per_sample is None:
        data = registry.describe("datasets", config.dataset).constants
        sizes = (math.prod(data["INPUT_SHAPE"]), *config.widths, data["CLASSES"])
        per_sample = sum(before * after for before, after in pairwise(sizes))
    return 3.0 * float(per_sample) * config.batch_size * config.steps


def _passes(config: "RunConfig", probe: str) -> float:
    """How many passes over a mini-batch a probe costs in the whole run, by its constants (`bnviz.probes`)."""
    constants = registry.describe("probes", probe).constants
    settings = config.settings()
    each = _product(constants.get("PASSES", 0), settings)
    each += _product(constants.get("PASSES_PER_LAYER", 0), settings) * len(config.widths)
    times = min(config.probe_points, config.steps, _product(constants.get("STEPS", "probe_points"), settings))
    batch = constants.get("BATCH")
    on_fixed = batch == "fixed" or (batch == "probe_data" and config.probe_data == "fixed")
    return times * each * (config.probe_samples / config.batch_size if on_fixed else 1)


def _product(factors: Any, settings: dict[str, Any]) -> float:
    """The product of numbers and of settings by their names; of a single factor, its value."""
    several = factors if isinstance(factors, tuple) else (factors,)
    return math.prod(float(settings[factor] if isinstance(factor, str) else factor) for factor in several)
