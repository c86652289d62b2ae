"""Downloads: the sources and the files that a page offers."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from streamlit.testing.v1 import AppTest

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Outcome, Record
from bnviz.training import train
from bnviz.ui import downloads

TINY = RunConfig(widths=(6, 4), steps=12, batch_size=20, test_samples=30, probe_points=6, curve_points=5)


@pytest.mark.parametrize("names", [("activations",), ("covariate_shift", "gradient_flow")])
def test_the_sources_shown_are_the_files(names):
    def script(names):
        from bnviz.ui.page_view import probe_source

        probe_source(*names)

    at = AppTest.from_function(script, args=(names,)).run()
    assert not at.code, "it is closed"
    at.session_state["probe-source"] = True  # an expander's value is whether it is open
    at.run()
    assert not at.exception
    shown = [code.value.rstrip("\n") for code in at.code]
    assert shown == [registry.source("probes", name).rstrip("\n") for name in names]
    assert {code.language for code in at.code} == {"python"}


def test_downloads_offer_records_curves_and_tables(tmp_path):
    paths = []
    for number, norm in enumerate(("none", "batch")):
        paths.append(str(tmp_path / f"{number}.nc"))
        config = TINY.model_copy(update={"norm": norm})
        Record.from_frames(config, train(config)).save(paths[-1])

    def script(paths):
        from bnviz.analysis.csv_tables import unit_table
        from bnviz.core.record import Record
        from bnviz.ui.downloads import downloads
        from bnviz.ui.page import Page, Prose, Table

        records = dict(zip(("standard", "batch norm"), map(Record.load, paths), strict=True))
        page = Page("page", "?", Prose(""), tables=(Table("One unit (CSV)", "unit.csv", unit_table),))
        downloads(page, records, {"layer": 2, "unit": 3})

    at = AppTest.from_function(script, args=(paths,)).run()
    assert not at.exception
    labels = [button.label for button in at.get("download_button")]
    assert labels == ["Record of standard", "Record of batch norm", "Curves (CSV)", "One unit (CSV)"]


BYTES = 100


def record_of(outcome: Outcome = "finished") -> Record:
    data = xr.Dataset({"loss": ("probe_step", np.zeros(BYTES))}).assign_coords(step=("step", np.zeros(1, np.int32)))
    return Record(TINY, data, outcome)


def test_finished_record_is_found_again_when_dropped(monkeypatch):
    record, again = record_of(), record_of()
    kept = {record.config.key: again}
    monkeypatch.setattr(downloads, "service", lambda: SimpleNamespace(recall=lambda config: kept.get(config.key)))
    recall = downloads._recall({"arm": record})
    assert recall()["arm"] is record
    gone = weakref.ref(record)
    del record
    gc.collect()
    assert gone() is None, "it is not kept alive"
    assert recall()["arm"] is again
    kept.clear()
    with pytest.raises(LookupError, match="not kept any more; open its link to train it again"):
        recall()


def test_stopped_record_is_kept_for_download():
    record = record_of("stopped")
    recall = downloads._recall({"arm": record})
    del record
    gc.collect()
    assert recall()["arm"].outcome == "stopped"
