"""Stored findings of the experiments, as `python -m bnviz gallery build` last computed them.

One JSON file beside the shipped records: every claim in every setting, with each seed's value, the intervals and the
verdict, and the versions that measured them.
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
"""Significant digits of numbers and of curves, which are only drawn."""


@dataclass(frozen=True)
class StoredFindings:
    """All findings, their date (ISO 8601) and the versions that computed them."""

    date: str
    versions: dict[str, str]
    findings: tuple[Finding, ...]

    def of(self, experiment: str, setting: str | None = None, dataset: str | None = None) -> list[ClaimResult]:
        """Return the results of one experiment's claims, restricted to a setting and a data set if given."""
        return group_by_claim(
            finding
            for finding in self.findings
            if finding.experiment == experiment
            and setting in (None, finding.setting)
            and dataset in (None, finding.dataset)
        )


def save(stored: StoredFindings, path: Path = PATH) -> None:
    """Write the file, one line per finding; values that are not finite become null, because JSON has no NaN."""
    lines = ",\n".join(f"  {json.dumps(_plain(finding), ensure_ascii=False)}" for finding in stored.findings)
    head = json.dumps({"date": stored.date, "versions": stored.versions}, indent=1)[:-2]
    path.write_text(f'{head},\n "findings": [\n{lines}\n ]\n}}\n', encoding="utf-8")


def read(path: Path = PATH) -> StoredFindings:
    """Return the stored findings; none if the file is missing or cannot be read."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return StoredFindings("", {}, ())


@lru_cache(maxsize=4)
def _read(path: Path, modified: int) -> StoredFindings:  # noqa: ARG001 (part of the cache key: a new file is read again)
    content = json.loads(path.read_text(encoding="utf-8"))
    return StoredFindings(
        content["date"], content["versions"], tuple(_finding(values) for values in content["findings"])
    )


def _plain(finding: Finding) -> dict[str, Any]:
    values = asdict(finding)
    curve = {name: _rounded(numbers, CURVE_DIGITS) for name, numbers in values.pop("curve").items()}
    plain = {name: _rounded(value, DIGITS) for name, value in values.items()}
    return plain | ({"curve": curve} if curve["steps"] else {})


def _rounded(value: Any, count: int) -> Any:
    if isinstance(value, tuple):
        return [_rounded(item, count) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{count}g}") if math.isfinite(value) else None
    return value


def _finding(values: dict[str, Any]) -> Finding:
    """Invert `_plain`: null becomes NaN, and lists become tuples.

    Raises:
        TypeError: a field is missing or has the wrong type.
    """
    read = {name: _restored(value) for name, value in values.items() if name != "curve"}
    curve = {name: _restored(numbers) for name, numbers in values.get("curve", {}).items()}
    finding = Finding(**read, curve=Curve(**curve))
    kinds: dict[str, Any] = {"float": (float, int), "int": int, "str": str}
    for field in fields(Finding):
        kind = tuple if str(field.type).startswith("tuple") else kinds.get(str(field.type), object)
        if not isinstance(getattr(finding, field.name), kind):
            raise TypeError(f"{field.name} is {getattr(finding, field.name)!r}")
    return finding


def _restored(value: Any) -> Any:
    return tuple(map(_restored, value)) if isinstance(value, list) else math.nan if value is None else value
