"""Chart: a plotly figure as plain data, returned by every figure function.

plotly.graph_objects validates and copies each property, which takes most of the drawing time (docs/decisions/0016).
A Chart validates nothing; `Chart.figure` converts it to a validated plotly figure, and the tests do so for every chart.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.utils import PlotlyJSONEncoder


class Part(dict[str, Any]):
    """A piece of a chart, whose properties are items and attributes; a missing one is None as an attribute.

    Setting a property to None removes it, as in plotly. Mappings become parts themselves, except `meta`, which holds
    information for the page.
    """

    def __init__(self, properties: Mapping[str, Any]) -> None:
        present = {name: value for name, value in properties.items() if value is not None}
        super().__init__({name: value if name == "meta" else _as_part(value) for name, value in present.items()})

    def set(self, **properties: Any) -> None:
        """Set several properties."""
        for name, value in properties.items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        if value is None:
            self.pop(name, None)
        else:
            super().__setitem__(name, value if name == "meta" else _as_part(value))

    def __getattr__(self, name: str) -> Any:
        if "_" in name:  # not a plotly property, but a hook of copy, json or plotly
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class Chart:
    """A plotly figure without validation: `data` (traces, from back to front) and `layout`."""

    def __init__(self, layout: Mapping[str, Any]) -> None:
        self.data: list[Part] = []
        self.layout = Part(layout)

    def add(self, kind: str, **properties: Any) -> None:
        """Add a trace of a kind, for example "scatter", in front of the others."""
        self.data.append(Part({"type": kind, **properties}))

    def annotate(self, **properties: Any) -> None:
        """Add a text."""
        self.layout.annotations = [*(self.layout.annotations or ()), properties]

    def mark(self, **properties: Any) -> None:
        """Add a shape of plotly's: a line or an area that is not data."""
        self.layout.shapes = [*(self.layout.shapes or ()), properties]

    def to_plotly_json(self) -> dict[str, Any]:
        """Return a mapping that plotly's functions accept as a figure."""
        return {"data": self.data, "layout": self.layout}

    def to_json(self) -> str:
        """Return JSON for plotly.js, with arrays in base64."""
        return json.dumps(self.to_plotly_json(), cls=_Encoder, separators=(",", ":"))

    def figure(self) -> go.Figure:
        """Return a validated plotly figure.

        Raises:
            ValueError: plotly has no such property, or it does not allow the value.
        """
        return go.Figure(self.to_plotly_json())

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> Any:
        """Display the chart in a notebook as a plotly figure."""
        return self.figure()._repr_mimebundle_(*arguments, **options)


def _as_part(value: Any) -> Any:
    kind = type(value)  # the fast path: most properties are numbers and texts
    if kind is dict:
        return Part(value)
    if (kind is list or kind is tuple) and value and isinstance(value[0], dict):
        return [_as_part(item) for item in value]
    return value


class _Encoder(PlotlyJSONEncoder):
    """Plotly's encoder with another form for arrays."""

    def default(self, o: Any) -> Any:
        return _typed_array(o) if isinstance(o, np.ndarray) else super().default(o)


def _typed_array(values: "np.ndarray[Any, Any]") -> dict[str, str] | list[Any]:
    """Encode an array as plotly.js reads it; it has no 64-bit integers."""
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        values = values.astype(np.int32, casting="same_kind")
    if values.dtype.kind not in "iuf" or not values.size:
        listed: list[Any] = values.tolist()
        return listed
    encoded = {"dtype": values.dtype.str[1:], "bdata": base64.b64encode(values.tobytes()).decode("ascii")}
    return encoded if values.ndim == 1 else encoded | {"shape": ", ".join(map(str, values.shape))}
