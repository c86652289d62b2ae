"""Wrong ways to measure.

Three common shortcuts beside the right measurement: a band over separate runs at several learning rates, the difference
of consecutive mini-batches' gradients, and gradients in inference mode.
"""

import math

import numpy as np
import xarray as xr

from bnviz import quantities
from bnviz.experiments import Claim, Experiment, Rule, Runs
from bnviz.experiments._statistics import alone, median, middle_value
from bnviz.presets import TEN_LAYERS
from bnviz.record import Record

FIGURE = "Santurkar et al. 2018, Fig. 4"
NORMS = {"standard": "none", "batch norm": "batch"}
LEARNING_RATES = (0.05, 0.1, 0.2, 0.4)
"""Those of the separate runs: what the right probe looks at from a run at 0.1 (1/2 to 4 times it)."""
FACTOR = 1.5
"""Two ranges within this factor count as the same (a choice of bnviz)."""

batch_difference = median(lambda record: record.data["wrong_batch_difference"])


def run_name(arm: str, learning_rate: float) -> str:
    """The arm's run at this learning rate."""
    return arm if learning_rate == LEARNING_RATES[1] else f"{arm}, learning rate {learning_rate:g}"


def band_over_runs(records: list[Record]) -> float:
    """Range of the mini-batch loss over the runs, median over the steps that all of them reached."""
    losses = xr.concat([record.data["train_loss"] for record in records], "run", join="inner")
    return float(np.median(losses.max("run") - losses.min("run")))


def _band_ratio(arm: str) -> Claim:
    def statistic(runs: Runs) -> float:
        wrong = band_over_runs([runs[run_name(arm, rate)] for rate in LEARNING_RATES])
        right = middle_value(quantities.loss_variation(runs[arm]))
        return math.log(wrong / right) if wrong > 0 and right > 0 else math.nan

    return Claim(
        f"band_over_runs_{NORMS[arm]}",
        f"The band over separate runs at several learning rates shows the loss variation along the gradient ({arm}).",
        f"often done for {FIGURE}a",
        "band over runs / range along the gradient, medians over updates",
        statistic,
        Rule("within", math.log(FACTOR)),
        ratio=True,
    )


def _noise_claim(arm: str) -> Claim:
    return Claim(
        f"consecutive_batches_{NORMS[arm]}",
        f"The difference of consecutive gradients shows how the gradient changes along a step ({arm}).",
        f"often done for {FIGURE}b",
        "|g_t − g_(t−1)| at learning rate 0, where no step is made and the right probe reads exactly 0",
        alone(batch_difference, run_name(arm, 0.0)),
        Rule("within", 1e-6),
    )


EXPERIMENT = Experiment(
    question="Is the loss landscape smoother with batch norm?",
    source=FIGURE,
    page="loss_landscape",
    page_order=2,
    base=TEN_LAYERS.model_copy(update={"probes": ("landscape_line", "wrong_ways")}),
    arms={
        run_name(arm, rate): {"norm": norm, "learning_rate": rate}
        for arm, norm in NORMS.items()
        for rate in (*LEARNING_RATES, 0.0)
    },
    claims=(
        *(_band_ratio(arm) for arm in NORMS),
        *(_noise_claim(arm) for arm in NORMS),
        Claim(
            "inference_mode",
            "The gradient in inference mode is that of the training.",
            "landscape libraries that put the network into inference mode",
            "cosine between the two, median over updates, batch norm",
            alone(median(lambda record: record.data["wrong_mode_cosine"]), "batch norm"),
            Rule("above", 0.99),
        ),
    ),
)
