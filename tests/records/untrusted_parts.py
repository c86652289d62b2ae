"""A sound run file in parts, to be changed and written by test_untrusted: xarray would not write a forged one."""

import struct
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from bnviz import Frame, Measurement, Record, RunConfig

CONFIG = RunConfig(widths=(3, 2), norm="batch", steps=8, percentiles=(10.0, 90.0))
TYPES = {np.dtype(kind): code for kind, code in (("i1", 1), ("S1", 2), ("i2", 3), ("i4", 4), ("f4", 5), ("f8", 6))}


@dataclass
class Parts:
    """What a file consists of; once it is written, `numbers` is where in it the header's numbers are."""

    sizes: list[tuple[str, int]]
    notes: dict[str, Any]
    variables: list[tuple[str, list[int], Any, dict[str, Any]]]
    records: int = 0
    moved: int = 0  # bytes that every variable's beginning is off
    overlaid: bool = False  # whether all of them are said to begin at the first one's
    numbers: list[int] = field(default_factory=list)

    def content(self) -> bytes:
        """The file, in the 64-bit form of netCDF-3 that xarray writes."""
        self.numbers, header, begins, out = [], bytearray(b"CDF\x02"), [], b""

        def number(value: int) -> None:
            self.numbers.append(len(header))
            header.extend(struct.pack(">i", value))

        def text(value: str | bytes) -> None:
            coded = value.encode() if isinstance(value, str) else value
            number(len(coded))
            header.extend(coded + bytes(-len(coded) % 4))

        def count(kind: int, items: Any) -> None:
            number(kind if items else 0)
            number(len(items))

        def notes(items: dict[str, Any]) -> None:
            count(12, items)
            for name, value in items.items():
                text(name)
                if isinstance(value, str):
                    number(2)
                    text(value)
                else:
                    number(TYPES[value.dtype])
                    number(value.size)
                    coded = value.astype(value.dtype.newbyteorder(">")).tobytes()
                    header.extend(coded + bytes(-len(coded) % 4))

        number(self.records)
        count(10, self.sizes)
        for name, size in self.sizes:
            text(name)
            number(size)
        notes(self.notes)
        count(11, self.variables)
        for name, dims, values, labels in self.variables:
            text(name)
            number(len(dims))
            for index in dims:
                number(index)
            notes(labels)
            number(TYPES[values.dtype])
            header.extend(struct.pack(">i", values.nbytes))
            begins.append(len(header))
            header.extend(bytes(8))
        for place, (_, _, values, _) in zip(begins, self.variables, strict=True):
            begin = len(header) + self.moved + (0 if self.overlaid else len(out))
            struct.pack_into(">q", header, place, begin)
            coded = values.astype(values.dtype.newbyteorder(">")).tobytes()
            out += coded + bytes(-len(coded) % 4)
        return bytes(header) + out

    def variable(self, name: str, values: Any = None, dims: list[int] | None = None, **labels: Any) -> None:
        """Change a variable in these respects."""
        place = [one[0] for one in self.variables].index(name)
        _, old_dims, old_values, old_labels = self.variables[place]
        changed = old_values if values is None else np.asarray(values)
        self.variables[place] = (name, old_dims if dims is None else dims, changed, old_labels | labels)

    def resize(self, dim: str, size: int) -> None:
        """Another size of one dimension, with values to it."""
        index = [name for name, _ in self.sizes].index(dim)
        self.sizes[index] = (dim, size)
        for name, dims, values, _ in list(self.variables):
            if index in dims:
                self.variable(name, np.resize(values, [self.sizes[one][1] for one in dims]))

    def only(self, *names: str) -> None:
        """Leave all other variables out."""
        self.variables = [one for one in self.variables if one[0] in names]


def sound_frames() -> list[Frame]:
    """Of a small run with every kind of dimension and value."""
    curve = Measurement(np.array(0.5, np.float32), (), "cross-entropy", "nat", "Größe µ, Fig. 1", axis="step")
    width = Measurement(np.full((2, 3, 3), np.nan, np.float32), ("layer", "quantile", "unit"), "percentile, |g|² ≤ λ")
    count = Measurement(np.full((2, 3, 5), 7, np.int8), ("layer", "unit", "bin"), "samples in bin")
    exact = Measurement(np.array([0.1, 0.2]), ("rank",), "largest eigenvalues", "1", "Ioffe & Szegedy 2015")
    seen = {"percentile": width, "count": count, "exact": exact}
    return [Frame(0, {"loss": curve, **seen}), Frame(3, {"loss": curve}), Frame(8, {"loss": curve, **seen}, "finished")]


@cache
def sound_record() -> Record:
    """Its record."""
    return Record.from_frames(CONFIG, sound_frames())


def sound_parts() -> Parts:
    """The same, to be changed."""
    return deepcopy(_parts())


@cache
def _parts() -> Parts:
    record = sound_record()
    names = [str(name) for name in record.data.sizes]
    variables = [
        (str(name), [names.index(str(dim)) for dim in item.dims], item.values, dict(item.attrs))
        for name, item in record.data.variables.items()
    ]
    notes = {"title": "bnviz run", "config": record.config.model_dump_json(), "run_key": record.config.key}
    sizes = [(name, record.data.sizes[name]) for name in names]
    return Parts(sizes, {**notes, "outcome": record.outcome}, variables)
