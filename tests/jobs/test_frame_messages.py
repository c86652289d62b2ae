"""Frames as messages: msgpack carries them, and nothing is lost."""

import msgpack
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bnviz.core.record import Frame, Measurement
from bnviz.jobs.frame_messages import frame_from_message, frame_to_message


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int8, np.int32]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    st.text(),
    st.sampled_from(["running", "finished", "diverged", "stopped"]),
)
def test_frame_message_restores_frame(values: np.ndarray, text: str, outcome: str) -> None:
    dims = ("layer", "unit", "bin")[: values.ndim]
    frame = Frame(
        7,
        {
            "a": Measurement(values.T, dims, text, "nat", text, "step"),
            "b": Measurement(np.float32(1.0), (), "loss", "nat", axis="step"),
        },
        outcome,
    )
    again = frame_from_message(msgpack.unpackb(msgpack.packb(frame_to_message(frame))))
    assert (again.step, again.outcome, list(again.values)) == (7, outcome, ["a", "b"])
    for name, item in frame.values.items():
        other = again.values[name]
        np.testing.assert_array_equal(other.values, item.values)
        assert other.values.dtype == item.values.dtype
        assert (other.dims, other.long_name, other.units, other.source, other.axis) == (
            item.dims,
            item.long_name,
            item.units,
            item.source,
            item.axis,
        )
