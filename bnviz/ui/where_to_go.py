"""The front page's signposts for students and lecturers."""

import streamlit as st

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


def where_to_go() -> None:
    """Links to the pages in the order of the argument, and hints for lecturers."""
    st.header("Where to go")
    student, lecturer = st.columns(2, gap="large")
    with student:
        st.markdown(FOR_STUDENTS)
        for page, label in PATH.items():
            st.page_link(f"pages/{page}.py", label=label)
    with lecturer:
        st.markdown(FOR_LECTURERS)
