"""Runs: the table, what can be done with what is ticked, and files that come in and go out."""

import io
import time
from dataclasses import replace

import pandas as pd
import pytest

from bnviz.analysis.csv_tables import as_csv
from bnviz.core.config import RunConfig
from bnviz.core.presets import ACTIVATIONS, NOISY_BN
from bnviz.ui import history

TINY = RunConfig(seed=4321, widths=(6,), steps=12, batch_size=20, test_samples=30, probe_points=4, curve_points=3)
KNOWN = [
    {
        "page": page,
        "query": query,
        "arms": {
            name: {"query": "&".join(f"{k}={v}" for k, v in config.to_query().items()), "result": "9 %"}
            for name, config in configs.items()
        },
        "when": when,
    }
    for page, query, configs, when in (
        ("activations", "", ACTIVATIONS.configs(), "2026-01-01T00:00:00Z"),
        ("noisy_bn", "layer=2", NOISY_BN.configs(), "2026-01-02T00:00:00Z"),
    )
]
SECONDS = 60  # nothing here takes as long, but machines are shared
FORGOTTEN = KNOWN[0] | {
    "query": "widths=6",
    "when": "2026-01-03T00:00:00Z",
    "arms": {"standard": {"query": "&".join(f"{k}={v}" for k, v in TINY.to_query().items()), "result": "9 %"}},
}


@pytest.fixture
def kept_by(opened, monkeypatch):
    """Open the page in a browser that has kept these entries, or that keeps none."""

    def kept_by(*entries, available=True):
        answer = {"available": available, "entries": list(entries)}
        monkeypatch.setattr(history, "_component", lambda **_: type("Result", (), {"kept": answer}))
        return opened("runs")

    return kept_by


def tick(at, *places):
    """Tick rows of the table."""
    key = at.dataframe[0].proto.id.rpartition("-")[2]
    at.session_state[key] = {"selection": {"rows": list(places), "columns": [], "cells": []}}
    at.run()
    assert not at.exception
    return at


def rows(at) -> pd.DataFrame:
    return at.dataframe[0].value


def said(at) -> str:
    return "\n".join(text.value for kind in ("markdown", "caption", "info", "error") for text in at.get(kind))


def charts(at):
    return [chart.proto for chart in at.get("plotly_chart")]


def upload(at, *files):
    at.file_uploader[0].set_value([(name, content, "application/x-netcdf") for name, content in files]).run()
    assert not at.exception
    return at


@pytest.fixture
def content(preset_record) -> bytes:
    return preset_record(ACTIVATIONS.configs()["batch norm"]).to_bytes()


def test_an_empty_list_says_so_and_leads_on(kept_by, asked):
    at = kept_by()
    assert "No comparison has finished in this browser yet" in said(at)
    assert [link.proto.page for link in at.get("page_link")] == ["activations", "loss_landscape"]
    assert not at.dataframe
    assert asked == []


def test_before_the_browser_has_answered_it_is_not_called_empty(opened):
    assert "No comparison has finished" not in said(opened("runs"))


def test_a_browser_that_keeps_nothing_is_told_of(kept_by):
    (info,) = kept_by(available=False).info
    assert "this session only" in info.value


def test_each_run_is_a_row_the_newest_first_with_its_link(kept_by):
    table = rows(kept_by(*KNOWN))
    assert list(table["page"]) == ["Noisy BN"] * 4 + ["Activation distributions"] * 2
    assert list(table["arm"]) == [*NOISY_BN.configs(), *ACTIVATIONS.configs()]
    assert list(table["settings"]) == ["layer=2"] * 4 + ["as it opens"] * 2
    assert [link.rpartition("/")[2] for link in table["link"]] == ["noisy_bn?layer=2"] * 4 + ["activations"] * 2
    assert set(table["result"]) == {"9 %"}
    assert table["when"].dt.day.to_list() == [2] * 4 + [1] * 2


def test_two_to_four_ticked_runs_are_laid_over_each_other(kept_by, asked):
    at = kept_by(*KNOWN)
    assert not charts(at)
    assert not charts(tick(at, 1))
    for places in ((0, 5), (0, 1, 2, 5)):
        drawn = charts(tick(at, *places))
        assert len(drawn) == 2
        for chart, quantity in zip(drawn, ("Test accuracy", "Training loss"), strict=True):
            assert chart.alt.startswith(f"{quantity} of {len(places)} runs over updates: ")
    tick(at, 0, 1, 2, 3, 4)
    assert not charts(at)
    assert "5 rows are ticked, and 4" in said(at)
    assert asked == []


def test_a_ticked_run_is_saved_whole_under_its_keys_name(kept_by):
    at = tick(kept_by(*KNOWN), 5)
    (button,) = [one for one in at.get("download_button") if one.proto.label == "Save"]
    assert button.proto.url or button.proto.deferred_file_id
    assert "**batch norm** 9" in said(at)


def test_a_run_that_nobody_knows_any_more_is_trained_again_on_demand(kept_by, asked):
    at = tick(kept_by(FORGOTTEN, *KNOWN), 0, 6)
    assert "not known any more" in said(at)
    assert not charts(at)
    (again,) = [button for button in at.button if button.label == "Train again"]
    again.click().run()
    assert not at.exception
    assert asked == [TINY]
    end = time.monotonic() + SECONDS
    while not charts(at):
        assert time.monotonic() < end, said(at)
        time.sleep(0.1)
        at.run()
        assert not at.exception
    assert "Train again" not in [button.label for button in at.button]
    assert asked == [TINY]


def test_an_imported_run_is_called_so_and_stays_in_the_session(kept_by, content, asked, service):
    at = upload(kept_by(*KNOWN), ("mine.nc", content))
    first = rows(at).iloc[0]
    assert (first["page"], first["arm"]) == ("imported", "“mine.nc”")
    assert pd.isna(first["link"])
    assert not at.file_uploader[0].value, "empty for the next"
    drawn = charts(tick(at, 0, 5))
    assert "imported, " in drawn[0].alt
    assert asked == []
    at.switch_page("pages/overview.py").run()
    at.switch_page("pages/runs.py").run()
    assert len(rows(at)) == 7
    assert len(kept_by(*KNOWN).dataframe[0].value) == 6, "another session knows nothing of it"


def test_imported_measurements_are_never_taken_for_the_runs_own(kept_by, preset_record, content):
    """A forged file with another run's configuration: whoever ticks that run sees what was measured."""
    true = preset_record(ACTIVATIONS.configs()["batch norm"])
    forged = replace(true, data=true.data.assign(test_accuracy=true.data["test_accuracy"] * 0))
    at = upload(kept_by(KNOWN[0]), ("forged.nc", forged.to_bytes()))
    alt = charts(tick(at, 0, 2))[0].alt
    assert "imported, batch norm (1) ends at 0 %" in alt
    assert "; batch norm (2) ends at 9" in alt


def test_a_bad_file_is_refused_in_a_sentence_that_is_no_markdown(kept_by):
    at = upload(kept_by(), ("**bold**.nc", b"CDF\x01 nonsense"), ("other.gz", b"\x1f\x8bnonsense"))
    (warning,) = at.warning
    assert warning.value.count("\n") == 1
    assert r"\*\*bold\*\*.nc" in warning.value
    assert not at.dataframe


def test_four_imported_runs_are_held_and_can_be_removed(kept_by, preset_record):
    contents = [preset_record(config).to_bytes() for config in [*NOISY_BN.configs().values(), ACTIVATIONS.base]]
    at = upload(kept_by(), *((f"{n}.nc", one) for n, one in enumerate(contents)))
    assert len(rows(at)) == 4
    assert "remove them before you add more" in at.warning[0].value
    (remove,) = [button for button in at.button if button.label == "Remove the imported runs"]
    remove.click().run()
    assert not at.dataframe
    assert not at.warning, "there is room again"


def test_the_table_is_saved_as_csv(kept_by):
    at = kept_by(*KNOWN)
    (button,) = [one for one in at.get("download_button") if "CSV" in one.proto.label]
    assert button.proto.url
    saved = pd.read_csv(io.BytesIO(as_csv(rows(at))))
    expected = NOISY_BN.configs() | ACTIVATIONS.configs()
    assert [*saved["arm"]] == [*NOISY_BN.configs(), *ACTIVATIONS.configs()]
    assert {*saved["run_key"]} >= {config.key for config in expected.values()}


def test_the_list_can_be_forgotten(kept_by):
    at = kept_by(*KNOWN)
    assert len(rows(at)) == 6
    (forget,) = [button for button in at.button if button.label == "Forget all"]
    forget.click().run()
    assert not at.exception
    assert not at.dataframe
    assert "No comparison has finished" in said(at)
    assert "Forget all" not in [button.label for button in at.button]
