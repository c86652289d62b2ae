"""Activation distributions

What enters each hidden unit's nonlinearity, over the whole of training, with and without normalisation
(Ioffe & Szegedy 2015, Fig. 1, and the whole layer, which the paper left out).
"""

from functools import partial

import streamlit as st

from bnviz.analysis.captions import activations, learning
from bnviz.analysis.csv_tables import unit_table
from bnviz.core import registry
from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig
from bnviz.figures import curves, layer_heatmaps, unit_distribution
from bnviz.ui import explain, links
from bnviz.ui.board import Group, board
from bnviz.ui.controls import run_controls, unit_controls
from bnviz.ui.live import comparison_view
from bnviz.ui.notes import notes
from bnviz.ui.part import changing_part
from bnviz.ui.prose import Suggestion, text, try_next
from bnviz.ui.share import titled
from bnviz.ui.shown import Shown
from bnviz.ui.verdicts import verdict_box

SECTION = "What the papers measured"
ORDER = 10
ICON = ":material/stacked_line_chart:"
PAGE = "activations"
DEFAULTS = RunConfig(norm="batch")
VIEW = {"layer": 3, "unit": 17, "own_axis": 0, "seeds": 1}

LEAD = """
Every unit of a hidden layer sees inputs that the layers before it make, and those layers keep changing.
"""
BACKGROUND = """
Ioffe and Szegedy (2015) called the change of a layer's inputs *internal covariate shift* and made batch norm to reduce
it. Their Figure 1 follows the 15th, 50th and 85th percentile of what enters **one** sigmoid of the last hidden layer:
with batch norm they settle, without it they wander. The page opens with two real networks that train on real digits,
and you can look at **every** unit.
"""
WHAT_TO_LOOK_FOR = """
**What to look for.** Compare how far a unit's median wanders with how wide its own distribution is; the sentences above
the charts measure both. With the settings this page opens with, the standard network's units have a narrow distribution
that moves by several times its width, and batch norm holds the width near 2 (the 15th and 85th percentile of a standard
normal are 2.07 apart); on the shared axis the narrow band looks *stiller*, and with an axis for each arm it is seen to
move. A still distribution alone proves nothing about *why* training works: see what a larger learning rate does.
"""
FORMULA = (
    r"\mathrm{BN}(x_i)=\gamma\,\frac{x_i-\mu_B}{\sqrt{\sigma_B^2+\varepsilon}}+\beta,\qquad "
    r"\mu_B=\tfrac1m\sum_i x_i,\quad \sigma_B^2=\tfrac1m\sum_i (x_i-\mu_B)^2"
)
SUGGESTIONS = [
    Suggestion("Learning rate 2", "does the standard network learn now? Do its units move less?", {"lr": "2"}),
    Suggestion("ReLU", "does the standard network still need batch norm?", {"activation": "relu"}),
    Suggestion(
        "One fixed probe batch", "how much of the drift was only the chance of mini-batches?", {"probe_data": "fixed"}
    ),
]


def picture(config: RunConfig, shown: Shown) -> None:
    """The board of this page for one layer and unit."""
    records, repeats = shown.records, shown.repeats
    at, one, shared = unit_controls(PAGE, records)
    links.keep(PAGE, config, DEFAULTS, VIEW)

    wide = [arm for arm, record in records.items() if len(record.config.recorded_percentiles) > 1]

    def build() -> list[Group]:
        return [
            Group(
                "learning",
                "Does it learn?",
                learning.scores(records, repeats),
                {
                    "accuracy": partial(curves.accuracy, records, repeats),
                    "loss": partial(curves.loss, records, repeats),
                },
            ),
            Group(
                "unit",
                f"One unit: {one} of layer {at}",
                activations.unit_drift(records, at, one),
                {f"bands-{arm}": partial(unit_distribution.bands, records, arm, at, one, not shared) for arm in records}
                | {"at-cursor": partial(unit_distribution.histogram_at_cursor, records, at, one)},
            ),
            Group(
                "history",
                "Its whole distribution",
                "Brighter where more of the mini-batch lies.",
                {
                    f"history-{arm}": partial(unit_distribution.history, records, arm, at, one, not shared)
                    for arm in records
                },
            ),
            Group(
                "layer",
                f"All units of layer {at}",
                activations.layer_drift(records, at) + " Click a unit to look at it above.",
                {f"medians-{arm}": partial(layer_heatmaps.medians, records, arm, at) for arm in records}
                | {f"widths-{arm}": partial(layer_heatmaps.widths, records, arm, at) for arm in wide},
            ),
            Group(
                "drift",
                "Saturation and drift",
                activations.saturation_and_drift(records, at),
                {
                    "saturated": partial(layer_heatmaps.saturated, records, at),
                    "mean-drift": partial(layer_heatmaps.drift, records, "mean_change", at),
                    "variance-drift": partial(layer_heatmaps.drift, records, "variance_change", at),
                },
            ),
        ]

    chosen = {"unit": partial(links.pick, PAGE, "unit")}
    board(f"{PAGE}/board", build, shown, (at, one, shared), on_event=chosen, marks={"unit": one})
    looked_at().update(layer=at, unit=one)


def below(shown: Shown) -> None:
    """What the runs amount to, and what can be taken away."""
    explain.what_to_look_for(shown.records, WHAT_TO_LOOK_FOR)
    verdict_box("ioffe_activations", shown)
    of_unit = ("unit.csv", lambda records: unit_table(records, **looked_at()))
    explain.take_away(PAGE, shown.records, {"The unit looked at (CSV)": of_unit})


def looked_at() -> dict[str, int]:
    """Layer and unit, kept where the download finds them that was offered before another unit was chosen."""
    return notes(PAGE).setdefault("looked at", {})


@changing_part(PAGE)
def comparison() -> None:
    """Both arms, as the settings have them."""
    config = run_controls(PAGE)
    if config is not None:
        arms: dict[str, dict[str, str]] = {"standard": {"norm": "none"}}
        if config.norm != "none":
            arms[registry.describe("norms", config.norm).label.lower()] = {}
        comparison_view(PAGE, Comparison(config, arms).configs(), partial(picture, config), below, needs=("low",))


links.open_page(PAGE, DEFAULTS, VIEW)
titled(PAGE, "Does batch norm keep a unit's input distribution still?")
text(LEAD)
comparison()
text(BACKGROUND)
st.latex(FORMULA)
explain.probe_source("activations")
try_next(PAGE, SUGGESTIONS)
