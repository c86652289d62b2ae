"""Theory

The theorems of Santurkar et al. 2018, Sec. 4, unit by unit on live networks: both sides, and how much they amount to.
"""

from functools import partial

import streamlit as st

from bnviz.analysis.captions import covariate_shift as shift_captions
from bnviz.analysis.captions import learning
from bnviz.analysis.captions import theory as theory_captions
from bnviz.core import presets
from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.figures import gradient_flow, theory
from bnviz.ui import explain, links
from bnviz.ui.board import Group, board
from bnviz.ui.controls import run_controls
from bnviz.ui.live import comparison_view
from bnviz.ui.part import changing_part
from bnviz.ui.prose import Suggestion, text, try_next
from bnviz.ui.share import titled
from bnviz.ui.shown import Shown
from bnviz.ui.verdicts import verdict_box

SECTION = "What the papers measured"
ORDER = 50
ICON = ":material/function:"
PAGE = "theory"
DEFAULTS = presets.DEFAULTS[PAGE]
VIEW = {"seeds": 1}

LEAD = """
Santurkar et al. (2018) also prove what one batch norm does to the gradient at each unit.
"""
BACKGROUND = """
Put batch norm into one layer, leave everything else as it is, and the gradient at each unit loses its mean and its
part along the unit's own output (Theorem 4.1), and so does the curvature along it, **if** the gradient points the
right way (Theorem 4.2). Proofs hold whatever we measure; what a live network can tell is how much they amount to
there, and whether their conditions are met. Here both sides of each theorem are computed in double precision, unit by
unit, on small networks as they train.
"""
WHAT_TO_LOOK_FOR = """
**What to look for.** Points on the diagonal: the two sides agree to rounding, so Theorem 4.1 is an equality. Then how
far |Pg| / |g| is below 1: this is all that matched batch norm takes off a unit's gradient, some per cent with the
settings this page opens with. And the sign of ⟨g, ŷ⟩: where it is negative, the last term of Theorem 4.2 *adds*
curvature. The theorems compare a network with itself, one layer changed and no activation different; they do not
compare two networks that were trained apart.
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
SUGGESTIONS = [
    Suggestion("Sigmoid", "does batch norm take more off the gradient?", {"activation": "sigmoid"}),
    Suggestion("Mini-batches of 4", "what is left of a unit's gradient?", {"batch": "4"}),
    Suggestion(
        "Ten hidden layers", "does the condition of Theorem 4.2 hold deeper down?", {"widths": ",".join(["100"] * 10)}
    ),
]


def picture(config: RunConfig, shown: Shown) -> None:
    """The board, and what it amounts to."""
    records, repeats = shown.records, shown.repeats
    links.keep(PAGE, config, DEFAULTS, VIEW)

    def build() -> list[Group]:
        deep = forty_layers(shown)
        return [
            Group(
                "exact",
                "Do the two sides agree?",
                f"{learning.scores(records, repeats)} {theory_captions.exactness(records)}",
                {
                    "gradient-norms": partial(theory.gradient_norms, records),
                    "curvatures": partial(theory.curvatures, records),
                    "residuals": partial(theory.residuals, records),
                },
            ),
            Group(
                "amount",
                "How much does batch norm take off the gradient?",
                theory_captions.gradient_reduction(records),
                {"let-through": partial(theory.gradient_reduction, records)},
            ),
            Group(
                "condition",
                "Is the condition of Theorem 4.2 met?",
                theory_captions.condition(records),
                {"alignment": partial(theory.alignment_share, records, repeats)},
            ),
            Group(
                "weights",
                "In weight space",
                theory_captions.lemma(records),
                {
                    "weight-gradients": partial(theory.weight_gradients, records),
                    "starting-points": partial(theory.starting_points, records),
                    "lipschitz": partial(theory.lipschitz, records, repeats),
                },
            ),
            Group(
                "depth",
                "Forty layers, before the first update",
                f"A favourable start? {shift_captions.gradient_growth(deep)}" if deep else "Not trained yet.",
                {
                    "deep-gradients": partial(gradient_flow.gradients, deep),
                    "deep-signals": partial(gradient_flow.signals, deep),
                }
                if deep
                else {},
            ),
        ]

    board(f"{PAGE}/board", build, shown)


def below(shown: Shown) -> None:
    """What the runs amount to, and what can be taken away."""
    text(WHAT_TO_LOOK_FOR)
    verdict_box("theorems", shown)
    if deep := forty_layers(shown):
        verdict_box("gradient_explosion", Shown.of(deep), "The verdict on forty layers")
    explain.take_away(PAGE, shown.records)


def forty_layers(shown: Shown) -> dict[str, Record]:
    """The records of the forty layers by arm, once both have ended."""
    found = {arm: shown.also.get(f"forty layers, {arm}") for arm in shown.records}
    there = {arm: record for arm, record in found.items() if record is not None}
    return there if len(there) == len(found) else {}


def also() -> dict[str, RunConfig]:
    """Gradients through forty layers at initialisation, whatever the controls say."""
    return {f"forty layers, {arm}": one for arm, one in presets.FORTY_LAYERS.configs().items()}


@changing_part(PAGE)
def comparison() -> None:
    """Both arms, as the settings have them."""
    config = run_controls(
        PAGE, ("dataset", "activation", "learning_rate", "batch_size", "seeds"), ("Network", "Training")
    )
    if config is not None:
        comparison_view(
            PAGE,
            Comparison(config, presets.PAIR).configs(),
            partial(picture, config),
            below,
            needs=("theorem_ratio",),
            also=also,
        )


links.open_page(PAGE, DEFAULTS, VIEW)
titled(PAGE, "Do the theorems hold on this network?")
text(LEAD)
comparison()
text(BACKGROUND)
st.latex(FORMULA)
st.latex(CURVATURE)
text(SYMBOLS)
explain.probe_source("theorem")
try_next(PAGE, SUGGESTIONS)
