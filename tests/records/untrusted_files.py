"""Bad run files for test_untrusted: what accident or malice could hand in, the same ones every time.

Forged files differ from a sound one in one respect each, so that it is this respect that they are refused for; they
come with a piece of the sentence that says so.
"""

import gzip
import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bnviz import RunConfig
from bnviz.records.untrusted import LARGEST, UNPACKED
from tests.records.untrusted_parts import CONFIG, Parts, sound_parts, sound_record

Files = Iterator[tuple[str, bytes, str]]
MARKUP = {
    "bold": "<b>loss</b>",
    "script": "<script>alert(1)</script>",
    "link": '<a href="javascript:alert(1)">loss</a>',
    "entity": "&lt;b&gt;",
    "template": "%{customdata}",
    "markdown link": "[loss](https://example.org)",
    "markdown image": "![loss](https://example.org/a.png)",
    "address": "https://example.org",
    "formula": r"$\alpha$",
    "code": "`loss`",
    "directive": ":material/home:",
    "zero": "lo\0ss",
    "new line": "loss\nloss",
    "escape": "\x1b[31mloss",
    "right to left": "loss\u202essol",
    "zero width": "lo\u200bss",
    "long": "l" * 201,
    "very long": "l" * 10_000,
}
NAMES = ["", "Loss", "_loss", "__class__", "../loss", "a b", "lo\0ss", "<b>", "l" * 42, "löss", "1", "l" * 5000]
SETTINGS = {
    "empty": "",
    "no JSON": "steps=8",
    "list": "[]",
    "text": '"digits"',
    "nested": "[" * 100_000,
    "nested, but short": "[" * 5000,
    "nested objects": '{"a":' * 1500,
    "too long": "{" + " " * 9000 + "}",
    "unknown field": '{"__import__": "os"}',
    "markup as a field": '{"<script>alert(1)</script>": 1}',
    "markup as a value": '{"dataset": "<script>alert(1)</script>"}',
    "path as a value": '{"dataset": "../../etc/passwd"}',
    "NaN": '{"learning_rate": NaN}',
    "infinity": '{"learning_rate": Infinity}',
    "wide": '{"widths": [1000000000]}',
    "deep": json.dumps({"widths": [3] * 65}),
    "no steps": '{"steps": 0}',
    "many digits": f'{{"steps": {"9" * 5000}}}',
    "batch beyond the data": '{"batch_size": 4096}',
    "percentiles": '{"percentiles": [90, 10]}',
    "half a character": '{"dataset": "\\ud800"}',
}


def _cut() -> Files:
    content, chance = sound_record().to_bytes(), random.Random(1)
    packed = gzip.compress(content, mtime=0)
    for length in sorted({0, 1, 3, 4, 7, 8, len(content) - 1, *chance.sample(range(len(content)), 60)}):
        yield f"cut at {length}", content[:length], "ends too early" if length else "no"
    for length in sorted({2, 9, 10, len(packed) - 1, *chance.sample(range(10, len(packed)), 30)}):
        yield f"packed, cut at {length}", packed[:length], "does not end where its packed content does"


def _numbers() -> Files:
    """Every count, length, type and index of the header made huge and negative, one at a time."""
    parts = sound_parts()
    content = parts.content()
    for place in parts.numbers:
        for value in (2**31 - 1, 10**8, 100_001, -1, -(2**31)):
            yield f"{value} at {place}", content[:place] + struct.pack(">i", value) + content[place + 4 :], ""


def _other_formats() -> Files:
    formats = {
        "netCDF-4": b"\x89HDF\r\n\x1a\n" + bytes(200),
        "netCDF-5": b"CDF\x05" + bytes(200),
        "netCDF-3 of zeros": b"CDF\x01" + bytes(28),
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "CSV": b"step,loss\n0,2.3\n",
        "JSON": CONFIG.model_dump_json().encode(),
        "HTML": b"<html><script>alert(1)</script></html>",
        "pickle": pickle.dumps({"step": [0, 1]}),
        "array": _written(lambda place: np.save(place, np.arange(9))),
        "arrays": _written(lambda place: np.savez(place, step=np.arange(9))),
        "zip": _written(lambda place: zipfile.ZipFile(place, "w").writestr("run.nc", sound_record().to_bytes())),
        "zeros": bytes(10_000),
        "random bytes": random.Random(2).randbytes(10_000),
    }
    for name, content in formats.items():
        reason = "title" if name == "netCDF-3 of zeros" else "not in the netCDF-3 format"
        yield name, content, reason
        yield f"{name}, packed", gzip.compress(content, mtime=0), reason


def _written(write: Callable[[io.BytesIO], Any]) -> bytes:
    place = io.BytesIO()
    write(place)
    return place.getvalue()


def _packed() -> Files:
    content = sound_record().to_bytes()
    packed = gzip.compress(content, mtime=0)
    yield "too large", content + bytes(LARGEST), "more than 5 MB"
    yield "bomb", gzip.compress(bytes(100 * 2**20), 9, mtime=0), "unpacks to more than 16 MB"
    yield "bomb that begins well", gzip.compress(content + bytes(UNPACKED), 9, mtime=0), "unpacks to more than 16 MB"
    yield "zeros that fit", gzip.compress(bytes(UNPACKED), 9, mtime=0), "not in the netCDF-3 format"
    yield "packed twice", gzip.compress(packed, mtime=0), "not in the netCDF-3 format"
    yield "two in one", packed + packed, "does not end"
    yield "something behind", packed + b"PK\x03\x04", "does not end"
    yield "wrong checksum", packed[:-8] + bytes(4) + packed[-4:], "cannot be unpacked"
    yield "packed garbage", b"\x1f\x8b\x08" + random.Random(3).randbytes(500), "cannot be unpacked"


def _texts() -> Files:
    for name, text in MARKUP.items():
        for label in ("long_name", "units", "source"):
            yield f"{name} as {label}", _labelled(label, text), ""
        for note in ("title", "outcome", "run_key", "config"):
            yield f"{name} as {note}", _noted(note, text), ""
    for name in NAMES:
        parts = sound_parts()
        parts.variables.append((name, *parts.variables[0][1:]))
        yield f"variable {name[:20]!r}", parts.content(), "name" if len(name) < 200 else "declares"
        parts = sound_parts()
        parts.sizes.append((name, 1))
        yield f"dimension {name[:20]!r}", parts.content(), "name" if len(name) < 200 else "declares"
        yield f"note {name[:20]!r}", _noted(name, "<b>"), "note" if len(name) < 200 else "declares"
        yield f"label {name[:20]!r}", _labelled(name, "<b>"), "note" if len(name) < 200 else "declares"
    number = np.array([1e30], "f4")
    for name, value in (("scale_factor", number), ("long_name", number), ("_FillValue", "x"), ("dtype", "O")):
        yield f"label {name}", _labelled(name, value), "note"
    yield "two missing values", _labelled("_FillValue", np.zeros(2, "f4")), "declares"


def _settings() -> Files:
    for name, text in SETTINGS.items():
        yield name, _noted("config", text), ""
    other = RunConfig(seed=1)
    yield "settings of another run", _noted("config", other.model_dump_json()), "another version"
    yield "key of another run", _noted("run_key", other.key), "another version"
    for outcome in ("running", "won", "", "Finished"):
        yield f"outcome {outcome!r}", _noted("outcome", outcome), "how the run ended"
    yield "outcome as a number", _noted("outcome", np.array([1], "i4")), "note"
    for note in ("title", "config", "run_key", "outcome"):
        parts = sound_parts()
        del parts.notes[note]
        yield f"no {note}", parts.content(), ""


def _structures() -> Files:
    step, probe_step, layer, bins = (
        list(sound_record().data.sizes).index(name) for name in ("step", "probe_step", "layer", "bin")
    )
    ones = np.ones(3, "f4")
    forged: dict[str, tuple[str, Callable[[Parts], Any]]] = {
        "falling steps": ("step axis", lambda parts: parts.variable("step", np.array([8, 3, 0], "i4"))),
        "repeated steps": ("step axis", lambda parts: parts.variable("step", np.array([0, 3, 3], "i4"))),
        "negative steps": ("step axis", lambda parts: parts.variable("step", np.array([-1, 3, 8], "i4"))),
        "steps beyond the last": ("step axis", lambda parts: parts.variable("step", np.array([0, 3, 9], "i4"))),
        "steps beyond all": ("step axis", lambda parts: parts.variable("step", np.array([0, 3, 2**31 - 1], "i4"))),
        "steps as fractions": ("step axis", lambda parts: parts.variable("step", np.array([0, 3, 8], "f4"))),
        "steps over layers": ("over the run's", lambda parts: parts.variable("step", np.array([0, 3], "i4"), [layer])),
        "steps over other steps": ("lacks its step axis", _steps_over_other_steps),
        "text as values": ("kind", lambda parts: parts.variable("loss", np.array([b"a"] * 3))),
        "a dimension twice": ("kind", lambda parts: parts.variable("loss", np.ones((3, 3), "f4"), [step, step])),
        "a number by itself": ("over the run's", lambda parts: parts.variable("loss", np.ones((), "f4"), [])),
        "both axes": ("over the run's", lambda parts: parts.variable("loss", np.ones((3, 2)), [step, probe_step])),
        "not over steps": ("over the run's", lambda parts: parts.variable("loss", ones[:2], [layer])),
        "a score over layers": ("one number", lambda parts: parts.variable("loss", np.ones((3, 2)), [step, layer])),
        "a score at other steps": (
            "one number",
            lambda parts: parts.variables.append(("test_accuracy", [probe_step], np.ones(2, "f4"), {})),
        ),
        "a new coordinate": ("over the run's", lambda parts: parts.variables.append(("bin", [bins], np.ones(5), {}))),
        "a coordinate over steps": ("over the run's", lambda parts: parts.variable("layer", ones, [step])),
        "no units": ("without values", lambda parts: parts.resize("unit", 0)),
        "nothing times too much": ("without values", _nothing_times_too_much),
        "no steps": ("over the run's", lambda parts: parts.resize("step", 0)),
        "the same name twice": ("name twice", lambda parts: parts.variables.append(parts.variables[0])),
        "a name of two dimensions": ("name twice", lambda parts: parts.sizes.append(parts.sizes[0])),
        "no variables": ("step axis", lambda parts: parts.variables.clear()),
        "one axis": ("lacks its probe_step axis", lambda parts: parts.only("step", "loss")),
        "nothing measured": ("nothing was measured", lambda parts: parts.only("step", "probe_step")),
        "values elsewhere": ("where they should", lambda parts: setattr(parts, "moved", 4)),
        "values in the header": ("where they should", lambda parts: setattr(parts, "moved", -100)),
        "values before the file": ("where they should", lambda parts: setattr(parts, "moved", -(2**40))),
        "values all in one place": ("where they should", lambda parts: setattr(parts, "overlaid", True)),
        "many dimensions": ("declares", lambda parts: parts.sizes.extend((f"d{i}", 1) for i in range(40))),
        "many variables": (
            "declares",
            lambda parts: parts.variables.extend((f"v{i}", [step], ones, {}) for i in range(200)),
        ),
        "many notes": ("declares", lambda parts: parts.notes.update({f"n{i}": "" for i in range(50)})),
        "65 layers": ("declares", lambda parts: parts.resize("layer", 65)),
        "one percentile more": ("percentiles", lambda parts: parts.resize("quantile", 4)),
        "an unlimited dimension": ("unlimited", lambda parts: setattr(parts, "records", 1)),
    }
    for name, (reason, change) in forged.items():
        parts = sound_parts()
        change(parts)
        yield name, parts.content(), reason
    yield "something behind the last value", sound_parts().content() + b"PK\x03\x04", "after its last value"


def _steps_over_other_steps(parts: Parts) -> None:
    parts.only("probe_step", "exact")
    parts.sizes = [("updates" if name == "step" else name, size) for name, size in parts.sizes]
    over_probe_step = next(dims for name, dims, _, _ in parts.variables if name == "probe_step")
    parts.variables.append(("step", over_probe_step, np.array([0, 8], "i4"), {}))


def _nothing_times_too_much(parts: Parts) -> None:
    """More than NumPy can take, though it has no values."""
    parts.sizes += [("none", 0), *((f"d{i}", 40_000) for i in range(6))]
    parts.variables.append(("table", [0, *range(len(parts.sizes) - 7, len(parts.sizes))], np.empty(0, "f4"), {}))


def _noted(note: str, text: Any) -> bytes:
    parts = sound_parts()
    parts.notes[note] = text
    return parts.content()


def _labelled(label: str, text: Any) -> bytes:
    parts = sound_parts()
    parts.variable("loss", **{label: text})
    return parts.content()


BAD_FILES: dict[str, Callable[[], Files]] = {
    "cut": _cut,
    "numbers of the header": _numbers,
    "other formats": _other_formats,
    "packed": _packed,
    "texts": _texts,
    "settings": _settings,
    "structures": _structures,
}
"""By group: name, content, and a piece of the sentence that it must be refused with."""
