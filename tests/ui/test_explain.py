"""What can be taken away from a page is what was measured."""

import io

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.training import train
from bnviz.ui import explain

TINY = RunConfig(widths=(6, 4), steps=12, batch_size=20, test_samples=30, probe_points=6, curve_points=5)


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    configs = {name: TINY.with_changes(norm=norm) for name, norm in (("standard", "none"), ("bn", "batch"))}
    return {name: Record.from_frames(config, train(config)) for name, config in configs.items()}


def test_curves_table(records):
    table = pd.read_csv(io.BytesIO(explain.curves_table(records)), index_col=["arm", "step"])
    assert list(table.columns) == ["run_key", "train_loss [nat]", "test_loss [nat]", "test_accuracy"]
    assert len(table) == sum(record.data.sizes["step"] for record in records.values())
    for name, record in records.items():
        np.testing.assert_array_equal(table.loc[name].index, record.data["step"])
        assert set(table.loc[name]["run_key"]) == {record.config.key}
        for column in table.columns[1:]:
            np.testing.assert_allclose(table.loc[name][column], record.data[column.split()[0]], rtol=1e-5)


@pytest.mark.parametrize(("layer", "unit"), [(1, 6), (2, 1)])
def test_unit_table(records, layer, unit):
    table = pd.read_csv(
        io.BytesIO(explain.unit_table(records, {"layer": layer, "unit": unit})), index_col=["arm", "probe_step"]
    )
    for name, record in records.items():
        chosen = record.data.sel(layer=layer, unit=unit)
        np.testing.assert_array_equal(table.loc[name].index, chosen["probe_step"])
        for column in ("mean", "variance", "mean_change", "variance_change", "saturated_share"):
            np.testing.assert_allclose(table.loc[name][column], chosen[column], rtol=1e-5)
        for level in (15, 50, 85):
            expected = chosen["percentile"].sel(quantile=level)
            np.testing.assert_allclose(table.loc[name][f"percentile_{level}"], expected, rtol=1e-5)
        assert set(table.loc[name]["layer"]) == {layer}
        assert set(table.loc[name]["unit"]) == {unit}
    assert "quantile" not in table.columns


def test_tables_of_a_run_that_has_just_begun(records):
    first = {name: Record.from_frames(r.config, [next(iter(train(r.config)))]) for name, r in records.items()}
    assert len(pd.read_csv(io.BytesIO(explain.curves_table(first)))) == 2
    assert len(pd.read_csv(io.BytesIO(explain.unit_table(first, {"layer": 1, "unit": 1})))) == 2


def test_curves_of_runs_that_learn_values_have_no_accuracy():
    config = RunConfig(dataset="linear_map", network="deep_linear", widths=(5,), steps=3, batch_size=20, probes=())
    table = explain.curves_table({"standard": Record.from_frames(config, train(config))})
    assert table.decode("utf-8-sig").splitlines()[0] == "arm,run_key,step,train_loss,test_loss"


@pytest.mark.parametrize("names", [("activations",), ("covariate_shift", "gradient_flow")])
def test_the_sources_shown_are_the_files(names):
    def script(names):
        from bnviz.ui import explain

        explain.probe_source(*names)

    at = AppTest.from_function(script, args=(names,)).run()
    assert not at.code, "it is closed"
    at.session_state["probe-source"] = True  # an expander's value is whether it is open
    at.run()
    assert not at.exception
    shown = [code.value.rstrip("\n") for code in at.code]
    assert shown == [registry.source("probes", name).rstrip("\n") for name in names]
    assert {code.language for code in at.code} == {"python"}


def test_downloads_are_the_record_of_each_arm_the_curves_and_the_pages_own_tables(records, tmp_path):
    paths = []
    for number, record in enumerate(records.values()):
        paths.append(str(tmp_path / f"{number}.nc"))
        record.save(paths[-1])

    def script(paths):
        from functools import partial

        from bnviz.core.record import Record
        from bnviz.ui import explain

        records = dict(zip(("standard", "batch norm"), map(Record.load, paths), strict=True))
        table = ("unit.csv", partial(explain.unit_table, chosen={"layer": 2, "unit": 3}))
        explain.take_away("page", records, {"Unit 3 of layer 2 (CSV)": table})

    at = AppTest.from_function(script, args=(paths,)).run()
    assert not at.exception
    labels = [button.label for button in at.get("download_button")]
    assert labels == ["Record of standard", "Record of batch norm", "Curves (CSV)", "Unit 3 of layer 2 (CSV)"]
