"""Stored findings: what the experiments said when `python -m bnviz gallery build` last ran them.

One JSON file beside the shipped records: every claim in every setting, with each seed's value, the interval and the
verdict, and with what it was measured. Reads and writes; it does not judge.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from bnviz.experiments import ClaimResult, Curve, Finding, group_by_claim

PATH = Path(__file__).parent / "findings.json"
DIGITS = 6
CURVE_DIGITS = 3
"""Significant digits of numbers, and of a curve, which is only drawn."""


@dataclass(frozen=True)
class Stored:
    """All findings, the day they were made (ISO 8601) and the versions that made them."""

    date: str
    versions: dict[str, str]
    findings: tuple[Finding, ...]

    def of(self, experiment: str, setting: str | None = None, dataset: str | None = None) -> list[ClaimResult]:
        """The claims of one experiment, in one setting and on one data set where they are named."""
        return group_by_claim(
            one
            for one in self.findings
            if one.experiment == experiment and setting in (None, one.setting) and dataset in (None, one.dataset)
        )


def save(stored: Stored, path: Path = PATH) -> None:
    """Write the file, a line a finding; what is not finite is written as null, as JSON has no NaN."""
    lines = ",\n".join(f"  {json.dumps(_plain(one), ensure_ascii=False)}" for one in stored.findings)
    head = json.dumps({"date": stored.date, "versions": stored.versions}, indent=1)[:-2]
    path.write_text(f'{head},\n "findings": [\n{lines}\n ]\n}}\n', encoding="utf-8")


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


def _plain(finding: Finding) -> dict[str, Any]:
    values = asdict(finding)
    curve = {name: _rounded(numbers, CURVE_DIGITS) for name, numbers in values.pop("curve").items()}
    plain = {name: _rounded(value, DIGITS) for name, value in values.items()}
    return plain | ({"curve": curve} if curve["steps"] else {})


def _rounded(value: Any, count: int) -> Any:
    if isinstance(value, tuple):
        return [_rounded(one, count) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{count}g}") if math.isfinite(value) else None
    return value


def _finding(values: dict[str, Any]) -> Finding:
    """The opposite of `_plain`: null is NaN, and lists are tuples.

    Raises:
        TypeError: a field is missing, or one is of another kind than a finding's.
    """
    read = {name: _restored(value) for name, value in values.items() if name != "curve"}
    curve = {name: _restored(numbers) for name, numbers in values.get("curve", {}).items()}
    finding = Finding(**read, curve=Curve(**curve))
    kinds: dict[str, Any] = {"float": (float, int), "int": int, "str": str}
    for one in fields(Finding):
        wanted = tuple if str(one.type).startswith("tuple") else kinds.get(str(one.type), object)
        if not isinstance(getattr(finding, one.name), wanted):
            raise TypeError(f"{one.name} is {getattr(finding, one.name)!r}")
    return finding


def _restored(value: Any) -> Any:
    return tuple(map(_restored, value)) if isinstance(value, list) else math.nan if value is None else value
