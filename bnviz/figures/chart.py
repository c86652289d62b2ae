"""A chart as plain data in plotly's own words: what every figure function returns.

plotly.graph_objects checks and copies each property as it is set, which is most of the time that drawing takes
(docs/decisions/0016). Here nothing is checked; `Chart.figure` has plotly do so, and the tests do with every chart.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.utils import PlotlyJSONEncoder


class Part(dict[str, Any]):
    """A piece of a chart. Its properties are items and attributes; one that is not set is None, as an attribute.

    To set a property to None is to take it away, as in plotly. Mappings in it become parts themselves, except `meta`,
    which is for whoever draws the chart.
    """

    def __init__(self, properties: Mapping[str, Any]) -> None:
        there = {name: value for name, value in properties.items() if value is not None}
        super().__init__({name: value if name == "meta" else _as_part(value) for name, value in there.items()})

    def set(self, **properties: Any) -> None:
        """Set several at once."""
        for name, value in properties.items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        if value is None:
            self.pop(name, None)
        else:
            super().__setitem__(name, value if name == "meta" else _as_part(value))

    def __getattr__(self, name: str) -> Any:
        if "_" in name:  # no property of plotly's, but what copy, json and plotly ask any object for
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class Chart:
    """A plotly figure that is not checked: `data`, its traces from the bottom to the top, and `layout`."""

    def __init__(self, layout: Mapping[str, Any]) -> None:
        self.data: list[Part] = []
        self.layout = Part(layout)

    def add(self, kind: str, **properties: Any) -> None:
        """Add a trace of this kind, "scatter" for example, on top of the others."""
        self.data.append(Part({"type": kind, **properties}))

    def annotate(self, **properties: Any) -> None:
        """Add a text."""
        self.layout.annotations = [*(self.layout.annotations or ()), properties]

    def mark(self, **properties: Any) -> None:
        """Add a line or an area that is no data: one of plotly's shapes."""
        self.layout.shapes = [*(self.layout.shapes or ()), properties]

    def to_plotly_json(self) -> dict[str, Any]:
        """What plotly's functions take for a figure."""
        return {"data": self.data, "layout": self.layout}

    def to_json(self) -> str:
        """For plotly.js, arrays as base64."""
        return json.dumps(self.to_plotly_json(), cls=_Encoder, separators=(",", ":"))

    def figure(self) -> go.Figure:
        """The same for plotly in Python, checked.

        Raises:
            ValueError: a property is none of plotly's, or cannot have this value.
        """
        return go.Figure(self.to_plotly_json())

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> Any:
        """How a notebook shows it: as plotly's."""
        return self.figure()._repr_mimebundle_(*arguments, **options)


def _as_part(value: Any) -> Any:
    kind = type(value)  # a chart has some hundred properties, most of them numbers and words
    if kind is dict:
        return Part(value)
    if (kind is list or kind is tuple) and value and isinstance(value[0], dict):
        return [_as_part(one) for one in value]
    return value


class _Encoder(PlotlyJSONEncoder):
    """Plotly's own, which knows NaN and NumPy's numbers, but for arrays."""

    def default(self, o: Any) -> Any:
        return _typed_array(o) if isinstance(o, np.ndarray) else super().default(o)


def _typed_array(values: "np.ndarray[Any, Any]") -> dict[str, str] | list[Any]:
    """As plotly.js reads arrays of numbers; it knows no integers of 64 bits."""
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        values = values.astype(np.int32, casting="same_kind")
    if values.dtype.kind not in "iuf" or not values.size:
        listed: list[Any] = values.tolist()
        return listed
    told = {"dtype": values.dtype.str[1:], "bdata": base64.b64encode(values.tobytes()).decode("ascii")}
    return told if values.ndim == 1 else told | {"shape": ", ".join(map(str, values.shape))}
