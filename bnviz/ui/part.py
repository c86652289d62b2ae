"""The part of a page that its settings decide: a setting that is changed has it drawn anew, and leaves the rest.

Title, prose and formulas are a third of what a run of a page costs, and no setting changes them. What is in the part is
the page's business.
"""

from collections.abc import Callable

import streamlit as st

from bnviz.ui import links
from bnviz.ui.prose import link_problems
from bnviz.ui.turns import turns
from bnviz.ui.visitor import acts

Draw = Callable[[], None]


def changing_part(page: str) -> Callable[[Draw], Draw]:
    """Decorator: the function draws the page's controls and what follows from them, below what its link got wrong.

    One such part a page; `links.open_page` comes before it. Nothing outside may depend on the settings.
    """

    def decorate(draw: Draw) -> Draw:
        @st.fragment(key=f"{page}/part")
        @turns.unhurried()
        def part() -> None:
            acts()
            with turns.in_turn():
                links.restore(page)
                link_problems(links.problems(page))
                draw()

        decorated: Draw = part
        return decorated

    return decorate
