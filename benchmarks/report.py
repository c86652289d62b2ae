"""`make bench`: measure what is quick to measure, and write docs/benchmarks.json and a part of docs/benchmarks.md.

The JSON has every single ratio; the page their medians and quartiles, between two marks. What needs a browser, a class,
a GPU or faults is measured by commands of its own and written into the page by hand, outside the marks.
"""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks import memory, overhead, probes
from benchmarks.tables import Table, command_line

BENCHMARKS = (overhead, probes, memory)
PACKAGES = ("torch", "numpy", "dask", "streamlit")
PAIRS = 7
PROJECT = Path(__file__).resolve().parents[1]
PAGE, DATA = PROJECT / "docs" / "benchmarks.md", PROJECT / "docs" / "benchmarks.json"
BEGIN, END = "<!-- make bench: from here -->", "<!-- make bench: to here -->"


def main() -> None:
    """Measure, print and write."""
    parser = command_line(__doc__)
    parser.set_defaults(pairs=PAIRS)
    pairs = parser.parse_args().pairs
    where = circumstances()
    print(where["sentence"], flush=True)
    tables: list[Table] = []
    for benchmark in BENCHMARKS:
        for table in benchmark.tables(pairs):
            print(f"\n{table.markdown()}", flush=True)
            tables.append(table)
    text = "\n".join([str(where["sentence"]), "", *(table.markdown() for table in tables)])
    PAGE.write_text(with_generated(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    DATA.write_text(as_json(where, tables), encoding="utf-8")


def circumstances() -> dict[str, object]:
    """Where, when and with what is measured, and all of it as a sentence; memory in MB of 10^6 bytes."""
    versions = {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    found = {
        "date": date.today().isoformat(),
        "commit": _commit(),
        "cores": os.cpu_count() or 1,
        "processor": _processor(),
        "memory": round(psutil.virtual_memory().total / 1e6),
        "system": platform.system(),
        "versions": versions,
    }
    sentence = (
        f"Measured on {found['date']} at commit `{found['commit']}` with {found['cores']} cores "
        f"({found['processor']}), {psutil.virtual_memory().total / 1e9:.0f} GB, {found['system']}; "
        f"{', '.join(f'{name} {number}' for name, number in versions.items())}."
    )
    return found | {"sentence": sentence}


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


def as_json(where: dict[str, object], tables: Sequence[Table]) -> str:
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
    return json.dumps({"machine": where, "tables": found}, indent=1) + "\n"


def _processor() -> str:
    """Its name where Linux tells it, elsewhere its kind."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
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
