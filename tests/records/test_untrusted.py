"""Foreign run files: sound ones come back the same, all others are refused in a sentence, in little time and memory."""

import gzip
import random
import re
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bnviz import Frame, Record, RunConfig
from bnviz.figures.overlay import QUANTITIES, overlay
from bnviz.records import gallery
from bnviz.records.history_entries import result_of
from bnviz.records.untrusted import GZIP, LABELS, PLAIN, UNPACKED, read_untrusted
from tests.records.untrusted_files import BAD_FILES
from tests.records.untrusted_parts import CONFIG, sound_frames, sound_parts, sound_record

SECONDS = 2  # of this process's own time, so that it does not depend on what else the machine does
MEMORY = 2**20  # bytes, besides a small multiple of the file's size
SENTENCE = re.compile(r"^This is not a run file of bnviz: [^\n<>\[\]`$\\:]{5,340}\.\Z")
CONTENT = sound_record().to_bytes()


def refusal(content: bytes) -> str:
    """The sentence that it is refused with."""
    with pytest.raises(ValueError, match=SENTENCE) as caught:
        read_untrusted(content)
    assert type(caught.value) is ValueError
    return str(caught.value)


def flipped(count: int) -> Iterator[bytes]:
    """Files with one to four bytes changed, most of them in the header; some of these still are sound."""
    chance = random.Random(4)
    for index in range(count):
        damaged = bytearray(CONTENT)
        for _ in range(1 + index % 4):
            damaged[chance.randrange(len(CONTENT) if index % 5 == 0 else len(CONTENT) // 2)] = chance.randrange(256)
        yield bytes(damaged)


def assert_same(found: Record, expected: Record) -> None:
    xr.testing.assert_identical(found.data, expected.data)
    kinds = {name: item.dtype for name, item in expected.data.variables.items()}
    assert {name: item.dtype for name, item in found.data.variables.items()} == kinds
    assert (found.config, found.outcome) == (expected.config, expected.outcome)


def test_writer_of_bad_files_can_write_a_good_one() -> None:
    assert_same(read_untrusted(sound_parts().content()), sound_record())


OLD_CONFIG = (
    '{"dataset":"digits","binarize":false,"network":"mlp","widths":[3,2],"activation":"sigmoid","norm":"batch",'
    '"norm_eps":0.00001,"norm_momentum":0.1,"norm_affine":true,"norm_p":"1","noise_mean":0.5,"noise_scale":1.25,'
    '"noise_spread_mean":0.1,"noise_spread_scale":0.1,"noise_per":"unit","noise_at_test":false,"init":"normal",'
    '"init_std":0.1,"optimizer":"sgd","learning_rate":0.1,"momentum":0.0,"weight_decay":0.0,"batch_size":60,"steps":8,'
    '"seed":0,"device":"auto","precision":"float32","probes":["landscape_line","wrong_ways"],"probe_points":60,'
    '"probe_data":"batch","probe_samples":512,"percentiles":[10.0,90.0],"line_points":8,"line_from":0.25,"line_to":4.0,'
    '"line_in":"learning_rate","line_along":"gradient","sharpness_points":8,"sharpness_count":1,"plane_kind":"random",'
    '"plane_points":21,"plane_span":1.0,"plane_mode":"training","curve_points":40,"test_samples":2000}'
)
OLD_KEY = "d41e1cba7c13f3e7"
"""As written by the version before options were the plug-ins' own, when a run key hashed every field."""


def test_file_with_former_run_key_is_read() -> None:
    parts = sound_parts()
    parts.notes |= {"config": OLD_CONFIG, "run_key": OLD_KEY}
    config = read_untrusted(parts.content()).config
    probes = ("landscape_line", "measurement_pitfalls")
    assert config == CONFIG.with_changes(probes=probes, line_from=0.25)
    parts.notes["config"] = OLD_CONFIG.replace('"seed":0', '"seed":1')
    assert "another version" in refusal(parts.content())


@pytest.mark.parametrize("group", BAD_FILES)
def test_bad_files_are_refused_within_bounds(group: str) -> None:
    tracemalloc.start()
    try:
        for name, content, reason in BAD_FILES[group]():
            tracemalloc.reset_peak()
            before, began = tracemalloc.get_traced_memory()[0], time.process_time()
            sentence = refusal(content)
            assert reason in sentence, name
            assert time.process_time() - began < SECONDS, name
            allowed = 2.5 * UNPACKED if content.startswith(GZIP) else 4 * len(content)
            assert tracemalloc.get_traced_memory()[1] - before < MEMORY + allowed, name
    finally:
        tracemalloc.stop()


def test_bad_files_are_many_and_distinct() -> None:
    assert len({content for files in BAD_FILES.values() for _, content, _ in files()}) > 1000


def test_damaged_files_are_refused_or_valid() -> None:
    refused = 0
    for content in flipped(400):
        try:
            record = read_untrusted(content)
        except ValueError:
            refused += 1
            refusal(content)
        else:
            assert_sound(record)
    assert refused > 200


def assert_sound(record: Record) -> None:
    """All that pages rely on, whatever the numbers are."""
    assert record.outcome in ("finished", "diverged", "stopped")
    assert set(record.data.coords) <= {"step", "probe_step", "layer", "unit", "quantile"}
    for axis in ("step", "probe_step"):
        steps = record.data[axis].values.tolist()
        assert steps == sorted(set(steps))
        assert all(0 <= step <= record.config.steps for step in steps)
    for item in record.data.data_vars.values():
        assert set(item.attrs) == set(LABELS)
        assert all(PLAIN.fullmatch(text) for text in item.attrs.values())
        assert item.dtype.kind in "if"
        assert item.dims[0] in ("step", "probe_step")
    assert_same(read_untrusted(record.to_bytes()), record)
    assert result_of(record)
    for quantity in QUANTITIES:
        assert overlay({"one": record, "other": record}, quantity).layout.meta["alt"]


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from([b"", b"CDF\x01", b"CDF\x02", b"CDF\x02\0\0\0\0", b"\x1f\x8b\x08\0"]))
def test_arbitrary_bytes_are_refused(content: bytes, beginning: bytes) -> None:
    refusal(beginning + content)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(CONTENT) - 1), st.binary(max_size=8)), min_size=1, max_size=4))
def test_changed_file_is_refused_or_valid(changes: list[tuple[int, bytes]]) -> None:
    damaged = bytearray(CONTENT)
    for place, content in changes:
        damaged[place : place + len(content)] = content
    try:
        record = read_untrusted(bytes(damaged))
    except ValueError:
        refusal(bytes(damaged))
    else:
        assert_sound(record)


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_only_plain_text_of_a_file_is_kept(text: str) -> None:
    parts = sound_parts()
    parts.variable("loss", long_name=text)
    try:
        record = read_untrusted(parts.content())
    except ValueError:
        assert "a label in it" in refusal(parts.content())
    else:
        label = record.data["loss"].attrs["long_name"]
        assert label == text.rstrip("\0")
        assert not set(label) & set('<>[]{}`$%*#:\\"@!\n\r\t\0')


@pytest.mark.parametrize("path", sorted(gallery.FOLDER.glob("*.nc.gz")), ids=lambda path: path.name[:16])
def test_shipped_records_are_read_unchanged(path: Path) -> None:
    packed = path.read_bytes()
    expected = Record.from_bytes(gzip.decompress(packed))
    assert_same(read_untrusted(packed), expected)
    assert_same(read_untrusted(gzip.decompress(packed)), expected)


@pytest.mark.parametrize("outcome", ["finished", "diverged", "stopped"])
def test_records_of_every_kind_are_read_unchanged(outcome: str) -> None:
    record = Record(CONFIG, sound_record().data, outcome)
    assert_same(read_untrusted(record.to_bytes()), record)
    assert_sound(read_untrusted(record.to_bytes()))


def test_record_without_probes_has_an_empty_axis() -> None:
    first = sound_record().data["loss"]
    only = {name: item for name, item in sound_frames()[0].values.items() if name == first.name}
    record = Record.from_frames(RunConfig(probes=()), [Frame(0, only), Frame(2, {}, "stopped")])
    assert record.data.sizes["probe_step"] == 0
    assert_same(read_untrusted(record.to_bytes()), record)


def test_arrays_are_writable_copies() -> None:
    """Nothing in it refers to the file's bytes, which would keep them in memory, or could not be written to."""
    for item in read_untrusted(CONTENT).data.variables.values():
        assert item.values.dtype.isnative
        assert item.values.flags.owndata or item.values.base.flags.owndata
    read_untrusted(CONTENT).data["loss"].values[0] = np.nan
