"""The loss over a plane in weight space around where a run is, as contours and as a surface (Li et al. 2018).

One step of a record, the last that has a plane. Colours and heights are the logarithm of the loss, in one range for all
arms. On random planes one unit is as long as the weights, filter by filter; on the plane of the principal components of
a run's own path each arm has axes of its own. The path is what the plane shows of it: its projection.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bnviz.analysis.loss_plane import Plane, _axes, last_plane, limits
from bnviz.analysis.series import finite
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import MAGNITUDE, arm_style, figure, told

Array = npt.NDArray[np.floating]
LEVELS = 14
PATH = "#ffffff"
"""The path and its rim: seen on every colour of the scale, in both themes."""
RIM = "#101010"
GREY = "#9a9a9a"
"""A surface's axes have no half transparent lines."""
POINT = 0.02
"""A path that spans less than this share of the plane is shown as the point it is."""


def contour(records: Mapping[str, Record], arm: str) -> Chart:
    """Lines of equal loss, in equal ratios, with the path of the training on them."""
    plane, (low, high) = last_plane(records[arm]), limits(records)
    drawn = _empty("Loss around the weights", records[arm], arm, plane)
    drawn.layout.set(height=400, margin={"l": 60, "r": 20, "t": 8, "b": 48})
    if plane is None:
        return drawn
    drawn.add(
        "contour",
        x=plane.across,
        y=plane.up,
        z=np.clip(plane.logarithm, None, high),
        zmin=low,
        zmax=high,
        colorscale=MAGNITUDE,
        contours={"start": low, "end": high, "size": (high - low) / LEVELS},
        line={"width": 0.7, "color": "rgba(255,255,255,0.45)"},
        colorbar=_bar(low, high, _title(records[arm])),
        customdata=10.0**plane.logarithm,
        hovertemplate="across %{x:.3g}<br>up %{y:.3g}<br>loss %{customdata:.3g}<extra></extra>",
        name="loss",
    )
    path = plane.path
    if len(path):
        for colour, width in ((RIM, 4), (PATH, 2)):
            drawn.add(
                "scatter",
                x=path[:, 0],
                y=path[:, 1],
                name="path of the training" if colour == PATH else "its rim",
                mode="lines",
                line={"color": colour, "width": width},
                hoverinfo="skip",
            )
        _ends(drawn, plane)
    drawn.layout.xaxis.set(range=_ends_of(plane.across), showgrid=False)
    drawn.layout.yaxis.set(range=_ends_of(plane.up), showgrid=False)
    return drawn


def surface(records: Mapping[str, Record], arm: str) -> Chart:
    """The same as a surface, with colours, heights and camera shared by the arms."""
    plane, (low, high) = last_plane(records[arm]), limits(records)
    drawn = _empty("Loss surface", records[arm], arm, plane)
    drawn.layout.meta["camera"] = "plane"
    drawn.layout.set(height=420, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    if plane is None:
        return drawn
    drawn.add(
        "surface",
        x=plane.across,
        y=plane.up,
        z=np.clip(plane.logarithm, None, high),
        cmin=low,
        cmax=high,
        colorscale=MAGNITUDE,
        showscale=False,
        lighting={"ambient": 0.75, "diffuse": 0.45, "specular": 0.05},
        contours={
            "z": {"show": True, "start": low, "end": high, "size": (high - low) / LEVELS, "color": PATH, "width": 1}
        },
        customdata=10.0**plane.logarithm,
        hovertemplate="across %{x:.3g}<br>up %{y:.3g}<br>loss %{customdata:.3g}<extra></extra>",
        name="loss",
    )
    if len(plane.path):
        drawn.add(
            "scatter3d",
            x=plane.path[:, 0],
            y=plane.path[:, 1],
            z=np.clip(plane.heights, low, high) + 0.02 * (high - low),
            customdata=10.0**plane.heights,
            name="path of the training",
            mode="lines",
            line={"color": arm_style(records[arm].config.norm).colour, "width": 7},
            hoverinfo="skip",
        )
    ticks, texts = _ticks(low, high)
    axis = {"gridcolor": GREY, "zerolinecolor": GREY, "backgroundcolor": "rgba(0,0,0,0)", "showspikes": False}
    drawn.layout.set(
        scene={
            "xaxis": {**axis, "title": {"text": "across"}, "nticks": 5, "range": _ends_of(plane.across)},
            "yaxis": {**axis, "title": {"text": "up"}, "nticks": 5, "range": _ends_of(plane.up)},
            "zaxis": {
                **axis,
                "title": {"text": _title(records[arm])},
                "tickvals": ticks,
                "ticktext": texts,
                "range": (low, high),
            },
            "aspectmode": "manual",
            "aspectratio": {"x": 1, "y": 1, "z": 0.7},
            "camera": {"eye": {"x": 1.65, "y": -1.65, "z": 0.95}, "center": {"z": -0.12}},
            "uirevision": "plane",
        }
    )
    return drawn


def _empty(title: str, record: Record, arm: str, plane: Plane | None) -> Chart:
    parts = []
    if plane is not None:
        seen = 10 ** finite(plane.logarithm.astype(float))
        middle = 10 ** float(plane.logarithm[len(plane.up) // 2, len(plane.across) // 2])
        parts = [f"it goes from {two_digits(float(seen.min()))} to {two_digits(float(seen.max()))} on this plane"]
        if math.isfinite(middle):
            parts.append(f"in the middle, where the weights are, it is {two_digits(middle)}")
    axes = plane.axes if plane is not None else _axes(record, np.full(2, np.nan))
    return figure(f"{title}, {arm}", told(f"{arm}: loss over a plane in weight space", parts), *axes, arm=arm)


def _ends(drawn: Chart, plane: Plane) -> None:
    """Name start and end of the path, or the point that it is when seen from here."""
    sides = [float(axis[-1]) - float(axis[0]) for axis in (plane.across, plane.up)]
    extent = np.ptp(plane.path.astype(float), axis=0) / sides
    marks = [("end", plane.path[-1], "circle")]
    if extent.max() < POINT:
        marks = [("the whole path", plane.path[-1], "circle")]
    else:
        marks.insert(0, ("start", plane.path[0], "circle-open"))
    for name, (x, y), symbol in marks:
        drawn.add(
            "scatter",
            x=[x],
            y=[y],
            name=name,
            mode="markers",
            marker={
                "color": PATH,
                "size": 10,
                "symbol": symbol,
                "line": {"color": RIM if symbol == "circle" else PATH, "width": 2},
            },
            hovertemplate=f"{name} of the training<extra></extra>",
        )
        drawn.annotate(
            x=float(x),
            y=float(y),
            text=name,
            showarrow=False,
            yshift=15,
            font={"color": PATH, "size": 12},
            bgcolor="rgba(16,16,16,0.55)",
            borderpad=2,
        )


def _ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Five marks, evenly spaced in the logarithm."""
    marks = [float(mark) for mark in np.linspace(low, high, 5)]
    return marks, [two_digits(10**mark) for mark in marks]


def _title(record: Record) -> str:
    units = record.data["test_loss"].attrs["units"] if "test_loss" in record.data else "1"
    return "loss" if units == "1" else f"loss ({units})"


def _bar(low: float, high: float, title: str) -> dict[str, object]:
    ticks, texts = _ticks(low, high)
    return {"title": {"text": title}, "tickvals": ticks, "ticktext": texts, "thickness": 10, "outlinewidth": 0}


def _ends_of(values: Array) -> tuple[float, float]:
    return float(values[0]), float(values[-1])
