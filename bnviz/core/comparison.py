"""Comparison: one base configuration and a few named variants of it, trained side by side.

Arms share the seed, and through named random streams (`bnviz.torch_support.rng`) the order of the data and the initial
value of every parameter that both have. This module knows nothing of training.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bnviz.core.config import RunConfig

MAX_ARMS = 4


@dataclass(frozen=True)
class Comparison:
    """A base run and, by the arm's name, what each arm changes in it."""

    base: RunConfig
    arms: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"standard": {"norm": "none"}})

    def __post_init__(self) -> None:
        if not 1 <= len(self.arms) <= MAX_ARMS:
            raise ValueError(f"a comparison has 1 to {MAX_ARMS} arms, {len(self.arms)} were given")
        if any("seed" in changes or "batch_size" in changes for changes in self.arms.values()):
            raise ValueError("arms of a comparison share seed and batch_size; change them in the base")

    def configs(self) -> dict[str, RunConfig]:
        """Each arm's full configuration, validated again, with the options of its own plug-ins only.

        Raises:
            pydantic.ValidationError: an arm's changes are not allowed.
        """
        return {name: self.base.with_changes(**changes).with_active_options() for name, changes in self.arms.items()}
