"""Overview

Why batch norm works: the two answers side by side, where to test each, and the scoreboard of all claims.
"""

from bnviz.analysis.captions import learning
from bnviz.analysis.captions.activations import unit_drift
from bnviz.core import presets
from bnviz.figures import curves, unit_distribution
from bnviz.ui.page import Group, Page, Prose, per_arm
from bnviz.ui.page_view import show
from bnviz.ui.scoreboard import scoreboard
from bnviz.ui.where_to_go import where_to_go

SECTION = "Start"
ORDER = 0
ICON = ":material/home:"

INTRODUCTION = """
Put batch norm into a network that will not train, and it trains. Nobody disputes that. The reason is disputed.
"""
BACKGROUND = """
There are two answers:

1. **It keeps the inputs of each layer still.** As earlier layers learn, the inputs of later layers shift, and batch
   norm reduces this *internal covariate shift* (Ioffe & Szegedy 2015).
2. **It makes the loss smoother.** Internal covariate shift hardly matters; with batch norm the loss and its gradient
   change less along the direction of a step, so that larger steps are safe (Santurkar et al. 2018).

Here you train real networks in seconds, measure them with the papers' own instruments, and judge for yourself. Every
number on screen comes from a run that you can repeat from its link.

**What to look for.** The third arm has batch norm and, behind it, noise that shifts every unit's distribution at every
step. If the first answer were the whole story, it should not train.
"""

PAGE = Page(
    name="overview",
    question="Why does batch norm work?",
    prose=Prose(INTRODUCTION, background=BACKGROUND),
    opens_with=presets.OVERVIEW,
    constants={"layer": 3, "unit": 17},
    needs=("percentile",),
    groups=(
        Group(
            "first",
            "Three real networks, measured",
            {"accuracy": curves.accuracy, "bands": per_arm(unit_distribution.bands)},
            (learning.scores, unit_drift),
        ),
    ),
    content=(where_to_go, scoreboard),
)

show(PAGE)
