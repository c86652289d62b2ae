"""Check: one finding about an installation. Knows of no particular one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warning", "problem"]
"""A `problem` is something that bnviz cannot run without, a `warning` something it can."""

REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
INSTALL = f"Install what is pinned: python -m pip install -r {REQUIREMENTS}"


@dataclass(frozen=True)
class Check:
    """One finding; `advice` is empty if all is well."""

    name: str
    state: State
    finding: str
    advice: str = ""
