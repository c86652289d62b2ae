"""A page of boards' finer points, for test_board_parts.py: moving x, an action, shared cameras, arms of unequal steps.

It is copied to a folder of its own and served from there.
"""

from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st
import xarray as xr

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import log_axis, new_chart
from bnviz.ui import board as boards
from bnviz.ui.board import Section, board

boards.STATIC_FOLDER = Path(__file__).parent / "static"
NAMES = {"x": "across", "y": "up", "z": "loss"}
STEPS = {"standard": [0, 10, 20, 30], "batch norm": [0, 15, 30]}


def record(arm: str) -> Record:
    norm = {"standard": "none", "batch norm": "batch"}[arm]
    axis = xr.Dataset(coords={"probe_step": ("probe_step", np.array(STEPS[arm], np.int32)), "step": ("step", [0])})
    return Record(RunConfig(norm=norm, steps=30), axis, "finished")


def over_steps() -> Chart:
    drawn = new_chart("Over steps", "A line over updates, for the cursor", "updates", "value", 30)
    drawn.add("scatter", x=STEPS["standard"], y=[1, 2, 3, 4], name="standard", mode="lines")
    return drawn


def moving() -> Chart:
    """At each step as many points as half its tens, and 1; `batch norm` is first measured at 15."""
    drawn = new_chart("Moving", "Points that move in x and y", "x", "y", legend=True)
    by_step = []
    for arm, steps in {**STEPS, "batch norm": [15, 30]}.items():
        rows = [np.arange(1 + step // 10, dtype=np.float32) + step for step in steps]
        drawn.add("scatter", x=rows[-1], y=-rows[-1], name=arm, mode="lines+markers")
        by_step.append({"steps": steps, "x": [row.tolist() for row in rows], "y": [(-row).tolist() for row in rows]})
    drawn.add("scatter", x=[0, 40], y=[0, 0], name="still", mode="lines")
    drawn.layout.meta["by_step"] = [*by_step, None]
    return drawn


def surface(arm: str) -> Chart:
    drawn = new_chart(f"Surface, {arm}", "A bowl in three dimensions", "", "", arm=arm, camera="bowl")
    at = np.linspace(-1, 1, 5, dtype=np.float32)
    bowl = at[None, :] ** 2 + 2 * at[:, None] ** 2
    drawn.add("surface", x=at, y=at, z=bowl, name="loss", showscale=False)
    drawn.add("scatter3d", x=[0, 1], y=[0, 1], z=[0, 3], customdata=[1, 1000], name="path", mode="lines")
    titles = {f"{letter}axis": {"title": {"text": name}} for letter, name in NAMES.items()}
    drawn.layout.set(height=380, scene={**titles, "camera": {"eye": {"x": 1.5, "y": -1.5, "z": 1}}})
    return drawn


def contour() -> Chart:
    drawn = new_chart("Contours", "The same from above", "across", "up")
    z = np.arange(6, dtype=np.float32).reshape(2, 3)
    drawn.add(
        "contour", x=[0, 1, 2], y=[0, 1], z=z, customdata=10**z, name="loss", colorbar={"title": {"text": "loss (nat)"}}
    )
    drawn.add("scatter", x=[0, 1], y=[1, 1], name="path", mode="lines")
    return drawn


def with_zeros() -> Chart:
    drawn = new_chart("With zeros", "A line on a logarithmic axis, 0 in the middle", "updates", "value", 30)
    drawn.add("scatter", x=np.arange(3), y=np.array([1.0, 0.0, 10.0]), name="standard", mode="lines")
    log_axis(drawn)
    return drawn


def sections() -> list[Section]:
    found = [
        Section("words", "Only words", "A first line.\nA second line."),
        Section(
            "moving",
            "What moves",
            "It follows the cursor.",
            {"over": partial(over_steps), "moving": partial(moving)},
            "Small print.",
            ("Look around at update {step}", "plane"),
        ),
        Section("solid", "Solid", "Turn one.", {f"surface-{arm}": partial(surface, arm) for arm in STEPS}),
        Section("flat", "Flat", "From above.", {"contour": partial(contour), "zeros": partial(with_zeros)}),
    ]
    if "plane" in st.session_state:
        found.insert(1, Section("answer", "The answer", f"asked for {st.session_state['plane']}"))
    return found


def answer(step: int) -> None:
    st.session_state["plane"] = step


st.title("Boards")
board("page", sections(), {arm: record(arm) for arm in STEPS}, events={"plane": answer})
st.markdown("\n".join("Something to scroll.\n" for _ in range(60)))
