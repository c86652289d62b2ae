"""Loss landscape

How far the loss and its gradient change along the gradient of each step (Santurkar et al. 2018, Fig. 4), the largest
curvature, the plane around the weights, and the common wrong ways to measure it.
"""

from collections.abc import Mapping
from functools import partial

import streamlit as st
from pydantic import ValidationError

from bnviz.analysis import quantities
from bnviz.analysis.captions import learning
from bnviz.analysis.captions import loss_landscape as landscape_captions
from bnviz.analysis.captions.shared import batches_differ
from bnviz.analysis.loss_plane import last_plane
from bnviz.core import presets
from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.figures import curves, gradient_ray, landscape, measurement_pitfalls, plane, sharpness
from bnviz.records import gallery
from bnviz.ui import explain, links
from bnviz.ui.board import Action, Group, board
from bnviz.ui.controls import run_controls
from bnviz.ui.live import comparison_view
from bnviz.ui.part import changing_part
from bnviz.ui.prose import Suggestion, text, try_next
from bnviz.ui.share import titled
from bnviz.ui.shown import Shown
from bnviz.ui.verdicts import verdict_box

SECTION = "What the papers measured"
ORDER = 40
ICON = ":material/landscape:"
PAGE = "loss_landscape"
DEFAULTS = presets.DEFAULTS[PAGE]
VIEW = {"seeds": 1, "plane": 0, "plane_pca": 0, "plane_inference": 0, "against_loss": 0, "wrong_ways": 0}

LEAD = """
Santurkar et al. (2018) say that batch norm works because it makes the loss smoother.
"""
BACKGROUND = """
Figure 4 of Santurkar et al. (2018) looks from each training step along the gradient of that step's own mini-batch,
further than the step itself goes: (a) how far the loss ranges, (b) how far the gradient there is from the gradient
here ("gradient predictiveness"), (c) how fast it changes, the *effective β-smoothness*. With batch norm, on VGG, all
three are smaller and steadier. Here the same is measured on small networks as they train, with the noise held still
and the running statistics frozen.
"""
WHAT_TO_LOOK_FOR = """
**What to look for.** The shaded band is the **range over step lengths** within one run; it is not an uncertainty. A
narrow band and a cosine near 1 mean that the gradient can be trusted over longer steps. Raw numbers shrink merely
because weights grow in front of a batch norm, so read them beside the relative ones. The largest Hessian eigenvalue λ
does not depend on a step length. Read the first tenth of the updates apart from the rest: an order of the two networks
that holds there need not hold later, and the verdicts judge each phase by itself.
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
SUGGESTIONS = [
    Suggestion("Tanh", "without kinks, does β settle?", {"activation": "tanh"}),
    Suggestion("Sigmoid", "whose band is wider now, and who learns?", {"activation": "sigmoid"}),
    Suggestion("The lecture notes' range of step lengths", "which numbers depend on it?", presets.NOTES_RANGE),
]


def picture(config: RunConfig, shown: Shown) -> None:
    """The board, and what it amounts to."""
    records, repeats = shown.records, shown.repeats
    toggles = look_controls(all_stored(wrong_way_runs(config)))
    links.keep(PAGE, config, DEFAULTS, VIEW)
    against_loss = bool(toggles[0])
    several = any(record.config.sharpness_count > 1 for record in records.values())
    planes = {arm: shown.also[f"plane, {arm}"] for arm in records if f"plane, {arm}" in shown.also}

    def build() -> list[Group]:
        rounding = landscape_captions.rounding(records)
        mapped = [arm for arm, record in planes.items() if last_plane(record) is not None]
        return [
            Group(
                "variation",
                f"How far does the loss range along {quantities.direction(records)}?",
                f"{learning.scores(records, repeats)} {landscape_captions.loss_variation(records)}",
                {
                    "band": partial(landscape.loss_band, records),
                    "variation": partial(landscape.loss_variation, records, repeats, against_loss),
                    "relative-variation": partial(landscape.relative_loss_variation, records, repeats, against_loss),
                    "accuracy": partial(curves.accuracy, records, repeats),
                },
                note="Hatched: the range over step lengths within one run. It is not an uncertainty.",
            ),
            Group(
                "predictiveness",
                "Does the gradient predict what is ahead?",
                landscape_captions.predictiveness(records),
                {
                    "change": partial(landscape.gradient_change, records, repeats, against_loss),
                    "relative-change": partial(landscape.relative_gradient_change, records, repeats, against_loss),
                    "cosine": partial(landscape.least_cosine, records, repeats, against_loss),
                },
                note=rounding,
            ),
            Group(
                "ray",
                "The ray at the cursor",
                f"From the weights at this update, against {quantities.direction(records)}: at the same α, and at the "
                "same distance.",
                {
                    "ray-loss-alpha": partial(gradient_ray.loss_change, records, "alpha"),
                    "ray-gradient-alpha": partial(gradient_ray.gradient_change, records, "alpha"),
                    "ray-loss-distance": partial(gradient_ray.loss_change, records, "distance"),
                    "ray-gradient-distance": partial(gradient_ray.gradient_change, records, "distance"),
                },
                note=rounding,
            ),
            Group(
                "smoothness",
                "How smooth, and how sharp?",
                landscape_captions.smoothness(records),
                {
                    "smoothness": partial(landscape.effective_smoothness, records, repeats, against_loss),
                    "sharpness": partial(sharpness.smoothness_and_sharpness, records),
                    "scale-invariant": partial(sharpness.scale_invariant, records),
                }
                | ({"eigenvalues": partial(sharpness.eigenvalues, records)} if several else {}),
                note=rounding,
            ),
            Group(
                "plane",
                "The plane around the weights",
                landscape_captions.plane(planes)
                if planes
                else "Move the cursor to an update and map the plane there; each arm is trained to it once more.",
                {f"surface-{arm}": partial(plane.surface, planes, arm) for arm in mapped}
                | {f"contour-{arm}": partial(plane.contour, planes, arm) for arm in mapped},
                action=Action("Map the plane at update {step}", "plane"),
            ),
            *wrong_group(shown),
        ]

    board(f"{PAGE}/board", build, shown, toggles, {"plane": map_plane})


def below(shown: Shown) -> None:
    """What the runs amount to, and what can be taken away."""
    arithmetic = landscape_captions.beta_artefact(shown.records)
    explain.what_to_look_for(shown.records, f"{WHAT_TO_LOOK_FOR.rstrip()} {arithmetic}")
    verdict_box("loss_landscape", shown)
    explain.take_away(PAGE, shown.records)


def look_controls(stored_wrong_ways: bool) -> tuple[bool, ...]:
    """How it is looked at: switches that are part of the link.

    Wrong ways whose runs are stored are shown in any case; their switch then is on and cannot be moved.
    """
    labels = {
        "against_loss": ("Against the loss", "Instead of against updates: compares the arms where they are as good"),
        "plane_pca": (
            "Plane of principal components",
            "Instead of random directions that arms share; trains each arm once more",
        ),
        "plane_inference": (
            "Plane in inference mode",
            "Running statistics instead of the batch's own; trains each arm once more",
        ),
    }
    with st.container(horizontal=True, key=f"{PAGE}-look"):
        switched = [links.switch(PAGE, name, *words) for name, words in labels.items()]
        wrong, explanation = "Wrong ways beside it", "Trains each arm at further learning rates"
        if stored_wrong_ways:
            st.toggle(
                wrong, value=True, disabled=True, key=f"{PAGE}/stored", help="Stored with bnviz for these settings"
            )
        else:
            switched.append(links.switch(PAGE, "wrong_ways", wrong, explanation))
    return tuple(switched)


def wrong_group(shown: Shown) -> list[Group]:
    """The wrong ways beside the right ones, once all their runs have ended."""
    by_rate: dict[str, list[Record]] = {
        arm: [record for name, record in shown.also.items() if name.startswith(f"wrong way, {arm},")]
        for arm in shown.records
    }
    if any(len(several) < len(presets.STEP_FACTORS) for several in by_rate.values()):
        return []
    usual = {arm: several[presets.STEP_FACTORS.index(1.0)] for arm, several in by_rate.items()}
    return [
        Group(
            "wrong",
            "Wrong ways to measure it",
            "Left: what is often shown. Right: the same axis, measured in one run along "
            f"{quantities.direction(usual)}. A band over separate runs shows how differently they train"
            + (
                "; the gradients of consecutive steps differ mostly because their mini-batches do."
                if any(batches_differ(record.config) for record in usual.values())
                else "."
            ),
            {
                "wrong-band": partial(measurement_pitfalls.runs_band, usual, by_rate),
                "right-band": partial(measurement_pitfalls.ray_band, usual, by_rate),
                "wrong-difference": partial(measurement_pitfalls.batch_difference, usual),
                "right-difference": partial(measurement_pitfalls.along_step, usual),
            },
        )
    ]


def map_plane(step: int) -> None:
    """Ask for the planes at an update; a run has at least one, and 0 in the link stands for the last."""
    links.pick(PAGE, "plane", max(step, 1))


def also(config: RunConfig, arms: Mapping[str, RunConfig]) -> dict[str, RunConfig]:
    """The planes that were asked for, and the runs of the wrong ways; those of the gallery without being asked."""
    wanted: dict[str, RunConfig] = {}
    view = {name: int(st.session_state[links.setting_key(PAGE, name)]) for name in VIEW}
    for arm, own in arms.items():
        changes = {
            "steps": view["plane"] or own.steps,
            "probes": ("landscape_plane",),
            "plane_kind": "pca" if view["plane_pca"] else "random",
            "plane_mode": "inference" if view["plane_inference"] else "training",
        }
        wanted[f"plane, {arm}"] = own.model_copy(update=changes)
    chosen = view["plane"] or view["plane_pca"] or view["plane_inference"]
    if not chosen and not all(gallery.find(one) for one in wanted.values()):
        wanted = {}
    wrong = wrong_way_runs(config)
    return wanted | wrong if view["wrong_ways"] or all_stored(wrong) else wanted


def wrong_way_runs(config: RunConfig) -> dict[str, RunConfig]:
    """The runs of the wrong ways, by name; none where four times the learning rate is more than one may be."""
    try:
        return {
            f"wrong way, {arm}, {name}": one
            for arm, changes in presets.PAIR.items()
            for name, one in presets.wrong_ways(config, changes["norm"]).configs().items()
        }
    except ValidationError:
        return {}


def all_stored(runs: Mapping[str, RunConfig]) -> bool:
    """Whether there are runs, and the gallery has them all."""
    return bool(runs) and all(gallery.find(one) for one in runs.values())


@changing_part(PAGE)
def comparison() -> None:
    """Both arms, as the settings have them."""
    config = run_controls(
        PAGE,
        ("dataset", "activation", "learning_rate", "line_range", "seeds"),
        ("Line", "Network", "Training", "Measuring"),
    )
    if config is not None:
        arms = Comparison(config, presets.PAIR).configs()
        if st.session_state[links.setting_key(PAGE, "plane")]:
            links.within(PAGE, "plane", config.steps)
        comparison_view(
            PAGE, arms, partial(picture, config), below, needs=("line_loss",), also=partial(also, config, arms)
        )


links.open_page(PAGE, DEFAULTS, VIEW)
titled(PAGE, "Is the loss landscape smoother with batch norm?")
text(LEAD)
comparison()
text(BACKGROUND)
st.latex(FORMULA)
text(SYMBOLS)
explain.probe_source("landscape_line", "sharpness", "landscape_plane", "wrong_ways")
try_next(PAGE, SUGGESTIONS)
