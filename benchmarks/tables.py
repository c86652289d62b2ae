"""Ratios of two pieces of work timed in turn, and the tables that show their medians and quartiles."""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Values = tuple[float, ...]
"""One figure for each round; a single one if it was taken once; none if it does not apply."""
Work = Callable[[], object]
PAIRS = 9  # for quartiles, at least 7


@dataclass(frozen=True)
class Table:
    """Figures by row and column.

    Attributes:
        name: the module that measures it, as in `python -m benchmarks.NAME`.
        title: of its section.
        about: what was measured, in a sentence or more.
        unit: of all figures.
        columns: names of the columns.
        rows: by name of the row, one entry for each column.
        goals: by row and column, such as "<= 0.85", where there is one.
        digits: decimal places.
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
        """A section with title, text and table; a cell with several values shows their median and quartiles."""
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


def summary(values: Sequence[float], digits: int = 2) -> str:
    """Median and quartiles, or the single value, or nothing."""
    if len(values) < 2:
        return "".join(f"{value:.{digits}f}" for value in values)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def seconds(work: Work, times: int = 1, clock: Callable[[], float] = time.process_time) -> float:
    """Seconds that `work` takes if it is done so many times; by default this process's own on the processor."""
    began = clock()
    for _ in range(times):
        work()
    return clock() - began


def ratios(ours: Work, theirs: Work, pairs: int, times: int = 1) -> Values:
    """Seconds of ours over theirs, timed in turn, now the one first, now the other; the first call of each is left
    out."""
    ours(), theirs()
    found = []
    for pair in range(pairs):
        order = (ours, theirs) if pair % 2 == 0 else (theirs, ours)
        took = {work: seconds(work, times) for work in order}
        found.append(took[ours] / took[theirs])
    return tuple(found)


def command_line(about: str | None) -> argparse.ArgumentParser:
    """A parser that shows the module's docstring as help and knows `--pairs`."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each is measured (%(default)s)")
    return parser


def print_tables(about: str | None, tables: Callable[[int], list[Table]]) -> None:
    """The whole command line of a benchmark that has no other options."""
    for table in tables(command_line(about).parse_args().pairs):
        print(table.markdown(), flush=True)
