"""Overview

Why batch norm works: the two answers side by side, where to test each, and the scoreboard of all claims.
"""

from functools import partial

import streamlit as st

from bnviz.analysis.captions import activations, learning
from bnviz.core.presets import OVERVIEW
from bnviz.figures import curves, unit_distribution
from bnviz.ui.board import Group, board
from bnviz.ui.live import comparison_view
from bnviz.ui.prose import text
from bnviz.ui.routing import require_router
from bnviz.ui.scoreboard import scoreboard
from bnviz.ui.share import titled
from bnviz.ui.shown import Shown

SECTION = "Start"
ORDER = 0
ICON = ":material/home:"
PAGE = "overview"
LAYER, UNIT = 3, 17

LEAD = """
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
"""
WHAT_TO_LOOK_FOR = """
**What to look for.** The third arm has batch norm and, behind it, noise that shifts every unit's distribution at every
step. If the first answer were the whole story, it should not train.
"""
FOR_STUDENTS = """
**As a student**, take the two answers in turn: the first rests on the pages about distributions, noise and covariate
shift, the second on the landscape and its theory. On each, change one thing, watch what follows, and share the address
of what you see.
"""
FOR_LECTURERS = """
**As a lecturer**, open a page on the projector: a finished run is on screen at once. Press **p** to play it, drag the
cursor to stop at a step. The address holds every setting, so what you prepared is a link; your own normalisation is one
file in `bnviz/norms/`.
"""
PATH = {
    "activations": "1. Does it keep a unit's inputs still?",
    "noisy_bn": "2. What if we put the shift back?",
    "covariate_shift": "3. Does it reduce internal covariate shift?",
    "loss_landscape": "4. Is the loss landscape smoother?",
    "theory": "5. Do the theorems hold here?",
}
JUDGED = """
A verdict is computed, not written: each claim has a statistic and a rule that were declared before the runs. Where
two 95 % intervals over paired seeds, of the mean and of the median, lie wholly where the rule asks, the claim is
*supported*; where both lie wholly elsewhere, *contradicted*. What is measured over time is judged in the start of
training (its first tenth), the middle and the last half; where one of them supports a claim and another contradicts it,
it *changes over training*. All of it speaks of small networks on small data, in the settings named; where a verdict
turns, a link leads there.
"""


def picture(shown: Shown) -> None:
    """Accuracy of the three arms, and one unit of each."""
    records = shown.records

    def build() -> list[Group]:
        charts = {"accuracy": partial(curves.accuracy, records)}
        charts |= {f"bands-{arm}": partial(unit_distribution.bands, records, arm, LAYER, UNIT) for arm in records}
        caption = f"{learning.scores(records)} {activations.unit_drift(records, LAYER, UNIT)}"
        return [Group("first", "Three real networks, measured", caption, charts)]

    board(f"{PAGE}/board", build, shown)


require_router()
titled(PAGE, "Why does batch norm work?")
text(LEAD)
comparison_view(PAGE, OVERVIEW.configs(), picture, needs=("percentile",))
text(BACKGROUND)
text(WHAT_TO_LOOK_FOR)

st.header("Where to go")
student, lecturer = st.columns(2, gap="large")
with student:
    st.markdown(FOR_STUDENTS)
    for page, label in PATH.items():
        st.page_link(f"pages/{page}.py", label=label)
with lecturer:
    st.markdown(FOR_LECTURERS)

st.header("The scoreboard")
text(JUDGED)
scoreboard()
