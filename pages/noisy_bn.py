"""Noisy BN

Four arms: standard, batch norm, batch norm with shifting noise behind it, and the noise alone
(Santurkar et al. 2018, Sec. 2.1, Fig. 2, with the arm that the figure leaves out).
"""

from functools import partial

import streamlit as st

from bnviz.analysis.captions import learning
from bnviz.analysis.captions import noisy_bn as noise_captions
from bnviz.core import presets
from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig
from bnviz.figures import curves, final_accuracy, layer_heatmaps, unit_distribution
from bnviz.ui import explain, links
from bnviz.ui.board import Group, board
from bnviz.ui.controls import run_controls, unit_controls
from bnviz.ui.live import comparison_view
from bnviz.ui.part import changing_part
from bnviz.ui.prose import Suggestion, text, try_next
from bnviz.ui.share import titled
from bnviz.ui.shown import Shown
from bnviz.ui.verdicts import verdict_box

SECTION = "What the papers measured"
ORDER = 20
ICON = ":material/grain:"
PAGE = "noisy_bn"
DEFAULTS = presets.DEFAULTS[PAGE]
VIEW = {"layer": 10, "unit": 17, "own_axis": 0, "seeds": 1}

LEAD = """
If batch norm works *because* it keeps each unit's input distribution still, then shaking those distributions should
undo it.
"""
BACKGROUND = """
Santurkar et al. (2018) shook the distributions: behind every batch norm they put noise whose own mean and scale are
drawn anew at every step and for every unit, so that distributions shift more than they ever do in a standard network.
Their Figure 2 shows VGG on CIFAR-10: the noisy network, its histograms all over the place, trains about as well as the
one with clean batch norm, and better than the one without. Here are all four arms, the noise on the standard network
included, which the figure leaves out.
"""
WHAT_TO_LOOK_FOR = """
**What to look for.** Compare the two drift charts with the accuracy: the arm whose distributions move most need not
be the one that learns least. Then look at the noise without batch norm. And mind how test samples are scored.
"""
FORMULA = (
    r"a_{ij}\leftarrow s_{ij}\,a_{ij}+m_{ij},\qquad m_{ij}\sim U(\mu_j-r_\mu,\ \mu_j+r_\mu),\quad "
    r"s_{ij}\sim N(\sigma_j,\ r_\sigma),\qquad \mu_j\sim U(-n_\mu,\ n_\mu),\quad \sigma_j\sim U(1,\ n_\sigma)"
)
SYMBOLS = r"""
Sample $i$, unit $j$; $\mu$ and $\sigma$ are drawn anew at each step. In the code: `noise_mean` is $n_\mu$ (0.5),
`noise_scale` is $n_\sigma$ (1.25), `noise_spread_mean` $r_\mu$ and `noise_spread_scale` $r_\sigma$ (0.1 each), as in
the paper.
"""
SUGGESTIONS = [
    Suggestion(
        "Three hidden layers instead of ten",
        "does the noise still stop the standard network?",
        {"widths": "100,100,100", "layer": "3"},
    ),
    Suggestion("Tanh", "does a bounded nonlinearity bear the noise?", {"activation": "tanh"}),
    Suggestion(
        "Keep the noise on at test time", "does the noisy arm score better or worse?", {"noise_at_test": "true"}
    ),
]


def picture(config: RunConfig, shown: Shown) -> None:
    """The board for one layer and unit, and what it amounts to."""
    records, repeats = shown.records, shown.repeats
    at, one, shared = unit_controls(PAGE, records)
    links.keep(PAGE, config, DEFAULTS, VIEW)

    def build() -> list[Group]:
        return [
            Group(
                "learning",
                "Who learns?",
                learning.scores(records, repeats),
                {
                    "accuracy": partial(curves.accuracy, records, repeats),
                    "loss": partial(curves.loss, records, repeats),
                    "final": partial(final_accuracy.final_accuracy, records, repeats),
                },
            ),
            Group(
                "drift",
                f"Whose distributions move? Layer {at}",
                noise_captions.moment_drift(records, at),
                {
                    "mean-drift": partial(layer_heatmaps.drift, records, "mean_change", at),
                    "variance-drift": partial(layer_heatmaps.drift, records, "variance_change", at),
                },
            ),
            Group(
                "history",
                f"One unit: {one} of layer {at}",
                "Its whole distribution over the updates; brighter where more of the mini-batch lies.",
                {
                    f"history-{arm}": partial(unit_distribution.history, records, arm, at, one, not shared)
                    for arm in records
                },
            ),
            Group(
                "layer",
                f"All units of layer {at}",
                "Each row is a unit. Click one to look at it above.",
                {f"medians-{arm}": partial(layer_heatmaps.medians, records, arm, at) for arm in records},
            ),
        ]

    chosen = {"unit": partial(links.pick, PAGE, "unit")}
    board(f"{PAGE}/board", build, shown, (at, one, shared), on_event=chosen, marks={"unit": one})


def below(shown: Shown) -> None:
    """What the runs amount to, and what can be taken away."""
    explain.what_to_look_for(
        shown.records, f"{WHAT_TO_LOOK_FOR.rstrip()} {noise_captions.scoring_conditions(shown.records)}"
    )
    verdict_box("noisy_batch_norm", shown)
    explain.take_away(PAGE, shown.records)


@changing_part(PAGE)
def comparison() -> None:
    """The four arms, as the settings have them."""
    config = run_controls(
        PAGE, ("dataset", "activation", "learning_rate", "seeds"), ("Noise", "Network", "Training", "Measuring")
    )
    if config is not None:
        comparison_view(
            PAGE, Comparison(config, presets.FOUR).configs(), partial(picture, config), below, needs=("percentile",)
        )


links.open_page(PAGE, DEFAULTS, VIEW)
titled(PAGE, "What if we put the shift back?")
text(LEAD)
comparison()
text(BACKGROUND)
st.latex(FORMULA)
text(SYMBOLS)
explain.probe_source("activations")
try_next(PAGE, SUGGESTIONS)
