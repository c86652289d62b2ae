"""Tables of what was measured: what every benchmark hands over, and how it is shown.

A benchmark that `benchmarks.report` runs has a function `tables(pairs) -> list[Table]`. Nothing here knows what was
measured, or on which machine.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Values = tuple[float, ...]
"""A figure for each pair of measurements taken in turn; one, if it was taken once; none, if it does not apply."""
PAIRS = 9  # for quartiles, at least 7


@dataclass(frozen=True)
class Table:
    """Figures by row and column.

    Attributes:
        name: the module that measures it, as in `python -m benchmarks.NAME`.
        title: of its section.
        about: a sentence or more on what was measured.
        unit: of all figures.
        columns: what each column is.
        rows: by what each is, its figures, one for each column.
        goals: by row and column, such as "<= 0.85", where there is one.
        digits: behind the point.
    """

    name: str
    title: str
    about: str
    unit: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Values, ...]]
    goals: Mapping[tuple[str, str], str] = field(default_factory=dict)
    digits: int = 2

    def markdown(self) -> str:
        """A section: title, text and table; of more than one value the median, with quartiles."""
        lines = [f"## {self.title}: `python -m benchmarks.{self.name}`", "", self.about, ""]
        lines += [f"| {self.unit} | {' | '.join(self.columns)} |", "|---" * (1 + len(self.columns)) + "|"]
        lines += [f"| {row} | {' | '.join(self._cells(row, figures))} |" for row, figures in self.rows.items()]
        return "\n".join(lines) + "\n"

    def _cells(self, row: str, figures: Sequence[Values]) -> list[str]:
        cells = []
        for column, values in zip(self.columns, figures, strict=True):
            goal = self.goals.get((row, column))
            cells.append(summary(values, self.digits) + (f"; goal {goal}" if goal else ""))
        return cells


def summary(values: Values, digits: int = 2) -> str:
    """Median and quartiles, or the one value, or nothing."""
    if len(values) < 2:
        return "".join(f"{value:.{digits}f}" for value in values)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def alone(about: str | None, tables: Callable[[int], list[Table]], pairs: int = PAIRS) -> None:
    """The command line of one benchmark: print its tables."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=pairs, help="how often each is measured (%(default)s)")
    for table in tables(parser.parse_args().pairs):
        print(table.markdown())
