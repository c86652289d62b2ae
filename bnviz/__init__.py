"""bnviz: train small networks and measure what batch normalization does to them.

The same core serves the app, the command line and notebooks:

>>> from bnviz import RunConfig, Record
>>> from bnviz.training import train# imports torch; nothing else here does
>>> config = RunConfig(norm="batch", steps=50)
>>> record = Record.from_frames(config, train(config))
"""

from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Measurement, Record

__all__ = ["Comparison", "Frame", "Measurement", "Record", "RunConfig"]
