"""Shown: what a page has on screen, handed to its picture. Holds records only; knows neither jobs nor charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bnviz.record import Record


@dataclass(frozen=True)
class Shown:
    """The records of a comparison, as far as they are measured.

    Attributes:
        records: by arm, the run with the page's own seed.
        repeats: by arm, that run and, once every arm has finished it, the run with each further seed: pairs in order.
        live: whether runs go on.
        also: by name, what the page asked for besides the arms, once its run has ended.
    """

    records: Mapping[str, Record]
    repeats: Mapping[str, Sequence[Record]]
    live: bool = False
    also: Mapping[str, Record] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Mapping[str, Record], live: bool = False) -> "Shown":
        """One seed of each arm."""
        return cls(records, {name: (record,) for name, record in records.items()}, live)
