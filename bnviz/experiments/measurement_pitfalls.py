"""Wrong ways to measure.

Four common shortcuts beside the right measurement: a band over separate runs at several learning rates, the difference
of consecutive mini-batches' gradients, gradients in inference mode, and a median over steps that crowd at the start.
"""

import math

import numpy as np
import xarray as xr

from bnviz.analysis import quantities
from bnviz.analysis.phases import Phase
from bnviz.core.presets import TEN_LAYERS
from bnviz.core.record import Record
from bnviz.experiments import Claim, Condition, Experiment, OverTime, Rule, Runs
from bnviz.experiments._over_time import log_of_ratio, single_arm_over_time, time_median
from bnviz.experiments._shift import relative
from bnviz.experiments._statistics import median_value, single_arm

FIGURE = "Santurkar et al. 2018, Fig. 4"
NORMS = {"standard": "none", "batch norm": "batch"}
LEARNING_RATES = (0.05, 0.1, 0.2, 0.4)
"""Learning rates of the separate runs: the range that the right probe covers from a run at 0.1 (1/2 to 4 times it)."""
FACTOR = 1.5
"""Two ranges within this factor count as the same (a choice of bnviz)."""

CROWDED_STEPS = 40
"""Number of steps, half of them log-spaced, over which early versions of bnviz took medians."""


def run_name(arm: str, learning_rate: float) -> str:
    """Return the name of the arm's run at a learning rate."""
    return arm if learning_rate == LEARNING_RATES[1] else f"{arm}, learning rate {learning_rate:g}"


def every_step_run(arm: str) -> str:
    """Return the name of the arm's run in which internal covariate shift is measured at every update."""
    return f"{arm}, every update"


def band_over_runs(records: list[Record]) -> xr.DataArray:
    """Range of the mini-batch loss over the runs, at the steps that all of them reached."""
    losses = xr.concat([record.data["train_loss"] for record in records], "run", join="inner")
    return losses.max("run") - losses.min("run")


def batch_difference(record: Record) -> float:
    """|g_t - g_(t-1)|, median over the measured steps."""
    return median_value(record.data["wrong_batch_difference"])


def mode_cosine(record: Record) -> xr.DataArray:
    """Cosine between the gradients in training and in inference mode."""
    return record.data["wrong_mode_cosine"]


def crowded_steps(last: int) -> list[int]:
    """Half of CROWDED_STEPS evenly spaced, half log-spaced: a third of them lie in the first tenth of the updates."""
    even, logarithmic = np.linspace(0, last, CROWDED_STEPS // 2), np.geomspace(1, last, CROWDED_STEPS // 2)
    return sorted({round(step) for step in (*even, *logarithmic)})


def spacing_effect(runs: Runs) -> float:
    """Log of the ratio of both arms' shift by medians over crowded steps, minus that by medians over all updates."""

    def log_ratio(crowded: bool) -> float:
        medians = []
        for arm in ("batch norm", "standard"):
            record = runs[every_step_run(arm)]
            measured = relative(record)
            steps = crowded_steps(record.config.steps) if crowded else measured["probe_step"]
            finished = record.outcome == "finished"
            medians.append(median_value(measured.sel(probe_step=steps)) if finished else math.nan)
        return log_of_ratio(*medians)

    return log_ratio(crowded=True) - log_ratio(crowded=False)


def _band_ratio(arm: str) -> Claim:
    def in_phase(runs: Runs, phase: Phase) -> float:
        records = [runs[run_name(arm, rate)] for rate in LEARNING_RATES]
        wrong = time_median(lambda _: band_over_runs(records), runs[arm], phase)
        return log_of_ratio(wrong, time_median(quantities.loss_variation, runs[arm], phase))

    return Claim(
        f"band_over_runs_{NORMS[arm]}",
        f"The band over separate runs at several learning rates shows the loss variation along the gradient ({arm}).",
        f"often done for {FIGURE}a",
        (
            Condition(
                "band over runs / range along the gradient, medians over time",
                OverTime(in_phase),
                Rule("within", math.log(FACTOR)),
                ratio=True,
            ),
        ),
    )


def _noise_claim(arm: str) -> Claim:
    return Claim(
        f"consecutive_batches_{NORMS[arm]}",
        f"The difference of consecutive gradients shows how the gradient changes along a step ({arm}).",
        f"often done for {FIGURE}b",
        (
            Condition(
                "|g_t − g_(t−1)| at learning rate 0, where no step is made and the right probe reads exactly 0",
                single_arm(batch_difference, run_name(arm, 0.0)),
                Rule("within", 1e-6),
                diverged="until_then",
            ),
        ),
        check=True,
    )


EXPERIMENT = Experiment(
    question="Is the loss landscape smoother with batch norm?",
    source=FIGURE,
    page="loss_landscape",
    page_order=2,
    base=TEN_LAYERS.with_changes(probes=("landscape_line", "measurement_pitfalls")),
    arms={
        run_name(arm, rate): {"norm": norm, "learning_rate": rate}
        for arm, norm in NORMS.items()
        for rate in (*LEARNING_RATES, 0.0)
    }
    | {
        every_step_run(arm): {"norm": norm, "probes": ("covariate_shift",), "probe_points": 500}
        for arm, norm in NORMS.items()
    },
    claims=(
        *(_band_ratio(arm) for arm in NORMS),
        *(_noise_claim(arm) for arm in NORMS),
        Claim(
            "inference_mode",
            "The gradient in inference mode is that of the training.",
            "landscape libraries that put the network into inference mode",
            (
                Condition(
                    "cosine between the two, median over time, batch norm",
                    single_arm_over_time(mode_cosine, "batch norm"),
                    Rule("above", 0.99),
                ),
            ),
        ),
        Claim(
            "spacing_of_steps",
            "The spacing of the measured steps makes no difference to the verdict on internal covariate shift.",
            "often done: a median over log-spaced steps; by bnviz, too, until it was noticed",
            (
                Condition(
                    "|G − G′| / |G|, batch norm / standard, by medians over 40 steps, half of them log-spaced / the "
                    "same by medians over all updates",
                    spacing_effect,
                    Rule("within", math.log(FACTOR)),
                    ratio=True,
                ),
            ),
        ),
    ),
)
