"""Frames as plain messages between processes: numbers, strings and bytes that msgpack can carry."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bnviz.core.record import Frame, Measurement

Message = Mapping[str, Any]


def frame_to_message(frame: Frame) -> dict[str, Any]:
    """Encode a frame; arrays become bytes with their dtype and shape."""
    values = {
        name: {
            **item.__dict__,
            "values": item.values.tobytes(),
            "dims": list(item.dims),
            "dtype": item.values.dtype.str,
            "shape": list(item.values.shape),
        }
        for name, item in frame.values.items()
    }
    return {"step": frame.step, "outcome": frame.outcome, "values": values}


def frame_from_message(message: Message) -> Frame:
    """Decode what `frame_to_message` encoded."""
    values = {}
    for name, item in message["values"].items():
        array = np.frombuffer(item["values"], dtype=item["dtype"]).reshape(item["shape"])
        values[name] = Measurement(
            array, tuple(item["dims"]), item["long_name"], item["units"], item["source"], item["axis"]
        )
    return Frame(message["step"], values, message["outcome"])
