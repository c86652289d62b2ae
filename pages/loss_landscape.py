"""Loss landscape

How far the loss and its gradient change along the gradient of each step (Santurkar et al. 2018, Fig. 4), the largest
curvature, the plane around the weights, and the common wrong ways to measure it.
"""

from functools import partial

from bnviz.analysis.captions import learning
from bnviz.analysis.captions import loss_landscape as captions
from bnviz.analysis.conditions import has_plane, several_eigenvalues
from bnviz.core import presets
from bnviz.figures import curves, gradient_ray, landscape, measurement_pitfalls, plane, sharpness
from bnviz.records.further_runs import pitfalls, pitfalls_stored, planes
from bnviz.ui.page import Action, Group, Hidden, Page, Prose, Suggestion, Switch, Verdict, per_arm, where
from bnviz.ui.page_view import show

SECTION = "What the papers measured"
ORDER = 40
ICON = ":material/landscape:"

INTRODUCTION = """
Santurkar et al. (2018) say that batch norm works because it makes the loss smoother.
"""
LOOK_FOR = """
**What to look for.** The shaded band is the **range over step lengths** within one run; it is not an uncertainty. A
narrow band and a cosine near 1 mean that the gradient can be trusted over longer steps. Raw numbers shrink merely
because weights grow in front of a batch norm, so read them beside the relative ones. The largest Hessian eigenvalue λ
does not depend on a step length. Read the first tenth of the updates apart from the rest: an order of the two networks
that holds there need not hold later, and the verdicts judge each phase by itself.
"""
BACKGROUND = """
Figure 4 of Santurkar et al. (2018) looks from each training step along the gradient of that step's own mini-batch,
further than the step itself goes: (a) how far the loss ranges, (b) how far the gradient there is from the gradient
here ("gradient predictiveness"), (c) how fast it changes, the *effective β-smoothness*. With batch norm, on VGG, all
three are smaller and steadier. Here the same is measured on small networks as they train, with the noise held still
and the running statistics frozen.
"""
FORMULA = (
    r"\ell(\alpha)=L(\theta-\alpha g),\quad g=\nabla L(\theta):\qquad "
    r"\max_\alpha\ell-\min_\alpha\ell,\qquad \max_\alpha\lVert\nabla L(\theta-\alpha g)-g\rVert,\qquad "
    r"\max_\alpha\frac{\lVert\nabla L(\theta-\alpha g)-g\rVert}{\lVert\alpha g\rVert}"
)
SYMBOLS = """
All parameters θ together, K step lengths α, evenly spaced over the range (geometrically, if it spans more than a
factor of ten); the same mini-batch, the same noise, batch statistics. Training itself follows its learning rate alone.
λ is the algebraically largest Hessian eigenvalue on one fixed batch, by Lanczos. Unless you choose otherwise, the line
follows the gradient g of the training mini-batch, in float32, and the fixed batch has 512 samples.
"""
TRAINS_AGAIN = "trains each arm once more"

PAGE = Page(
    name="loss_landscape",
    question="Is the loss landscape smoother with batch norm?",
    prose=Prose(INTRODUCTION, (LOOK_FOR, captions.beta_artefact), BACKGROUND, (FORMULA,), SYMBOLS),
    opens_with=presets.LANDSCAPE,
    controls=("dataset", "activation", "learning_rate", "line_range", "seeds"),
    more=("Line", "Network", "Training", "Measuring"),
    looks=(
        Switch(
            "against_loss", "Against the loss", "Instead of against updates: compares the arms where they are as good"
        ),
        Switch("plane_pca", "Plane of principal components", f"Instead of shared random directions; {TRAINS_AGAIN}"),
        Switch(
            "plane_inference", "Plane in inference mode", f"Running statistics, not the batch's own; {TRAINS_AGAIN}"
        ),
        Switch("wrong_ways", "Wrong ways beside it", "Trains each arm at further learning rates", pitfalls_stored),
        Hidden("plane"),
    ),
    also_runs={"planes": planes, "pitfalls": pitfalls},
    needs=("line_loss",),
    groups=(
        Group(
            "variation",
            captions.variation_title,
            {
                "band": landscape.loss_band,
                "variation": landscape.loss_variation,
                "relative-variation": landscape.relative_loss_variation,
                "accuracy": curves.accuracy,
            },
            (learning.scores, captions.loss_variation),
            "Hatched: the range over step lengths within one run. It is not an uncertainty.",
        ),
        Group(
            "predictiveness",
            "Does the gradient predict what is ahead?",
            {
                "change": landscape.gradient_change,
                "relative-change": landscape.relative_gradient_change,
                "cosine": landscape.least_cosine,
            },
            captions.predictiveness,
            captions.rounding,
        ),
        Group(
            "ray",
            "The ray at the cursor",
            {
                "ray-loss-alpha": partial(gradient_ray.loss_change, over="alpha"),
                "ray-gradient-alpha": partial(gradient_ray.gradient_change, over="alpha"),
                "ray-loss-distance": partial(gradient_ray.loss_change, over="distance"),
                "ray-gradient-distance": partial(gradient_ray.gradient_change, over="distance"),
            },
            captions.ray,
            captions.rounding,
        ),
        Group(
            "smoothness",
            "How smooth, and how sharp?",
            {
                "smoothness": landscape.effective_smoothness,
                "sharpness": sharpness.smoothness_and_sharpness,
                "scale-invariant": sharpness.scale_invariant,
                "eigenvalues": where(several_eigenvalues, sharpness.eigenvalues),
            },
            captions.smoothness,
            captions.rounding,
        ),
        Group(
            "plane",
            "The plane around the weights",
            {"surface": per_arm(plane.surface, has_plane), "contour": per_arm(plane.contour, has_plane)},
            captions.plane,
            action=Action("Map the plane at update {step}", "plane"),
            of="planes",
        ),
        Group(
            "wrong",
            "Wrong ways to measure it",
            {
                "wrong-band": measurement_pitfalls.runs_band,
                "right-band": measurement_pitfalls.ray_band,
                "wrong-difference": measurement_pitfalls.batch_difference,
                "right-difference": measurement_pitfalls.along_step,
            },
            captions.pitfalls,
            of="pitfalls",
            only_if=lambda records, arms: len(records) == len(arms),
        ),
    ),
    judges=(Verdict("loss_landscape"),),
    shows_source_of=("landscape_line", "sharpness", "landscape_plane", "measurement_pitfalls"),
    suggestions=(
        Suggestion("Tanh", "without kinks, does β settle?", {"activation": "tanh"}),
        Suggestion("Sigmoid", "whose band is wider now, and who learns?", {"activation": "sigmoid"}),
        Suggestion("The lecture notes' range of step lengths", "which numbers depend on it?", presets.NOTES_RANGE),
    ),
)

show(PAGE)
