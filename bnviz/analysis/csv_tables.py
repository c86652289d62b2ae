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
