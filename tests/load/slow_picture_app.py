"""A page so slow to draw that its runs have ended before they are drawn, as with thirty visitors at once."""

import time

from bnviz.core.config import RunConfig
from bnviz.ui.live import live_view
from bnviz.ui.page import Group, Page, Prose
from bnviz.ui.session import service

CONFIG = RunConfig(widths=(6,), steps=300, batch_size=20, test_samples=30, probe_points=4, curve_points=3, probes=())


def slow_caption() -> str:
    while service().find(CONFIG.key).live:
        time.sleep(0.05)
    return ""


live_view(
    Page("page", "?", Prose(""), groups=(Group("group", "Title", {}, slow_caption),)), CONFIG, {"standard": CONFIG}
)
