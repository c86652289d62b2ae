"""Run rows: what the page of runs lists, this browser's and imported ones. Draws nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pandas as pd

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.ui.history import Entry, result_of
from bnviz.ui.share import address, app_address
from bnviz.ui.visitor import service, watched

PAGE = "runs"
PAGES = Path(__file__).parents[2] / "pages"


@dataclass(frozen=True)
class Run:
    """One row: a run of this browser's, or an imported one, which brings its record along."""

    page: str
    arm: str
    settings: str
    result: str
    config: RunConfig
    link: str | None = None
    when: datetime | None = None
    seconds: float | None = None
    imported: Record | None = None

    @property
    def record(self) -> Record | None:
        """What it measured, if anybody knows and there is something to see."""
        found = self.imported or watched(PAGE).record(self.config) or service().store.get(self.config)
        return found if found is not None and found.data.sizes.get("step") else None

    @property
    def training(self) -> bool:
        """Whether it waits or trains now."""
        return self.imported is None and watched(PAGE).training(self.config)


def rows(imported: Mapping[str, tuple[str, Record]], entries: Sequence[Entry]) -> list[Run]:
    """Imported runs, by anything, with their file's name; then the browser's, the newest first."""
    pages = registry.read_folder(PAGES)
    app = app_address(PAGE)
    found = []
    for name, record in imported.values():
        said = ("imported", f"“{name}”", settings(record.config.to_query()), result_of(record))
        found.append(Run(*said, record.config, imported=record))
    for entry in entries:
        query = dict(parse_qsl(entry.query))
        link = address(app, entry.page, query)
        for name, arm in entry.arms.items():
            said = (pages[entry.page].label, name, settings(query), arm.result)
            found.append(Run(*said, arm.config, link, entry.when, arm.seconds))
    return found


def settings(query: dict[str, str]) -> str:
    """A query as a person reads it."""
    return ", ".join(f"{name}={value}" for name, value in query.items()) or "as it opens"


def table(runs: Sequence[Run]) -> pd.DataFrame:
    """The rows as they are shown, and saved as CSV."""
    columns = ("page", "arm", "settings", "result", "when", "seconds", "link")
    rows = [[*(getattr(run, name) for name in columns), run.config.key] for run in runs]
    return pd.DataFrame(rows, columns=[*columns, "run_key"])
