"""Presets: the comparisons that pages open with, and whose records ship with bnviz.

Configurations only: what they show is told by pages, what they test by `bnviz.experiments`, and their records are kept
by `bnviz.records.gallery`. Widths, rates and steps are chosen so that a comparison trains in a few seconds and still
shows what the papers saw; `bnviz.experiments` names settings in which it does not.
"""

from collections.abc import Mapping

from bnviz.core import registry
from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig

PAIR = {"standard": {"norm": "none"}, "batch norm": {"norm": "batch"}}
FOUR = {**PAIR, "noisy batch norm": {"norm": "noisy_batch"}, "noisy standard": {"norm": "noisy_none"}}

ACTIVATIONS = Comparison(RunConfig(), PAIR)
"""Ioffe & Szegedy 2015, Sec. 4.1 and Fig. 1: 3 x 100 sigmoid units, with and without batch normalization."""

TEN_LAYERS = RunConfig(widths=(100,) * 10, activation="relu", init="xavier", batch_size=128, steps=400, probe_points=27)
"""10 x 100 ReLU units: deep enough for the papers' effects to show on digits, small enough to train live."""

NOISY_BN = Comparison(TEN_LAYERS, FOUR)
"""Santurkar et al. 2018, Sec. 2.1 and Fig. 2, with the fourth arm: noise on the standard network."""

COVARIATE_SHIFT = Comparison(
    TEN_LAYERS.with_changes(probes=("covariate_shift", "gradient_flow"), probe_points=40), PAIR
)
"""Santurkar et al. 2018, Def. 2.1 and Fig. 3, in a network that learns to classify."""

DEEP_LINEAR = Comparison(
    RunConfig(
        dataset="linear_map",
        network="deep_linear",
        widths=(10,) * 24,
        init="xavier",
        learning_rate=1e-4,
        batch_size=1000,
        steps=1000,
        probe_points=40,
        probes=("covariate_shift", "gradient_flow"),
    ),
    PAIR,
)
"""The same in the deep linear network of 25 layers, trained by full-batch gradient descent."""

LANDSCAPE = Comparison(TEN_LAYERS.with_changes(probes=("landscape_line", "sharpness"), sharpness_points=27), PAIR)
"""Santurkar et al. 2018, Sec. 3.1 and Fig. 4."""

LANDSCAPE_PLANE = Comparison(LANDSCAPE.base.with_changes(probes=("landscape_plane",)), PAIR)
"""The plane around the weights that those runs end at."""

THEORY = Comparison(
    RunConfig(init="xavier", activation="relu", steps=200, probe_points=24, probes=("theorem", "landscape_line")), PAIR
)
"""Santurkar et al. 2018, Sec. 4, on small networks."""

FORTY_LAYERS = Comparison(
    RunConfig(
        widths=(256,) * 40,
        activation="relu",
        init="he",
        batch_size=128,
        steps=1,
        probe_points=2,
        curve_points=2,
        probes=("gradient_flow",),
    ),
    PAIR,
)
"""Yang et al. 2019, Sec. 3: gradients at initialisation."""

STEP_FACTORS = (0.5, 1.0, 2.0, 4.0)
"""Multiples of the learning rate: the range that Fig. 4 looks at, and of the separate runs that are taken for it."""


def measurement_pitfalls(base: RunConfig, norm: str) -> Comparison:
    """One arm of a landscape, once for each of STEP_FACTORS: separate runs, by their learning rates."""
    rates = [base.learning_rate * factor for factor in STEP_FACTORS]
    arms = {f"learning rate {rate:g}": {"norm": norm, "learning_rate": rate} for rate in rates}
    return Comparison(base.with_changes(probes=("landscape_line", "measurement_pitfalls")), arms)


OVERVIEW = Comparison(ACTIVATIONS.base, {arm: FOUR[arm] for arm in ("standard", "batch norm", "noisy batch norm")})
"""Both answers in one picture: batch norm, and batch norm with the shift put back."""

PRESETS: Mapping[str, Comparison] = {
    "overview": OVERVIEW,
    "activations": ACTIVATIONS,
    "noisy_bn": NOISY_BN,
    "covariate_shift": COVARIATE_SHIFT,
    "deep_linear": DEEP_LINEAR,
    "loss_landscape": LANDSCAPE,
    "landscape_plane": LANDSCAPE_PLANE,
    "theory": THEORY,
    "forty_layers": FORTY_LAYERS,
    "measurement_pitfalls_none": measurement_pitfalls(LANDSCAPE.base, "none"),
    "measurement_pitfalls_batch": measurement_pitfalls(LANDSCAPE.base, "batch"),
}

DEFAULTS: Mapping[str, RunConfig] = {
    "activations": ACTIVATIONS.base.with_changes(norm="batch"),
    "noisy_bn": NOISY_BN.base,
    "covariate_shift": COVARIATE_SHIFT.base,
    "loss_landscape": LANDSCAPE.base,
    "theory": THEORY.base,
}
"""What each page opens with: a link to it says what differs from this. `norm` is an arm's business but on pages that
compare one normalisation of the reader's choice."""

NOTES_RANGE = {"line_from": "0.05", "line_to": "0.4", "line_in": "absolute"}
"""The lecture notes' step lengths, as a link says them."""


def with_and_without(config: RunConfig) -> dict[str, dict[str, str]]:
    """The standard network and, unless it is the same, the network with the chosen normalisation."""
    arms: dict[str, dict[str, str]] = {"standard": {"norm": "none"}}
    if config.norm != "none":
        arms[registry.describe("norms", config.norm).label.lower()] = {}
    return arms
