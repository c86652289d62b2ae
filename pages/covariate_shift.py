"""Internal covariate shift

How much a layer's gradient changes because the layers in front of it make their step
(Santurkar et al. 2018, Def. 2.1, Fig. 3), in networks that classify and in the paper's deep linear network.
"""

from functools import partial
from urllib.parse import urlencode

import streamlit as st

from bnviz.analysis.captions import covariate_shift as shift_captions
from bnviz.analysis.captions import learning
from bnviz.core import presets
from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig
from bnviz.figures import covariate_shift, curves, gradient_flow
from bnviz.ui import explain, links
from bnviz.ui.board import Group, board
from bnviz.ui.controls import layer_control, run_controls
from bnviz.ui.live import comparison_view
from bnviz.ui.part import changing_part
from bnviz.ui.prose import Suggestion, text, try_next
from bnviz.ui.share import titled
from bnviz.ui.shown import Shown
from bnviz.ui.verdicts import verdict_box

SECTION = "What the papers measured"
ORDER = 30
ICON = ":material/swap_vert:"
PAGE = "covariate_shift"
DEFAULTS = presets.DEFAULTS[PAGE]
VIEW = {"layer": 6, "seeds": 1}

LEAD = """
Ioffe and Szegedy (2015) named *internal covariate shift*, but did not measure it. Santurkar et al. (2018) did.
"""
BACKGROUND = """
Santurkar et al. (2018) gave internal covariate shift a number: take a layer's gradient G; let the layers **in front of
it** make their step (all their parameters: weights, biases, and batch norm's γ and β), leave the batch as it is, and
take the gradient again, G′. If what the layer is handed had not changed, the two would be equal. Their Figure 3 plots
the distance |G − G′| and the cosine between the two over training, for VGG and for a deep linear network of 25 layers:
with batch norm the cosine is often *lower*, that is, batch norm does not reduce the shift but tends to raise it, and
the network trains better all the same.
"""
WHAT_TO_LOOK_FOR = """
**What to look for.** A cosine of 1 and a distance of 0 mean that the layer's view has not changed. The raw distance
is small wherever gradients are small, so a network that is stuck has little of it: read it beside the relative
distance and the accuracy. Nothing is in front of the first layer, so its shift is 0 by definition. Read the first tenth
of the updates apart from the rest: which network has more of the shift can turn round on the way. It also depends on
depth and step size; the verdicts name the phases and the settings in which it turns.
"""
FORMULA = (
    r"G_i=\nabla_{W_i^{(t)}}L\big(W_1^{(t)},\dots,W_k^{(t)};\,x^{(t)}\big),\qquad "
    r"G_i'=\nabla_{W_i^{(t)}}L\big(W_1^{(t+1)},\dots,W_{i-1}^{(t+1)},\,W_i^{(t)},\dots,W_k^{(t)};\,x^{(t)}\big)"
)

SYMBOLS = """
Layer i of k, update t. The step is the optimiser's real one. The paper writes W for what moves; here **all** parameters
of the layers in front move: weights, biases, and the γ and β of their batch norm. G is the gradient of the layer's
weight matrix alone, on the mini-batch that the step is made with.
"""
DEEP_LINEAR = f"/{PAGE}?{urlencode(presets.DEEP_LINEAR.base.to_query(DEFAULTS) | {'layer': '20'}, safe=',')}"
SUGGESTIONS = [
    Suggestion(
        "Three hidden layers instead of ten",
        "which of the two networks has more of the shift now?",
        {"widths": "100,100,100", "layer": "2"},
    ),
    Suggestion("A tenth of the learning rate", "what does the size of the step do to it?", {"lr": "0.01"}),
    Suggestion("Adam", "the step is another rule's: does the order of the two networks change?", {"optimizer": "adam"}),
]


def picture(config: RunConfig, shown: Shown) -> None:
    """The board for one layer, and what it amounts to."""
    records, repeats = shown.records, shown.repeats
    at = layer_control(PAGE, next(iter(records.values())).data.sizes["weight_layer"], first=2)
    links.keep(PAGE, config, DEFAULTS, VIEW)

    def build() -> list[Group]:
        scores = {"accuracy": partial(curves.accuracy, records, repeats)} if classifies(shown) else {}
        return [
            Group(
                "learning",
                "Does it learn?",
                learning.scores(records, repeats) + ("" if scores else " Numbers are learned here, not classes."),
                scores | {"loss": partial(curves.loss, records, repeats)},
            ),
            Group(
                "layer",
                f"Layer {at}: how much do the layers in front change its gradient?",
                shift_captions.gradient_shift(records, at),
                {
                    "cosine": partial(covariate_shift.shift_lines, records, "cosine", at, repeats),
                    "relative": partial(covariate_shift.shift_lines, records, "relative", at, repeats),
                    "raw": partial(covariate_shift.shift_lines, records, "l2", at, repeats),
                },
            ),
            Group(
                "depth",
                "At the cursor, by depth",
                "Layer 1 is next to the input, and nothing is in front of it.",
                {
                    "cosine-by-layer": partial(covariate_shift.by_layer, records, "cosine"),
                    "relative-by-layer": partial(covariate_shift.by_layer, records, "relative"),
                },
            ),
            Group(
                "all",
                "All layers at all updates",
                "Each row is a layer. Click one to look at it above.",
                {f"map-{arm}": partial(covariate_shift.shift_map, records, arm, "cosine") for arm in records},
            ),
            Group(
                "flow",
                "Signals and gradients by depth",
                shift_captions.gradient_growth(records),
                {
                    "gradients": partial(gradient_flow.gradients, records),
                    "weight-gradients": partial(gradient_flow.weight_gradients, records),
                    "signals": partial(gradient_flow.signals, records),
                },
            ),
        ]

    board(f"{PAGE}/board", build, shown, (at,), {"layer": partial(links.pick, PAGE, "layer")}, {"layer": at})


def below(shown: Shown) -> None:
    """What the runs amount to, and what can be taken away."""
    explain.what_to_look_for(shown.records, WHAT_TO_LOOK_FOR)
    verdict_box("covariate_shift_mlp" if classifies(shown) else "covariate_shift_dln", shown)
    explain.take_away(PAGE, shown.records)


def classifies(shown: Shown) -> bool:
    """Whether the runs have an accuracy."""
    return all("test_accuracy" in record.data for record in shown.records.values())


@changing_part(PAGE)
def comparison() -> None:
    """Both arms, as the settings have them."""
    config = run_controls(
        PAGE, ("dataset", "activation", "learning_rate", "steps", "seeds"), ("Network", "Training", "Measuring")
    )
    if config is not None:
        comparison_view(
            PAGE, Comparison(config, presets.PAIR).configs(), partial(picture, config), below, needs=("shift_cosine",)
        )


links.open_page(PAGE, DEFAULTS, VIEW)
titled(PAGE, "Does batch norm reduce internal covariate shift?")
text(LEAD)
comparison()
text(BACKGROUND)
text(f"The page opens with networks that classify; [the paper's deep linear network]({DEEP_LINEAR}) is a link away.")
st.latex(FORMULA)
text(SYMBOLS)
explain.probe_source("covariate_shift", "gradient_flow")
try_next(PAGE, SUGGESTIONS)
