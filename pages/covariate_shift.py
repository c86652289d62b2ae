"""Internal covariate shift

How much a layer's gradient changes because the layers in front of it make their step
(Santurkar et al. 2018, Def. 2.1, Fig. 3), in networks that classify and in the paper's deep linear network.
"""

from functools import partial
from urllib.parse import urlencode

from bnviz.analysis.captions import covariate_shift as captions
from bnviz.analysis.captions import learning
from bnviz.analysis.conditions import classifies, learns_values
from bnviz.core import presets
from bnviz.figures import covariate_shift, curves, gradient_flow
from bnviz.ui.page import Group, Layer, Page, Prose, Suggestion, Verdict, per_arm, where
from bnviz.ui.page_view import show

SECTION = "What the papers measured"
ORDER = 30
ICON = ":material/swap_vert:"

INTRODUCTION = """
Ioffe and Szegedy (2015) named *internal covariate shift*, but did not measure it. Santurkar et al. (2018) did.
"""
LOOK_FOR = """
**What to look for.** A cosine of 1 and a distance of 0 mean that the layer's view has not changed. The raw distance
is small wherever gradients are small, so a network that is stuck has little of it: read it beside the relative
distance and the accuracy. Nothing is in front of the first layer, so its shift is 0 by definition. Read the first tenth
of the updates apart from the rest: which network has more of the shift can turn round on the way. It also depends on
depth and step size; the verdicts name the phases and the settings in which it turns.
"""
DEEP_LINEAR = urlencode(
    presets.DEEP_LINEAR.base.to_query(presets.DEFAULTS["covariate_shift"]) | {"layer": "20"}, safe=","
)
BACKGROUND = f"""
Santurkar et al. (2018) gave internal covariate shift a number: take a layer's gradient G; let the layers **in front of
it** make their step (all their parameters: weights, biases, and batch norm's γ and β), leave the batch as it is, and
take the gradient again, G′. If what the layer is handed had not changed, the two would be equal. Their Figure 3 plots
the distance |G − G′| and the cosine between the two over training, for VGG and for a deep linear network of 25 layers:
with batch norm the cosine is often *lower*, that is, batch norm does not reduce the shift but tends to raise it, and
the network trains better all the same.

The page opens with networks that classify; [the paper's deep linear network](/covariate_shift?{DEEP_LINEAR}) is a link
away.
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

PAGE = Page(
    name="covariate_shift",
    question="Does batch norm reduce internal covariate shift?",
    prose=Prose(INTRODUCTION, LOOK_FOR, BACKGROUND, (FORMULA,), SYMBOLS),
    opens_with=presets.COVARIATE_SHIFT,
    controls=("dataset", "activation", "learning_rate", "steps", "seeds"),
    looks=(Layer(6, first=2, dimension="weight_layer"),),
    needs=("shift_cosine",),
    groups=(
        Group(
            "learning",
            "Does it learn?",
            {"accuracy": where(classifies, curves.accuracy), "loss": curves.loss},
            learning.scores,
        ),
        Group(
            "layer",
            "Layer {layer}: how much do the layers in front change its gradient?",
            {
                "cosine": partial(covariate_shift.shift_lines, quantity="cosine"),
                "relative": partial(covariate_shift.shift_lines, quantity="relative"),
                "raw": partial(covariate_shift.shift_lines, quantity="l2"),
            },
            captions.gradient_shift,
        ),
        Group(
            "depth",
            "At the cursor, by depth",
            {
                "cosine-by-layer": partial(covariate_shift.by_layer, quantity="cosine"),
                "relative-by-layer": partial(covariate_shift.by_layer, quantity="relative"),
            },
            "Layer 1 is next to the input, and nothing is in front of it.",
        ),
        Group(
            "all",
            "All layers at all updates",
            {"map": per_arm(partial(covariate_shift.shift_map, quantity="cosine"))},
            "Each row is a layer. Click one to look at it above.",
        ),
        Group(
            "flow",
            "Signals and gradients by depth",
            {
                "gradients": gradient_flow.gradients,
                "weight-gradients": gradient_flow.weight_gradients,
                "signals": gradient_flow.signals,
            },
            captions.gradient_growth,
        ),
    ),
    judges=(
        Verdict("covariate_shift_mlp", only_if=classifies),
        Verdict("covariate_shift_dln", only_if=learns_values),
    ),
    shows_source_of=("covariate_shift", "gradient_flow"),
    suggestions=(
        Suggestion(
            "Three hidden layers instead of ten",
            "which of the two networks has more of the shift now?",
            {"widths": "100,100,100", "layer": "2"},
        ),
        Suggestion("A tenth of the learning rate", "what does the size of the step do to it?", {"lr": "0.01"}),
        Suggestion(
            "Adam", "the step is another rule's: does the order of the two networks change?", {"optimizer": "adam"}
        ),
    ),
)

show(PAGE)
