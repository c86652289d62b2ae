"""Stored findings: what the experiments said when `python -m bnviz gallery build` last ran them.

One JSON file beside the shipped records: every claim in every setting, with each seed's value, the interval and the
verdict, and with what it was measured. Reads and writes; it does not judge.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from bnviz.experiments import Finding

PATH = Path(__file__).parent / "findings.json"
NUMBERS = ("mean", "low", "high", "bound")


@dataclass(frozen=True)
class Stored:
    """All findings, the day they were made (ISO 8601) and the versions that made them."""

    date: str
    versions: dict[str, str]
    findings: tuple[Finding, ...]

    def of(self, experiment: str, setting: str | None = None, dataset: str | None = None) -> list[Finding]:
        """Those of one experiment, and of one setting and one data set where they are named."""
        return [
            one
            for one in self.findings
            if one.experiment == experiment and setting in (None, one.setting) and dataset in (None, one.dataset)
        ]


def save(stored: Stored, path: Path = PATH) -> None:
    """Write the file; what is not finite is written as null, as JSON has no NaN."""
    content = {"date": stored.date, "versions": stored.versions, "findings": [_plain(one) for one in stored.findings]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path = PATH) -> Stored:
    """The stored findings; none at all if there is no file, or it cannot be read."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return Stored("", {}, ())


@lru_cache(maxsize=4)
def _read(path: Path, modified: int) -> Stored:  # noqa: ARG001 (part of the cache key: a new file is read again)
    content = json.loads(path.read_text(encoding="utf-8"))
    return Stored(content["date"], content["versions"], tuple(_finding(one) for one in content["findings"]))


def _plain(finding: Finding) -> dict[str, object]:
    values = asdict(finding)
    for name in NUMBERS:
        values[name] = _rounded(values[name])
    values["values"] = [_rounded(value) for value in values["values"]]
    return values


def _rounded(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _finding(values: dict[str, object]) -> Finding:
    def number(value: object) -> float:
        return math.nan if value is None else float(value)  # type: ignore[arg-type]

    read = dict(values)
    for name in NUMBERS:
        read[name] = number(read[name])
    read["values"] = tuple(number(value) for value in _list(values["values"]))
    read["seeds"] = tuple(int(seed) for seed in _list(values["seeds"]))  # type: ignore[call-overload]
    return Finding(**read)  # type: ignore[arg-type]


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {value!r}")
    return value
