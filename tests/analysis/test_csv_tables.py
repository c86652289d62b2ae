"""CSV files: what a spreadsheet needs to read them, and that nothing is lost but digits."""

import codecs
import io

import numpy as np
import pandas as pd

from bnviz.analysis.csv_tables import as_csv, units_of
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Measurement, Record

TABLE = pd.DataFrame(
    {
        "arm": ["ŷ ≤ 1, “a”", "b", "c"],
        "train_loss": np.array([1 / 3, np.nan, 1e-7 / 3], np.float32),
        "step": [0, 123_456_789, 2],
        "seconds": [2.0, None, np.inf],
    }
)


def test_a_spreadsheet_is_told_the_encoding():
    content = as_csv(TABLE)
    assert content.startswith(codecs.BOM_UTF8)
    assert content.count(codecs.BOM_UTF8) == 1
    assert "ŷ ≤ 1, “a”" in content.decode("utf-8-sig")


def test_numbers_have_six_significant_digits_and_what_is_missing_is_blank():
    lines = as_csv(TABLE).decode("utf-8-sig").splitlines()
    assert lines[1:] == ['"ŷ ≤ 1, “a”",0.333333,0,2', "b,,123456789,", "c,3.33333e-08,2,inf"]


def test_a_unit_that_is_not_1_is_in_the_head_of_its_column():
    head = as_csv(TABLE, {"train_loss": "nat", "seconds": "1", "absent": "m"}).decode("utf-8-sig").splitlines()[0]
    assert head == "arm,train_loss [nat],step,seconds"
    assert [*pd.read_csv(io.BytesIO(as_csv(TABLE)))] == [*TABLE]


def test_units_are_those_of_the_measurements():
    loss = Measurement(np.float32(1), (), "loss", "nat", axis="step")
    score = Measurement(np.float32(1), (), "accuracy", axis="step")
    record = Record.from_frames(RunConfig(), [Frame(0, {"train_loss": loss, "test_accuracy": score})])
    assert units_of([record]) == {"train_loss": "nat", "test_accuracy": "1"}
