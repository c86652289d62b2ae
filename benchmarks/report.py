"""`make bench`: measure what is cheap to measure, and write docs/benchmarks.json and the generated part of
docs/benchmarks.md.

Takes about twelve minutes on two cores that have nothing else to do. The JSON has every single ratio; the page their
medians and quartiles. What needs a browser, thirty visitors or faults is measured by commands of its own and written
into the page by hand, outside the two marks, where nothing is changed.
"""

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks import charts, memory, overhead, probes, records, step, sweep, worker_memory
from benchmarks.tables import Table

BENCHMARKS = (overhead, probes, step, records, sweep, charts, memory, worker_memory)
PACKAGES = ("torch", "numpy", "dask", "streamlit")
PAIRS = 7
PROJECT = Path(__file__).resolve().parents[1]
PAGE, DATA = PROJECT / "docs" / "benchmarks.md", PROJECT / "docs" / "benchmarks.json"
BEGIN, END = "<!-- make bench: from here -->", "<!-- make bench: to here -->"


@dataclass(frozen=True)
class Machine:
    """Where, when and with what it was measured; memory in MB of 10^6 bytes."""

    date: str
    commit: str
    cores: int
    processor: str
    memory: int
    system: str
    versions: dict[str, str]

    def sentence(self) -> str:
        """For people."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"Measured on {self.date} at commit `{self.commit}` with {self.cores} cores ({self.processor}), "
            f"{self.memory / 1000:.0f} GB, {self.system}; {versions}."
        )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each is measured (%(default)s)")
    pairs = parser.parse_args().pairs
    machine = this_machine()
    print(machine.sentence(), flush=True)
    tables: list[Table] = []
    for benchmark in BENCHMARKS:
        began = time.monotonic()
        for table in benchmark.tables(pairs):
            print(f"\n{table.markdown()}", flush=True)
            tables.append(table)
        print(f"({time.monotonic() - began:.0f} s)", flush=True)
    PAGE.write_text(with_generated(PAGE.read_text(encoding="utf-8"), generated(machine, tables)), encoding="utf-8")
    DATA.write_text(as_json(machine, tables), encoding="utf-8")


def this_machine() -> Machine:
    """What is known of it."""
    import psutil

    versions = {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    return Machine(
        date=date.today().isoformat(),
        commit=_commit(),
        cores=os.cpu_count() or 1,
        processor=_processor(),
        memory=round(psutil.virtual_memory().total / 1e6),
        system=platform.system(),
        versions=versions,
    )


def generated(machine: Machine, tables: Sequence[Table]) -> str:
    """The part of the page that is made anew."""
    return "\n".join([machine.sentence(), "", *(table.markdown() for table in tables)])


def with_generated(page: str, text: str) -> str:
    """The page, with `text` between its two marks.

    Raises:
        ValueError: there is not one of each, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in after or END in after:
        raise ValueError(f"the page must have '{BEGIN}' and '{END}', once and in this order")
    return f"{before}{BEGIN}\n{text.strip()}\n{END}{after}"


def as_json(machine: Machine, tables: Sequence[Table]) -> str:
    """Every figure: by table, row and column a list of values, one for each pair, and the goal as it is shown."""
    found = [
        {
            "benchmark": table.name,
            "title": table.title,
            "unit": table.unit,
            "rows": {row: dict(zip(table.columns, values, strict=True)) for row, values in table.rows.items()},
            "goals": [{"row": row, "column": column, "goal": goal} for (row, column), goal in table.goals.items()],
        }
        for table in tables
    ]
    return json.dumps({"machine": vars(machine), "tables": found}, indent=1) + "\n"


def _processor() -> str:
    """Its name as Linux tells it, elsewhere its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """Short, with `-dirty` where files differ from it; empty outside of a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=7", "--exclude", "*"]
    try:
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


if __name__ == "__main__":
    main()
