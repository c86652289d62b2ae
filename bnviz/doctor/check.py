"""Check: one finding about an installation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "warning", "problem"]
"""bnviz cannot run with a `problem`; it can with a `warning`."""

REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
INSTALL = f"Install what is pinned: python -m pip install -r {REQUIREMENTS}"


@dataclass(frozen=True)
class Check:
    """One finding; `advice` is empty if nothing needs to be done."""

    name: str
    state: State
    finding: str
    advice: str = ""
