"""CSV files: what a spreadsheet needs to read them, and that nothing is lost but digits."""

import codecs
import io

import numpy as np
import pandas as pd
import pytest

from bnviz.analysis.csv_tables import as_csv, curves_table, unit_table, units_of
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Measurement, Record
from bnviz.training import train

TINY = RunConfig(widths=(6, 4), steps=12, batch_size=20, test_samples=30, probe_points=6, curve_points=5)

TABLE = pd.DataFrame(
    {
        "arm": ["ŷ ≤ 1, “a”", "b", "c"],
        "train_loss": np.array([1 / 3, np.nan, 1e-7 / 3], np.float32),
        "step": [0, 123_456_789, 2],
        "seconds": [2.0, None, np.inf],
    }
)


def test_csv_starts_with_byte_order_mark():
    content = as_csv(TABLE)
    assert content.startswith(codecs.BOM_UTF8)
    assert content.count(codecs.BOM_UTF8) == 1
    assert "ŷ ≤ 1, “a”" in content.decode("utf-8-sig")


def test_csv_numbers_have_six_digits_and_blanks():
    lines = as_csv(TABLE).decode("utf-8-sig").splitlines()
    assert lines[1:] == ['"ŷ ≤ 1, “a”",0.333333,0,2', "b,,123456789,", "c,3.33333e-08,2,inf"]


def test_column_heads_have_units_other_than_1():
    head = as_csv(TABLE, {"train_loss": "nat", "seconds": "1", "absent": "m"}).decode("utf-8-sig").splitlines()[0]
    assert head == "arm,train_loss [nat],step,seconds"
    assert [*pd.read_csv(io.BytesIO(as_csv(TABLE)))] == [*TABLE]


def test_units_of_records_are_those_of_measurements():
    loss = Measurement(np.float32(1), (), "loss", "nat", axis="step")
    score = Measurement(np.float32(1), (), "accuracy", axis="step")
    record = Record.from_frames(RunConfig(), [Frame(0, {"train_loss": loss, "test_accuracy": score})])
    assert units_of([record]) == {"train_loss": "nat", "test_accuracy": "1"}


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    configs = {name: TINY.model_copy(update={"norm": norm}) for name, norm in (("standard", "none"), ("bn", "batch"))}
    return {name: Record.from_frames(config, train(config)) for name, config in configs.items()}


def test_curves_table_has_every_step_of_every_arm(records):
    table = pd.read_csv(io.BytesIO(curves_table(records)), index_col=["arm", "step"])
    assert list(table.columns) == ["run_key", "train_loss [nat]", "test_loss [nat]", "test_accuracy"]
    assert len(table) == sum(record.data.sizes["step"] for record in records.values())
    for name, record in records.items():
        np.testing.assert_array_equal(table.loc[name].index, record.data["step"])
        assert set(table.loc[name]["run_key"]) == {record.config.key}
        for column in table.columns[1:]:
            np.testing.assert_allclose(table.loc[name][column], record.data[column.split()[0]], rtol=1e-5)


@pytest.mark.parametrize(("layer", "unit"), [(1, 6), (2, 1)])
def test_unit_table_has_moments_and_percentiles(records, layer, unit):
    table = pd.read_csv(io.BytesIO(unit_table(records, layer, unit)), index_col=["arm", "probe_step"])
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


def test_tables_of_first_frames_have_one_row_per_arm(records):
    first = {name: Record.from_frames(r.config, [next(iter(train(r.config)))]) for name, r in records.items()}
    assert len(pd.read_csv(io.BytesIO(curves_table(first)))) == 2
    assert len(pd.read_csv(io.BytesIO(unit_table(first, 1, 1)))) == 2


def test_curves_table_of_regression_has_no_accuracy():
    config = RunConfig(dataset="linear_map", network="deep_linear", widths=(5,), steps=3, batch_size=20, probes=())
    table = curves_table({"standard": Record.from_frames(config, train(config))})
    assert table.decode("utf-8-sig").splitlines()[0] == "arm,run_key,step,train_loss,test_loss"
