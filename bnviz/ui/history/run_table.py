"""The table of runs: this browser's and imported ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

import pandas as pd

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.records.history_entries import PAGES, Entry, result_of
from bnviz.ui.run_client import run_client
from bnviz.ui.session import service
from bnviz.ui.share import address, app_address

PAGE = "runs"


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
        """What it measured, if that is still known and not empty."""
        found = self.imported or run_client(PAGE).record(self.config) or service().store.get(self.config)
        return found if found is not None and found.data.sizes.get("step") else None

    @property
    def training(self) -> bool:
        """Whether it waits or trains now."""
        return self.imported is None and run_client(PAGE).is_live(self.config)


def runs_of(imported: Mapping[str, tuple[str, Record]], entries: Sequence[Entry]) -> list[Run]:
    """Imported runs with their file's name, then the browser's, the newest first."""
    pages = registry.read_folder(PAGES)
    app = app_address(PAGE)
    runs = []
    for name, record in imported.values():
        texts = ("imported", f"“{name}”", _in_words(record.config.to_query()), result_of(record))
        runs.append(Run(*texts, record.config, imported=record))
    for entry in entries:
        query = dict(parse_qsl(entry.query))
        link = address(app, entry.page, query)
        for name, arm in entry.arms.items():
            texts = (pages[entry.page].label, name, _in_words(query), arm.result)
            runs.append(Run(*texts, arm.config, link, entry.when, arm.seconds))
    return runs


def table_of(runs: Sequence[Run]) -> pd.DataFrame:
    """The rows as they are on screen, and saved as CSV."""
    columns = ("page", "arm", "settings", "result", "when", "seconds", "link")
    rows = [[*(getattr(run, name) for name in columns), run.config.key] for run in runs]
    return pd.DataFrame(rows, columns=[*columns, "run_key"])


def _in_words(query: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in query.items()) or "as it opens"
