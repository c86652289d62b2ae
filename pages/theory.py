"""Theory

The theorems of Santurkar et al. 2018, Sec. 4, unit by unit on live networks: both sides, and how much they amount to.
"""

from bnviz.analysis.captions import learning
from bnviz.analysis.captions import theory as captions
from bnviz.analysis.captions.covariate_shift import gradient_growth
from bnviz.core import presets
from bnviz.figures import gradient_flow, theory
from bnviz.records.further_runs import forty_layers
from bnviz.ui.page import Group, Page, Prose, Suggestion, Verdict
from bnviz.ui.page_view import show

SECTION = "What the papers measured"
ORDER = 50
ICON = ":material/function:"

INTRODUCTION = """
Santurkar et al. (2018) also prove what one batch norm does to the gradient at each unit.
"""
LOOK_FOR = """
**What to look for.** Points on the diagonal: the two sides agree to rounding, so Theorem 4.1 is an equality. Then how
far |Pg| / |g| is below 1: this is all that matched batch norm takes off a unit's gradient, some per cent with the
settings this page opens with. And the sign of ⟨g, ŷ⟩: where it is negative, the last term of Theorem 4.2 *adds*
curvature. The theorems compare a network with itself, one layer changed and no activation different; they do not
compare two networks that were trained apart.
"""
BACKGROUND = """
Put batch norm into one layer, leave everything else as it is, and the gradient at each unit loses its mean and its
part along the unit's own output (Theorem 4.1), and so does the curvature along it, **if** the gradient points the
right way (Theorem 4.2). Proofs hold whatever we measure; what a live network can tell is how much they amount to
there, and whether their conditions are met. Here both sides of each theorem are computed in double precision, unit by
unit, on small networks as they train.
"""
FORMULA = (
    r"\lVert\nabla_{y_j}\hat L\rVert^2=\frac{\gamma^2}{\sigma_j^2}\Big(\lVert g\rVert^2-\tfrac1m\langle 1,g\rangle^2"
    r"-\tfrac1m\langle g,\hat y\rangle^2\Big)=\frac{\gamma^2}{\sigma_j^2}\lVert Pg\rVert^2,\qquad g=\nabla_{z_j}L"
)
CURVATURE = (
    r"v^\top\nabla^2_{y_j}\hat L\,v=\frac{\gamma^2}{\sigma_j^2}\,v^\top\nabla^2_{z_j}L\,v"
    r"-\frac{\gamma}{m\,\sigma_j^2}\langle g,\hat y\rangle\lVert v\rVert^2,\qquad v=\nabla_{y_j}\hat L"
)
SYMBOLS = """
Unit j over a mini-batch of m samples: y is what enters batch norm, ŷ standardised, z = γŷ + β what leaves it. In the
standard network batch norm is put in with γ = σ and β = µ of the batch, so that no activation changes (Observation
4.3). Shown for ε = 0; computed with the run's own ε, exactly. Theorem 4.1 is often printed as ≤; it is an equality.
"""

PAGE = Page(
    name="theory",
    question="Do the theorems hold on this network?",
    prose=Prose(INTRODUCTION, LOOK_FOR, BACKGROUND, (FORMULA, CURVATURE), SYMBOLS),
    opens_with=presets.THEORY,
    controls=("dataset", "activation", "learning_rate", "batch_size", "seeds"),
    more=("Network", "Training"),
    also_runs={"forty_layers": forty_layers},
    needs=("theorem_ratio",),
    groups=(
        Group(
            "exact",
            "Do the two sides agree?",
            {
                "gradient-norms": theory.gradient_norms,
                "curvatures": theory.curvatures,
                "residuals": theory.residuals,
            },
            (learning.scores, captions.exactness),
        ),
        Group(
            "amount",
            "How much does batch norm take off the gradient?",
            {"let-through": theory.gradient_reduction},
            captions.gradient_reduction,
        ),
        Group(
            "condition",
            "Is the condition of Theorem 4.2 met?",
            {"alignment": theory.alignment_share},
            captions.condition,
        ),
        Group(
            "weights",
            "In weight space",
            {
                "weight-gradients": theory.weight_gradients,
                "starting-points": theory.starting_points,
                "lipschitz": theory.lipschitz,
            },
            captions.lemma,
        ),
        Group(
            "depth",
            "Forty layers, before the first update",
            {"deep-gradients": gradient_flow.gradients, "deep-signals": gradient_flow.signals},
            ("A favourable start?", gradient_growth),
            of="forty_layers",
        ),
    ),
    judges=(Verdict("theorems"), Verdict("gradient_explosion", "The verdict on forty layers", of="forty_layers")),
    shows_source_of=("theorem",),
    suggestions=(
        Suggestion("Sigmoid", "does batch norm take more off the gradient?", {"activation": "sigmoid"}),
        Suggestion("Mini-batches of 4", "what is left of a unit's gradient?", {"batch": "4"}),
        Suggestion(
            "Ten hidden layers",
            "does the condition of Theorem 4.2 hold deeper down?",
            {"widths": ",".join(["100"] * 10)},
        ),
    ),
)

show(PAGE)
