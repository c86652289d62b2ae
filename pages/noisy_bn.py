"""Noisy BN

Four arms: standard, batch norm, batch norm with shifting noise behind it, and the noise alone
(Santurkar et al. 2018, Sec. 2.1, Fig. 2, with the arm that the figure leaves out).
"""

from functools import partial

from bnviz.analysis.captions import learning
from bnviz.analysis.captions import noisy_bn as captions
from bnviz.core import presets
from bnviz.figures import curves, final_accuracy, layer_heatmaps, unit_distribution
from bnviz.ui.page import Group, Layer, Page, Prose, Suggestion, Switch, Unit, Verdict, per_arm
from bnviz.ui.page_view import show

SECTION = "What the papers measured"
ORDER = 20
ICON = ":material/grain:"

INTRODUCTION = """
If batch norm works *because* it keeps each unit's input distribution still, then shaking those distributions should
undo it.
"""
LOOK_FOR = """
**What to look for.** Compare the two drift charts with the accuracy: the arm whose distributions move most need not
be the one that learns least. Then look at the noise without batch norm. And mind how test samples are scored.
"""
BACKGROUND = """
Santurkar et al. (2018) shook the distributions: behind every batch norm they put noise whose own mean and scale are
drawn anew at every step and for every unit, so that distributions shift more than they ever do in a standard network.
Their Figure 2 shows VGG on CIFAR-10: the noisy network, its histograms all over the place, trains about as well as the
one with clean batch norm, and better than the one without. Here are all four arms, the noise on the standard network
included, which the figure leaves out.
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

PAGE = Page(
    name="noisy_bn",
    question="What if we put the shift back?",
    prose=Prose(INTRODUCTION, (LOOK_FOR, captions.scoring_conditions), BACKGROUND, (FORMULA,), SYMBOLS),
    opens_with=presets.NOISY_BN,
    controls=("dataset", "activation", "learning_rate", "seeds"),
    looks=(
        Layer(10),
        Unit(17),
        Switch("own_axis", "Each arm its own axis", "Otherwise the unit's charts share one axis"),
    ),
    needs=("percentile",),
    groups=(
        Group(
            "learning",
            "Who learns?",
            {"accuracy": curves.accuracy, "loss": curves.loss, "final": final_accuracy.final_accuracy},
            learning.scores,
        ),
        Group(
            "drift",
            "Whose distributions move? Layer {layer}",
            {
                "mean-drift": partial(layer_heatmaps.drift, quantity="mean_change"),
                "variance-drift": partial(layer_heatmaps.drift, quantity="variance_change"),
            },
            captions.moment_drift,
        ),
        Group(
            "history",
            "One unit: {unit} of layer {layer}",
            {"history": per_arm(unit_distribution.history)},
            "Its whole distribution over the updates; brighter where more of the mini-batch lies.",
        ),
        Group(
            "layer",
            "All units of layer {layer}",
            {"medians": per_arm(layer_heatmaps.medians)},
            "Each row is a unit. Click one to look at it above.",
        ),
    ),
    judges=(Verdict("noisy_batch_norm"),),
    shows_source_of=("activations",),
    suggestions=(
        Suggestion(
            "Three hidden layers instead of ten",
            "does the noise still stop the standard network?",
            {"widths": "100,100,100", "layer": "3"},
        ),
        Suggestion("Tanh", "does a bounded nonlinearity bear the noise?", {"activation": "tanh"}),
        Suggestion(
            "Keep the noise on at test time", "does the noisy arm score better or worse?", {"noise_at_test": "true"}
        ),
    ),
)

show(PAGE)
