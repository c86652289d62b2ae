"""Activation distributions

What enters each hidden unit's nonlinearity, over the whole of training, with and without normalisation
(Ioffe & Szegedy 2015, Fig. 1, and the whole layer, which the paper left out).
"""

from functools import partial

from bnviz.analysis.captions import activations as captions
from bnviz.analysis.captions import learning
from bnviz.analysis.conditions import has_width
from bnviz.analysis.csv_tables import unit_table
from bnviz.core import presets
from bnviz.core.comparison import Comparison
from bnviz.core.presets import DEFAULTS, with_and_without
from bnviz.figures import curves, layer_heatmaps, unit_distribution
from bnviz.ui.page import Group, Layer, Page, Prose, Suggestion, Switch, Table, Unit, Verdict, per_arm
from bnviz.ui.page_view import show

SECTION = "What the papers measured"
ORDER = 10
ICON = ":material/stacked_line_chart:"

PROSE = Prose(
    introduction="""
Every unit of a hidden layer sees inputs that the layers before it make, and those layers keep changing.
""",
    look_for="""
**What to look for.** Compare how far a unit's median wanders with how wide its own distribution is; the sentences above
the charts measure both. With the settings this page opens with, the standard network's units have a narrow distribution
that moves by several times its width, and batch norm holds the width near 2 (the 15th and 85th percentile of a standard
normal are 2.07 apart); on the shared axis the narrow band looks *stiller*, and with an axis for each arm it is seen to
move. A still distribution alone proves nothing about *why* training works: see what a larger learning rate does.
""",
    background="""
Ioffe and Szegedy (2015) called the change of a layer's inputs *internal covariate shift* and made batch norm to reduce
it. Their Figure 1 follows the 15th, 50th and 85th percentile of what enters **one** sigmoid of the last hidden layer:
with batch norm they settle, without it they wander. The page opens with two real networks that train on real digits,
and you can look at **every** unit.
""",
    formulas=(
        r"\mathrm{BN}(x_i)=\gamma\,\frac{x_i-\mu_B}{\sqrt{\sigma_B^2+\varepsilon}}+\beta,\qquad "
        r"\mu_B=\tfrac1m\sum_i x_i,\quad \sigma_B^2=\tfrac1m\sum_i (x_i-\mu_B)^2",
    ),
)

PAGE = Page(
    name="activations",
    question="Does batch norm keep a unit's input distribution still?",
    prose=PROSE,
    opens_with=Comparison(DEFAULTS["activations"], presets.PAIR),
    arms=with_and_without,
    controls=("dataset", "activation", "norm", "learning_rate", "seeds"),
    looks=(
        Layer(3),
        Unit(17),
        Switch("own_axis", "Each arm its own axis", "Otherwise the unit's charts share one axis"),
    ),
    needs=("low",),
    groups=(
        Group("learning", "Does it learn?", {"accuracy": curves.accuracy, "loss": curves.loss}, learning.scores),
        Group(
            "unit",
            "One unit: {unit} of layer {layer}",
            {"bands": per_arm(unit_distribution.bands), "at-cursor": unit_distribution.histogram_at_cursor},
            captions.unit_drift,
        ),
        Group(
            "history",
            "Its whole distribution",
            {"history": per_arm(unit_distribution.history)},
            "Brighter where more of the mini-batch lies.",
        ),
        Group(
            "layer",
            "All units of layer {layer}",
            {"medians": per_arm(layer_heatmaps.medians), "widths": per_arm(layer_heatmaps.widths, has_width)},
            (captions.layer_drift, "Click a unit to look at it above."),
        ),
        Group(
            "drift",
            "Saturation and drift",
            {
                "saturated": layer_heatmaps.saturated,
                "mean-drift": partial(layer_heatmaps.drift, quantity="mean_change"),
                "variance-drift": partial(layer_heatmaps.drift, quantity="variance_change"),
            },
            captions.saturation_and_drift,
        ),
    ),
    judges=(Verdict("ioffe_activations"),),
    tables=(Table("The unit looked at (CSV)", "unit.csv", unit_table),),
    shows_source_of=("activations",),
    suggestions=(
        Suggestion("Learning rate 2", "does the standard network learn now? Do its units move less?", {"lr": "2"}),
        Suggestion("ReLU", "does the standard network still need batch norm?", {"activation": "relu"}),
        Suggestion(
            "One fixed probe batch",
            "how much of the drift was only the chance of mini-batches?",
            {"probe_data": "fixed"},
        ),
    ),
)

show(PAGE)
