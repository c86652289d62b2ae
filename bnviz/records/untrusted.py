"""Foreign run files: a record out of bytes that anybody may have made, or one sentence on why not.

The netCDF-3 header is read here, within bounds, and no parser of others sees the bytes: what is declared is believed
only once it fits the file exactly, so that neither time nor memory can exceed a small multiple of the file's size. The
record is then built anew, coordinates and all. Knows nothing of uploads, and of no particular quantity.
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
"""Bytes of a file; as `maxUploadSize` in .streamlit/config.toml says."""
UNPACKED = 16 * 2**20
"""Bytes that a packed file may unpack to; records unpack to about twice their packed size."""
GZIP = b"\x1f\x8b"
GZIP_WINDOW = 31  # zlib's way to say: gzip's header, its checksum, and the largest window

TYPES = {1: "i1", 3: "i2", 4: "i4", 5: "f4", 6: "f8"}
TEXT = 2  # the type of text in netCDF-3
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12  # what a list in the header is a list of; 0 if it is empty
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
"""Any name that a probe would use, not a list of known ones: a probe is one file, and nothing has to be registered."""
SCORE = re.compile(r"(train|test|final|population)_.*")
"""How the names begin of what is measured over `step`: one number each time, which is what figures draw of them."""
PLAIN = re.compile(r"(?:[\w .,;()|/=+\-'·×−–≤≥⟨⟩]|& )*")
"""Letters, digits and signs that mean nothing to HTML, Markdown, Plotly's templates and its pseudo-HTML, nor a link."""

Array = npt.NDArray[Any]


def read_untrusted(content: bytes) -> Record:
    """The record in a file that `Record.save` or `gallery.save` wrote.

    Raises:
        ValueError: it is not such a file; the message is a sentence that can be shown to whoever gave it.
    """
    try:
        return _record(_File(_unpacked(content)))
    except _UnsoundError as error:
        raise ValueError(f"This is not a run file of bnviz: {error}.") from None


class _UnsoundError(Exception):
    """What is wrong with the file, as the end of a sentence, without a word of the file's own that is not PLAIN."""


def _unpacked(content: bytes) -> bytes:
    if len(content) > LARGEST:
        raise _UnsoundError(f"it has more than {LARGEST // 2**20} MB")
    if not content.startswith(GZIP):
        return content
    unpacker = zlib.decompressobj(GZIP_WINDOW)
    try:
        unpacked = unpacker.decompress(content, UNPACKED + 1)
    except zlib.error:
        raise _UnsoundError("it is damaged and cannot be unpacked") from None
    if len(unpacked) > UNPACKED:
        raise _UnsoundError(f"it unpacks to more than {UNPACKED // 2**20} MB")
    if not unpacker.eof or unpacker.unused_data:
        raise _UnsoundError("it does not end where its packed content does")
    return unpacked


class _File:
    """A netCDF-3 file as bnviz writes it: sizes of dimensions, notes on the run, and variables one after another."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0
        if self._take(3) != NETCDF_3 or (version := self._take(1)[0]) not in (1, 2):
            raise _UnsoundError("it is not in the netCDF-3 format")
        if self._whole() != 0:
            raise _UnsoundError("it has an unlimited dimension")
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
            raise _UnsoundError("it goes on after its last value")

    def _take(self, length: int) -> bytes:
        taken = self._content[self._place : self._place + length]
        if len(taken) < length:
            raise _UnsoundError("it ends too early")
        self._place += length
        return taken

    def _padded(self, length: int) -> bytes:
        """So many bytes, and those that fill them up to a multiple of four."""
        return self._take(length + -length % 4)[:length]

    def _whole(self, most: int = 2**31 - 1) -> int:
        (number,) = struct.unpack(">i", self._take(4))
        if not 0 <= number <= most:
            raise _UnsoundError(f"it declares {number} where there can be 0 to {most}")
        return int(number)

    def _count(self, kind: int, most: int) -> int:
        found, count = self._whole(), self._whole(most)
        if found != (kind if count else 0):
            raise _UnsoundError("its header is damaged")
        return count

    def _text(self, longest: int) -> str:
        try:
            return self._padded(self._whole(longest)).rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError:
            raise _UnsoundError("a text in it is damaged") from None

    def _new_name(self, taken: dict[str, Any]) -> str:
        name = self._text(LONGEST_LABEL)
        if not NAME.fullmatch(name) or name in taken:
            raise _UnsoundError("it has a name that bnviz would not give, or the same name twice")
        return name

    def _attributes(self, known: Container[str]) -> dict[str, str]:
        """Texts only; what stands for missing values is left out, as it is NaN in every record."""
        texts: dict[str, str] = {}
        for _ in range(self._count(ATTRIBUTES, MOST_ATTRIBUTES)):
            name, kind = self._text(LONGEST_LABEL), self._whole()
            if name == "_FillValue" and kind in TYPES and self._whole(1) == 1:
                self._padded(np.dtype(TYPES[kind]).itemsize)
            elif name in known and name not in texts and kind == TEXT:
                texts[name] = self._text(LONGEST_TEXT)
            else:
                raise _UnsoundError("it has a note that bnviz would not make")
        return texts

    def _variable(self, version: int) -> tuple[tuple[str, ...], dict[str, str], np.dtype[Any], int]:
        names = list(self.sizes)
        dims = tuple(names[self._whole(len(names) - 1)] for _ in range(self._whole(len(names))))
        labels = dict.fromkeys(LABELS, "") | self._attributes(LABELS)
        if not all(len(text) <= LONGEST_LABEL and PLAIN.fullmatch(text) for text in labels.values()):
            raise _UnsoundError("a label in it is too long or has signs that bnviz's labels do not have")
        kind = self._whole()
        if kind not in TYPES or len(set(dims)) < len(dims):
            raise _UnsoundError("it has values of a kind that bnviz does not measure")
        self._take(4)  # the size in bytes, once more
        begin = struct.unpack(">i" if version == 1 else ">q", self._take(4 if version == 1 else 8))[0]
        return dims, labels, np.dtype(TYPES[kind]), begin

    def _values(self, dims: tuple[str, ...], dtype: np.dtype[Any], begin: int) -> Array:
        """Each variable's follow on those before, so that all of them together are no larger than the file."""
        if begin != self._place:
            raise _UnsoundError("its values are not where they should be")
        shape = tuple(self.sizes[name] for name in dims)
        content = self._padded(math.prod(shape) * dtype.itemsize)
        if not content:
            if len(shape) > 1:  # the other sizes could be more than NumPy can take
                raise _UnsoundError("it has a table without values")
            return np.empty(shape, dtype)
        return np.frombuffer(content, dtype.newbyteorder(">")).reshape(shape).astype(dtype)


def _record(file: _File) -> Record:
    config = _config(file.attributes)
    outcome: Outcome = next((one for one in get_args(Outcome) if one == file.attributes.get("outcome")), "running")
    if outcome == "running":
        raise _UnsoundError("it does not say how the run ended")
    if file.sizes.get("quantile", len(config.recorded_percentiles)) != len(config.recorded_percentiles):
        raise _UnsoundError("it has other percentiles than its settings say")
    for name, item in file.variables.items():
        is_coordinate = name in COORDINATES and item.dims == (name,)
        is_measured = item.dims and item.dims[0] in AXES and not {*AXES} & {*item.dims[1:]}
        if not is_coordinate and (not is_measured or name in file.sizes or item.values.size == 0):
            raise _UnsoundError(f"{name} in it is not over the run's steps")
        is_score = SCORE.fullmatch(name) is not None
        if not is_coordinate and (is_score or item.dims[0] == "step") and item.dims != ("step",):
            raise _UnsoundError(f"{name} in it is not one number at each step")
    axes = {axis: (axis, _steps(file, axis, config.steps), {"long_name": "updates done"}) for axis in AXES}
    data = xr.Dataset({name: item for name, item in file.variables.items() if item.dims != (name,)}, axes)
    if "quantile" in data.dims:
        data = data.assign_coords(quantile=("quantile", list(config.recorded_percentiles), {"units": "percent"}))
    for name in ("layer", "unit"):
        if name in data.dims:
            data = data.assign_coords({name: np.arange(1, data.sizes[name] + 1, dtype=np.int32)})
    if not data.data_vars:
        raise _UnsoundError("nothing was measured in it")
    return Record(config, data, outcome)


def _config(attributes: dict[str, str]) -> RunConfig:
    if attributes.get("title") != TITLE:
        raise _UnsoundError(f"its title is not {TITLE!r}")
    try:
        config = RunConfig.model_validate_json(attributes.get("config", "")).with_active_options()
    except ValidationError as error:
        problem = sentences(error)[0].rstrip(".")
        raise _UnsoundError(problem if PLAIN.fullmatch(problem) else "its settings are not bnviz's") from None
    if attributes.get("run_key") not in (config.key, _former_key(attributes["config"])):
        raise _UnsoundError("it was measured by another version of bnviz, or its settings were changed")
    return config


def _former_key(config_json: str) -> str:
    """The run key in files of versions whose run keys hashed every field, defaults included."""
    text = json.dumps([MEASURING_VERSION, json.loads(config_json)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _steps(file: _File, axis: str, last: int) -> Array:
    """The steps of one axis, which may be none."""
    item = file.variables.get(axis)
    if item is None or item.dims != (axis,) or item.values.dtype.kind != "i":
        raise _UnsoundError(f"it lacks its {axis} axis")
    steps: Array = item.values.astype(np.int32)
    if steps.size and (steps[0] < 0 or steps[-1] > last or (steps[1:] <= steps[:-1]).any()):
        raise _UnsoundError(f"its {axis} axis does not rise from 0 or more to at most {last}")
    return steps
