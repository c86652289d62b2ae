"""Tables of curves and units are what was measured."""

import io

import numpy as np
import pandas as pd
import pytest

from bnviz.analysis import csv_tables
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.training import train

TINY = RunConfig(widths=(6, 4), steps=12, batch_size=20, test_samples=30, probe_points=6, curve_points=5)


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    configs = {name: TINY.with_changes(norm=norm) for name, norm in (("standard", "none"), ("bn", "batch"))}
    return {name: Record.from_frames(config, train(config)) for name, config in configs.items()}


def test_curves_table(records):
    table = pd.read_csv(io.BytesIO(csv_tables.curves_table(records)), index_col=["arm", "step"])
    assert list(table.columns) == ["run_key", "train_loss [nat]", "test_loss [nat]", "test_accuracy"]
    assert len(table) == sum(record.data.sizes["step"] for record in records.values())
    for name, record in records.items():
        np.testing.assert_array_equal(table.loc[name].index, record.data["step"])
        assert set(table.loc[name]["run_key"]) == {record.config.key}
        for column in table.columns[1:]:
            np.testing.assert_allclose(table.loc[name][column], record.data[column.split()[0]], rtol=1e-5)


@pytest.mark.parametrize(("layer", "unit"), [(1, 6), (2, 1)])
def test_unit_table(records, layer, unit):
    table = pd.read_csv(io.BytesIO(csv_tables.unit_table(records, layer, unit)), index_col=["arm", "probe_step"])
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
    assert len(pd.read_csv(io.BytesIO(csv_tables.curves_table(first)))) == 2
    assert len(pd.read_csv(io.BytesIO(csv_tables.unit_table(first, 1, 1)))) == 2


def test_curves_of_runs_that_learn_values_have_no_accuracy():
    config = RunConfig(dataset="linear_map", network="deep_linear", widths=(5,), steps=3, batch_size=20, probes=())
    table = csv_tables.curves_table({"standard": Record.from_frames(config, train(config))})
    assert table.decode("utf-8-sig").splitlines()[0] == "arm,run_key,step,train_loss,test_loss"
