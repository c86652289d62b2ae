"""What can be taken away from a page is what was measured."""

import io

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from bnviz import registry
from bnviz.config import RunConfig
from bnviz.record import Record
from bnviz.training import train
from bnviz.ui import explain

TINY = RunConfig(widths=(6, 4), steps=12, batch_size=20, test_samples=30, probe_points=6, curve_points=5)


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    configs = {name: TINY.model_copy(update={"norm": norm}) for name, norm in (("standard", "none"), ("bn", "batch"))}
    return {name: Record.from_frames(config, train(config)) for name, config in configs.items()}


def test_curves_table(records):
    table = pd.read_csv(io.StringIO(explain.curves_table(records)), index_col=["arm", "step"])
    assert set(table.columns) == {"train_loss", "test_loss", "test_accuracy"}
    assert len(table) == sum(record.data.sizes["step"] for record in records.values())
    for name, record in records.items():
        np.testing.assert_array_equal(table.loc[name].index, record.data["step"])
        for column in table:
            np.testing.assert_allclose(table.loc[name][column], record.data[column], rtol=1e-6)


@pytest.mark.parametrize(("layer", "unit"), [(1, 6), (2, 1)])
def test_unit_table(records, layer, unit):
    table = pd.read_csv(io.StringIO(explain.unit_table(records, layer, unit)), index_col=["arm", "probe_step"])
    for name, record in records.items():
        chosen = record.data.sel(layer=layer, unit=unit)
        np.testing.assert_array_equal(table.loc[name].index, chosen["probe_step"])
        for column in ("mean", "variance", "mean_change", "variance_change", "saturated_share"):
            np.testing.assert_allclose(table.loc[name][column], chosen[column], rtol=1e-6)
        for level in (15, 50, 85):
            expected = chosen["percentile"].sel(quantile=level)
            np.testing.assert_allclose(table.loc[name][f"percentile_{level}"], expected, rtol=1e-6)
    assert {"layer", "unit", "quantile"}.isdisjoint(table.columns)


def test_tables_of_a_run_that_has_just_begun(records):
    first = {name: Record.from_frames(r.config, [next(iter(train(r.config)))]) for name, r in records.items()}
    assert len(pd.read_csv(io.StringIO(explain.curves_table(first)))) == 2
    assert len(pd.read_csv(io.StringIO(explain.unit_table(first, 1, 1)))) == 2


def test_the_source_shown_is_the_file():
    def script():
        from bnviz.ui import explain

        explain.probe_source("activations")

    at = AppTest.from_function(script).run()
    assert not at.exception
    assert at.code[0].value.rstrip("\n") == registry.source("probes", "activations").rstrip("\n")
    assert at.code[0].language == "python"


def test_downloads_are_named_after_arm_run_layer_and_unit(records, tmp_path):
    paths = []
    for number, record in enumerate(records.values()):
        paths.append(str(tmp_path / f"{number}.nc"))
        record.save(paths[-1])

    def script(paths):
        from bnviz.record import Record
        from bnviz.ui import explain

        records = dict(zip(("standard", "batch norm"), map(Record.load, paths), strict=True))
        explain.take_away("page", records, 2, 3)

    at = AppTest.from_function(script, args=(paths,)).run()
    assert not at.exception
    labels = [button.label for button in at.get("download_button")]
    assert labels == ["Record of standard", "Record of batch norm", "Curves (CSV)", "Unit 3 of layer 2 (CSV)"]
