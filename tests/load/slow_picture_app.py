"""A page so slow to draw that its runs have ended before they are drawn, as with thirty visitors at once."""

import time

from bnviz.core.config import RunConfig
from bnviz.ui.live import comparison_view
from bnviz.ui.visitor import service

CONFIG = RunConfig(widths=(6,), steps=300, batch_size=20, test_samples=30, probe_points=4, curve_points=3, probes=())


def picture(shown):
    while service().find(CONFIG.key).live:
        time.sleep(0.05)


comparison_view("page", {"standard": CONFIG}, picture)
