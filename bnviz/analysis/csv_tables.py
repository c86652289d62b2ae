"""Tables as CSV files that a spreadsheet reads as they are meant, in every country.

UTF-8 with a byte-order mark, without which Excel takes "×" for other signs; units in the heads of columns; six
significant digits, about what float32 holds; blanks where nothing was measured.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from bnviz.core.record import Record

ENCODING = "utf-8-sig"
NUMBER = "%.6g"


def as_csv(table: pd.DataFrame, units: Mapping[str, str] | None = None) -> bytes:
    """The columns of a table, without its index, as a file's content.

    `units` has them by column; a quantity whose unit is 1 has none in its head.
    """
    heads = {name: head(name, unit) for name, unit in (units or {}).items()}
    text: str = table.rename(columns=heads).to_csv(index=False, float_format=NUMBER, lineterminator="\n")
    return text.encode(ENCODING)


def head(name: str, unit: str) -> str:
    """What a column of a quantity is called: `train_loss [nat]`."""
    return name if unit in ("", "1") else f"{name} [{unit}]"


def units_of(records: Iterable[Record]) -> dict[str, str]:
    """Units of all that was measured, by the quantity's name in the record."""
    return {
        str(name): variable.attrs.get("units", "1")
        for record in records
        for name, variable in record.data.data_vars.items()
    }


def curves_table(records: Mapping[str, Record]) -> bytes:
    """Loss and accuracy, where there is one, of every arm at every noted step, long format, CSV."""
    names = ["train_loss", "test_loss", "test_accuracy"]
    return arms_table(
        records,
        {arm: one.data[[name for name in names if name in one.data]].to_dataframe() for arm, one in records.items()},
    )


def unit_table(records: Mapping[str, Record], layer: int, unit: int) -> bytes:
    """Percentiles, moments and their changes of one unit in every arm at every measured step, CSV."""
    tables = {}
    for name, record in records.items():
        measured = record.data.sel(layer=layer, unit=unit)
        table = measured[["mean", "variance", "mean_change", "variance_change", "saturated_share"]].to_dataframe()
        for level in record.config.recorded_percentiles:
            table[f"percentile_{level:g}"] = measured["percentile"].sel(quantile=level).to_series()
        tables[name] = table
    return arms_table(records, tables)


def arms_table(records: Mapping[str, Record], tables: Mapping[str, pd.DataFrame]) -> bytes:
    """One table of every arm's rows, with the arm and the run key in front, long format, CSV."""
    rows = []
    for arm, table in tables.items():
        named = table.reset_index()
        named.insert(0, "arm", arm)
        named.insert(1, "run_key", records[arm].config.key)
        rows.append(named)
    return as_csv(pd.concat(rows), units_of(records.values()))
