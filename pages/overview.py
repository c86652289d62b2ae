"""Overview

Why batch norm works: the two answers, and where in this app to test each.
"""

import streamlit as st

from bnviz.figures import curves, sentences, unit
from bnviz.presets import ACTIVATIONS
from bnviz.ui.board import Group, board
from bnviz.ui.live import comparison_view
from bnviz.ui.prose import text
from bnviz.ui.routing import require_router
from bnviz.ui.shown import Shown

SECTION = "Start"
ORDER = 0
ICON = ":material/home:"
PAGE = "overview"
LAYER, UNIT = 3, 17

INTRODUCTION = """
Put batch norm into a network that will not train, and it trains. Nobody disputes that. The reason is disputed:

1. **It keeps the inputs of each layer still.** As earlier layers learn, the inputs of later layers shift, and batch
   norm reduces this *internal covariate shift* (Ioffe & Szegedy 2015).
2. **It makes the loss smoother.** Internal covariate shift hardly matters; with batch norm the loss and its gradient
   change less along the direction of a step, so that larger steps are safe (Santurkar et al. 2018).

Here you train real networks in about a second, measure them with the papers' own instruments, and judge for yourself.
Every number on screen comes from a run that you can repeat from its link.
"""
FOR_STUDENTS = """
**As a student**, begin with the first answer: does batch norm keep a unit's input distribution still? Change one thing
(the learning rate is a good one), watch what follows, and share the address of what you see.
"""
FOR_LECTURERS = """
**As a lecturer**, open a page on the projector: a finished run is on screen at once. Press **p** to play it, drag the
cursor to stop at a step. The address holds every setting, so what you prepared is a link; your own normalisation is one
file in `bnviz/norms/`.
"""


def picture(shown: Shown) -> None:
    """Accuracy of both arms, and one unit of each."""
    records = shown.records

    def build() -> list[Group]:
        charts = {"accuracy": curves.accuracy(records)}
        charts |= {f"bands-{arm}": unit.bands({arm: records[arm]}, arm, LAYER, UNIT) for arm in records}
        caption = f"{sentences.learning(records)} {sentences.one_unit(records, LAYER, UNIT)}"
        return [Group("first", "Two real networks, measured", caption, charts)]

    board(f"{PAGE}/board", build, shown)


require_router()
st.title("Why does batch norm work?")
text(INTRODUCTION)
comparison_view(PAGE, ACTIVATIONS.configs(), picture)

st.subheader("Where to go")
student, lecturer = st.columns(2, gap="large")
with student:
    st.markdown(FOR_STUDENTS)
    st.page_link("pages/activations.py", label="Activation distributions", icon=":material/stacked_line_chart:")
with lecturer:
    st.markdown(FOR_LECTURERS)
