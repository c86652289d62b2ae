"""Read run files from untrusted sources: return a record, or raise an error with one sentence on the reason.

The netCDF-3 header is parsed here with bounds, not by a library. Declared sizes must match the file exactly, so that
time and memory stay within a small multiple of the file's size. The record and its coordinates are then built anew.
"""

import hashlib
import json
import math
import re
import struct
import zlib
from collections.abc import Container
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr
from pydantic import ValidationError

from bnviz.core.config import MEASURING_VERSION, RunConfig, sentences
from bnviz.core.record import NETCDF_3, Outcome, Record

LARGEST = 5 * 2**20
"""Most bytes of a file, as in `maxUploadSize` of .streamlit/config.toml."""
UNPACKED = 16 * 2**20
"""Most bytes of an unpacked file; records unpack to about twice their packed size."""
GZIP = b"\x1f\x8b"
GZIP_WINDOW = 31  # zlib's code for a gzip header and checksum, with the largest window

TYPES = {1: "i1", 3: "i2", 4: "i4", 5: "f4", 6: "f8"}
TEXT = 2  # the type of text in netCDF-3
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12  # tags of the lists in the header; 0 for an empty list
MOST_DIMENSIONS = 32
MOST_VARIABLES = 128
MOST_ATTRIBUTES = 8
LONGEST_TEXT = 8192  # bytes: a configuration takes some 900, at most 3000
LONGEST_LABEL = 200
LONGEST = {"step": 1001, "probe_step": 501, "layer": 64, "weight_layer": 65}
LONGEST_OTHER = 40_000
"""Sizes of dimensions. Settings bound the first four, and figures draw something for each layer."""

AXES = ("step", "probe_step")
COORDINATES = {*AXES, "layer", "unit", "quantile"}
TITLE = "bnviz run"
RUN_ATTRIBUTES = {"title", "config", "run_key", "outcome"}
LABELS = ("long_name", "units", "source")
NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
"""A pattern instead of a list of known names, because probes are plug-ins."""
SCORE = re.compile(r"(train|test|final|population)_.*")
"""Names of scores, which have one number per `step`, as figures expect."""
PLAIN = re.compile(r"(?:[\w .,;()|/=+\-'·×−–≤≥⟨⟩]|& )*")
"""Letters, digits and signs without a meaning in HTML, Markdown, links, or Plotly's templates and pseudo-HTML."""

Array = npt.NDArray[Any]


def read_untrusted(content: bytes) -> Record:
    """Return the record in a file that `Record.save` or `gallery.save` wrote.

    Raises:
        ValueError: it is not such a file; the message is a sentence for the person who uploaded it.
    """
    try:
        return _record(_File(_unpacked(content)))
    except _InvalidFileError as error:
        raise ValueError(f"This is not a run file of bnviz: {error}.") from None


class _InvalidFileError(Exception):
    """The fault of the file, as the end of a sentence; words of the file itself only if they are PLAIN."""


def _unpacked(content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise _InvalidFileError(f"it has more than {LARGEST // 2**20} MB")
    if not content.startswith(GZIP):
        return content
    unpacker = zlib.decompressobj(GZIP_WINDOW)
    try:
        unpacked = unpacker.decompress(content, UNPACKED + 1)
    except zlib.error:
        raise _InvalidFileError("it is damaged and cannot be unpacked") from None
    if len(unpacked) > UNPACKED:
        raise _InvalidFileError(f"it unpacks to more than {UNPACKED // 2**20} MB")
    if not unpacker.eof or unpacker.unused_data:
        raise _InvalidFileError("it does not end where its packed content does")
    return unpacked


class _File:
    """A parsed netCDF-3 file as bnviz writes it: sizes of dimensions, attributes of the run, and variables."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0
        if self._take(3) != NETCDF_3 or (version := self._take(1)[0]) not in (1, 2):
            raise _InvalidFileError("it is not in the netCDF-3 format")
        if self._whole() != 0:
            raise _InvalidFileError("it has an unlimited dimension")
        self.sizes: dict[str, int] = {}
        for _ in range(self._count(DIMENSIONS, MOST_DIMENSIONS)):
            name = self._new_name(self.sizes)
            self.sizes[name] = self._whole(LONGEST.get(name, LONGEST_OTHER))
        self.attributes = self._attributes(RUN_ATTRIBUTES)
        declared: dict[str, tuple[tuple[str, ...], dict[str, str], np.dtype[Any], int]] = {}
        for _ in range(self._count(VARIABLES, MOST_VARIABLES)):
            name = self._new_name(declared)
            declared[name] = self._variable(version)
        self.variables = {
            name: xr.Variable(dims, self._values(dims, dtype, begin), labels)
            for name, (dims, labels, dtype, begin) in declared.items()
        }
        if self._place != len(content):
            raise _InvalidFileError("it goes on after its last value")

    def _take(self, length: int) -> bytes:
        taken = self._content[self._place : self._place + length]
        if len(taken) < length:
            raise _InvalidFileError("it ends too early")
        self._place += length
        return taken

    def _padded(self, length: int) -> bytes:
        """Take bytes, and skip the padding to a multiple of four."""
        return self._take(length + -length % 4)[:length]

    def _whole(self, most: int = 2**31 - 1) -> int:
        (number,) = struct.unpack(">i", self._take(4))
        if not 0 <= number <= most:
            raise _InvalidFileError(f"it declares {number} where there can be 0 to {most}")
        return int(number)

    def _count(self, kind: int, most: int) -> int:
        declared, count = self._whole(), self._whole(most)
        if declared != (kind if count else 0):
            raise _InvalidFileError("its header is damaged")
        return count

    def _text(self, longest: int) -> str:
        try:
            return self._padded(self._whole(longest)).rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError:
            raise _InvalidFileError("a text in it is damaged") from None

    def _new_name(self, taken: dict[str, Any]) -> str:
        name = self._text(LONGEST_LABEL)
        if not NAME.fullmatch(name) or name in taken:
            raise _InvalidFileError("it has a name that bnviz would not give, or the same name twice")
        return name

    def _attributes(self, allowed: Container[str]) -> dict[str, str]:
        """Read text attributes; the fill value is skipped, because it is NaN in every record."""
        texts: dict[str, str] = {}
        for _ in range(self._count(ATTRIBUTES, MOST_ATTRIBUTES)):
            name, kind = self._text(LONGEST_LABEL), self._whole()
            if name == "_FillValue" and kind in TYPES and self._whole(1) == 1:
                self._padded(np.dtype(TYPES[kind]).itemsize)
            elif name in allowed and name not in texts and kind == TEXT:
                texts[name] = self._text(LONGEST_TEXT)
            else:
                raise _InvalidFileError("it has a note that bnviz would not make")
        return texts

    def _variable(self, version: int) -> tuple[tuple[str, ...], dict[str, str], np.dtype[Any], int]:
        names = list(self.sizes)
        dims = tuple(names[self._whole(len(names) - 1)] for _ in range(self._whole(len(names))))
        labels = dict.fromkeys(LABELS, "") | self._attributes(LABELS)
        if not all(len(text) <= LONGEST_LABEL and PLAIN.fullmatch(text) for text in labels.values()):
            raise _InvalidFileError("a label in it is too long or has signs that bnviz's labels do not have")
        kind = self._whole()
        if kind not in TYPES or len(set(dims)) < len(dims):
            raise _InvalidFileError("it has values of a kind that bnviz does not measure")
        self._take(4)  # the size in bytes, once more
        begin = struct.unpack(">i" if version == 1 else ">q", self._take(4 if version == 1 else 8))[0]
        return dims, labels, np.dtype(TYPES[kind]), begin

    def _values(self, dims: tuple[str, ...], dtype: np.dtype[Any], begin: int) -> Array:
        """Read values, which must follow those before, so that all of them together fit into the file."""
        if begin != self._place:
            raise _InvalidFileError("its values are not where they should be")
        shape = tuple(self.sizes[name] for name in dims)
        content = self._padded(math.prod(shape) * dtype.itemsize)
        if not content:
            if len(shape) > 1:  # the other sizes could exceed NumPy's limits
                raise _InvalidFileError("it has a table without values")
            return np.empty(shape, dtype)
        return np.frombuffer(content, dtype.newbyteorder(">")).reshape(shape).astype(dtype)


def _record(file: _File) -> Record:
    config = _config(file.attributes)
    outcome: Outcome = next((word for word in get_args(Outcome) if word == file.attributes.get("outcome")), "running")
    if outcome == "running":
        raise _InvalidFileError("it does not say how the run ended")
    if file.sizes.get("quantile", len(config.recorded_percentiles)) != len(config.recorded_percentiles):
        raise _InvalidFileError("it has other percentiles than its settings say")
    for name, item in file.variables.items():
        is_coordinate = name in COORDINATES and item.dims == (name,)
        is_measured = item.dims and item.dims[0] in AXES and not {*AXES} & {*item.dims[1:]}
        if not is_coordinate and (not is_measured or name in file.sizes or item.values.size == 0):
            raise _InvalidFileError(f"{name} in it is not over the run's steps")
        is_score = SCORE.fullmatch(name) is not None
        if not is_coordinate and (is_score or item.dims[0] == "step") and item.dims != ("step",):
            raise _InvalidFileError(f"{name} in it is not one number at each step")
    axes = {axis: (axis, _steps(file, axis, config.steps), {"long_name": "updates done"}) for axis in AXES}
    data = xr.Dataset({name: item for name, item in file.variables.items() if item.dims != (name,)}, axes)
    if "quantile" in data.dims:
        data = data.assign_coords(quantile=("quantile", list(config.recorded_percentiles), {"units": "percent"}))
    for name in ("layer", "unit"):
        if name in data.dims:
            data = data.assign_coords({name: np.arange(1, data.sizes[name] + 1, dtype=np.int32)})
    if not data.data_vars:
        raise _InvalidFileError("nothing was measured in it")
    return Record(config, data, outcome)


def _config(attributes: dict[str, str]) -> RunConfig:
    if attributes.get("title") != TITLE:
        raise _InvalidFileError(f"its title is not {TITLE!r}")
    try:
        config = RunConfig.model_validate_json(attributes.get("config", "")).with_active_options()
    except ValidationError as error:
        problem = sentences(error)[0].rstrip(".")
        raise _InvalidFileError(problem if PLAIN.fullmatch(problem) else "its settings are not bnviz's") from None
    if attributes.get("run_key") not in (config.key, _former_key(attributes["config"])):
        raise _InvalidFileError("it was measured by another version of bnviz, or its settings were changed")
    return config


def _former_key(config_json: str) -> str:
    """The run key in files of versions whose run keys hashed every field, defaults included."""
    text = json.dumps([MEASURING_VERSION, json.loads(config_json)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _steps(file: _File, axis: str, last: int) -> Array:
    """The steps of one axis, which may be none."""
    item = file.variables.get(axis)
    if item is None or item.dims != (axis,) or item.values.dtype.kind != "i":
        raise _InvalidFileError(f"it lacks its {axis} axis")
    steps: Array = item.values.astype(np.int32)
    if steps.size and (steps[0] < 0 or steps[-1] > last or (steps[1:] <= steps[:-1]).any()):
        raise _InvalidFileError(f"its {axis} axis does not rise from 0 or more to at most {last}")
    return steps
