"""CSV tables of records, in a form that spreadsheets read correctly.

UTF-8 with a byte-order mark, without which Excel misreads signs such as "×"; units in the column heads; six significant
digits, about the precision of float32; blanks where nothing was measured.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from bnviz.core.record import Record

ENCODING = "utf-8-sig"
NUMBER = "%.6g"


def as_csv(table: pd.DataFrame, units: Mapping[str, str] | None = None) -> bytes:
    """Return the content of a CSV file with the columns of a table, without its index.

    `units` are given by column; a unit of 1 is left out of the head.
    """
    heads = {name: column_head(name, unit) for name, unit in (units or {}).items()}
    text: str = table.rename(columns=heads).to_csv(index=False, float_format=NUMBER, lineterminator="\n")
    return text.encode(ENCODING)


def column_head(name: str, unit: str) -> str:
    """Return the head of a quantity's column, such as `train_loss [nat]`."""
    return name if unit in ("", "1") else f"{name} [{unit}]"


def units_of(records: Iterable[Record]) -> dict[str, str]:
    """Return the unit of each quantity in the records, by its name."""
    return {
        str(name): variable.attrs.get("units", "1")
        for record in records
        for name, variable in record.data.data_vars.items()
    }


def curves_table(records: Mapping[str, Record]) -> bytes:
    """Return a CSV file with the loss and the accuracy, if there is one, of every arm, in long format."""
    names = ["train_loss", "test_loss", "test_accuracy"]
    tables = {
        arm: record.data[[name for name in names if name in record.data]].to_dataframe()
        for arm, record in records.items()
    }
    return arms_table(records, tables)


def unit_table(records: Mapping[str, Record], layer: int, unit: int) -> bytes:
    """Return a CSV file with percentiles, moments and their changes of one unit in every arm at every measured step."""
    tables = {}
    for arm, record in records.items():
        measured = record.data.sel(layer=layer, unit=unit)
        table = measured[["mean", "variance", "mean_change", "variance_change", "saturated_share"]].to_dataframe()
        for level in record.config.recorded_percentiles:
            table[f"percentile_{level:g}"] = measured["percentile"].sel(quantile=level).to_series()
        tables[arm] = table
    return arms_table(records, tables)


def arms_table(records: Mapping[str, Record], tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Return a CSV file with the rows of every arm's table, after the arm and its run key."""
    rows = []
    for arm, table in tables.items():
        arm_rows = table.reset_index()
        arm_rows.insert(0, "arm", arm)
        arm_rows.insert(1, "run_key", records[arm].config.key)
        rows.append(arm_rows)
    return as_csv(pd.concat(rows), units_of(records.values()))
