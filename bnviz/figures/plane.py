"""The loss over a plane in weight space around a run's weights, as contours and as a surface (Li et al. 2018).

The last plane of a record is drawn. Colours and heights are the logarithm of the loss, with one range for all arms. On
a random plane one unit is the length of the weights, filter by filter; on a plane of principal components each arm has
its own axes. The path is the projection of the weights of each update on the plane.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bnviz.analysis.loss_plane import Plane, axis_titles, last_plane, limits
from bnviz.analysis.series import finite
from bnviz.core.number_format import two_digits
from bnviz.core.record import Record
from bnviz.figures.chart import Chart
from bnviz.figures.style import MAGNITUDE, alt_text, new_chart, styles

Array = npt.NDArray[np.floating]
LEVELS = 14
PATH = "#ffffff"
"""Colours of the path and its rim, visible on the whole colour scale and in both themes."""
RIM = "#101010"
GREY = "#9a9a9a"
"""Of a surface's axes, whose lines cannot be transparent."""
POINT = 0.02
"""A path that spans less than this share of the plane is drawn as a point."""


def contour(records: Mapping[str, Record], arm: str) -> Chart:
    """Lines of equal loss, in equal ratios, with the path of the training on them."""
    plane, (low, high) = last_plane(records[arm]), limits(records)
    chart = _plane_chart("Loss around the weights", records[arm], arm, plane)
    chart.layout.set(height=400, margin={"l": 60, "r": 20, "t": 8, "b": 48})
    if plane is None:
        return chart
    chart.add(
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
            chart.add(
                "scatter",
                x=path[:, 0],
                y=path[:, 1],
                name="path of the training" if colour == PATH else "its rim",
                mode="lines",
                line={"color": colour, "width": width},
                hoverinfo="skip",
            )
        _mark_ends(chart, plane)
    chart.layout.xaxis.set(range=_end_values(plane.across), showgrid=False)
    chart.layout.yaxis.set(range=_end_values(plane.up), showgrid=False)
    return chart


def surface(records: Mapping[str, Record], arm: str) -> Chart:
    """The same as a surface, with colours, heights and camera shared by the arms."""
    plane, (low, high) = last_plane(records[arm]), limits(records)
    chart = _plane_chart("Loss surface", records[arm], arm, plane)
    chart.layout.meta["camera"] = "plane"
    chart.layout.set(height=420, margin={"l": 0, "r": 0, "t": 0, "b": 0})
    if plane is None:
        return chart
    chart.add(
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
        chart.add(
            "scatter3d",
            x=plane.path[:, 0],
            y=plane.path[:, 1],
            z=np.clip(plane.heights, low, high) + 0.02 * (high - low),
            customdata=10.0**plane.heights,
            name="path of the training",
            mode="lines",
            line={"color": styles(records)[arm].colour, "width": 7},
            hoverinfo="skip",
        )
    ticks, texts = _ticks(low, high)
    axis = {"gridcolor": GREY, "zerolinecolor": GREY, "backgroundcolor": "rgba(0,0,0,0)", "showspikes": False}
    chart.layout.set(
        scene={
            "xaxis": {**axis, "title": {"text": "across"}, "nticks": 5, "range": _end_values(plane.across)},
            "yaxis": {**axis, "title": {"text": "up"}, "nticks": 5, "range": _end_values(plane.up)},
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
    return chart


def _plane_chart(title: str, record: Record, arm: str, plane: Plane | None) -> Chart:
    parts = []
    if plane is not None:
        losses = 10 ** finite(plane.logarithm.astype(float))
        middle = 10 ** float(plane.logarithm[len(plane.up) // 2, len(plane.across) // 2])
        parts = [f"it goes from {two_digits(float(losses.min()))} to {two_digits(float(losses.max()))} on this plane"]
        if math.isfinite(middle):
            parts.append(f"in the middle, where the weights are, it is {two_digits(middle)}")
    axes = plane.axes if plane is not None else axis_titles(record, np.full(2, np.nan))
    return new_chart(f"{title}, {arm}", alt_text(f"{arm}: loss over a plane in weight space", parts), *axes, arm=arm)


def _mark_ends(chart: Chart, plane: Plane) -> None:
    """Mark start and end of the path, or one point if it is too short."""
    sides = [float(axis[-1]) - float(axis[0]) for axis in (plane.across, plane.up)]
    extent = np.ptp(plane.path.astype(float), axis=0) / sides
    marks = [("end", plane.path[-1], "circle")]
    if extent.max() < POINT:
        marks = [("the whole path", plane.path[-1], "circle")]
    else:
        marks.insert(0, ("start", plane.path[0], "circle-open"))
    for name, (x, y), symbol in marks:
        chart.add(
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
        chart.annotate(
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


def _end_values(values: Array) -> tuple[float, float]:
    return float(values[0]), float(values[-1])
