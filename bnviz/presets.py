"""Presets: the comparisons that bnviz offers before anything is chosen, and whose records ship with it.

Configurations only: what they show is told by pages, and their records are kept by `bnviz.gallery`.
"""

from collections.abc import Mapping

from bnviz.comparison import Comparison
from bnviz.config import RunConfig

ACTIVATIONS = Comparison(RunConfig(), {"standard": {"norm": "none"}, "batch norm": {"norm": "batch"}})
"""Ioffe & Szegedy 2015, Sec. 4.1 and Fig. 1: 3 x 100 sigmoid units, with and without batch normalization."""

PRESETS: Mapping[str, Comparison] = {"activations": ACTIVATIONS}
