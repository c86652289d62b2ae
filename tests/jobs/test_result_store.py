"""The store with real files: what is kept comes back, what is damaged is set aside, what fails is said and survived."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from bnviz import Record, RunConfig
from bnviz.jobs import bounded_files as shelf_module
from bnviz.jobs import result_store as store_module
from bnviz.jobs.result_store import ResultStore
from bnviz.records import gallery
from bnviz.training import train

TINY = RunConfig(dataset="blobs_2d", widths=(4,), steps=2, curve_points=2, probe_points=2)


def record_of(seed: int) -> Record:
    config = TINY.with_changes(seed=seed)
    return Record.from_frames(config, train(config))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [record_of(seed) for seed in range(6)]


@pytest.fixture(params=["folder", "url"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "new" / "runs")
    else:
        yield "memory://bnviz-runs"
        fsspec.filesystem("memory").rm("/bnviz-runs", recursive=True)


def test_store_returns_records_to_another_app(records: list[Record], place: str) -> None:
    store = ResultStore(place)
    assert store.get(records[0].config) is None
    assert store.put(records[0])
    assert store.problem == ""
    found = ResultStore(place).get(records[0].config)
    assert found is not None
    assert found.to_bytes() == Record.from_bytes(records[0].to_bytes()).to_bytes()
    assert ResultStore(place).get(records[1].config) is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "other"])
def test_damaged_file_is_set_aside_and_written_again(damage: str, records: list[Record], tmp_path: Path) -> None:
    store = ResultStore(str(tmp_path))
    store.put(records[0])
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.write_bytes({"cut": whole[:middle], "flipped": flipped, "emptied": b"", "other": b"%PDF-1.4"}[damage])
    assert store.get(records[0].config) is None
    assert store.damaged() == [records[0].config.key]
    assert store.put(records[0])
    assert store.get(records[0].config) is not None


def test_store_refuses_record_of_another_run(records: list[Record], tmp_path: Path) -> None:
    (tmp_path / f"{records[0].config.key}.nc.gz").write_bytes(gallery.packed(records[1]))
    assert ResultStore(str(tmp_path)).get(records[0].config) is None


def test_full_store_removes_least_recently_read_files(records: list[Record], tmp_path: Path) -> None:
    size = len(gallery.packed(records[0], level=0))
    store = ResultStore(str(tmp_path), megabytes=4.6 * size / 1e6)
    for age, record in enumerate(records[:4]):
        store.put(record)
        when = time.time() - 1000 + age
        os.utime(tmp_path / f"{record.config.key}.nc.gz", (when, when))
    assert store.get(records[0].config) is not None  # the oldest, but read just now
    store.put(records[4])
    kept = [store.get(record.config) is not None for record in records[:5]]
    assert kept == [True, False, True, True, True]


def test_store_by_url_is_bounded(records: list[Record]) -> None:
    place = "memory://bnviz-bounded"
    store = ResultStore(place, megabytes=3.5 * len(gallery.packed(records[0], level=0)) / 1e6)
    for record in records:
        store.put(record)
    kept = [store.get(record.config) is not None for record in records]
    fsspec.filesystem("memory").rm("/bnviz-bounded", recursive=True)
    assert sum(kept) <= 3
    assert kept[-1]


def test_stale_partial_files_are_removed_and_new_ones_stay(records: list[Record], tmp_path: Path) -> None:
    left, writing = tmp_path / "a.nc.gz.1.part", tmp_path / "b.nc.gz.2.part"
    for path in (left, writing):
        path.write_bytes(b"half")
    old = time.time() - 2 * shelf_module.STALE_SECONDS
    os.utime(left, (old, old))
    ResultStore(str(tmp_path)).put(records[0])
    assert not left.exists()
    assert writing.exists()


def test_full_disk_is_reported_and_retried(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLIMIT_FSIZE makes the kernel itself refuse to write on: a real error, in a process of its own."""
    ResultStore(str(tmp_path)).put(records[1])
    script = f"""
import resource, signal, sys
from bnviz import Record, RunConfig
from bnviz.jobs.result_store import ResultStore
record = Record.from_bytes(sys.stdin.buffer.read())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
store = ResultStore({str(tmp_path)!r})
kept = store.put(record)
old = RunConfig.model_validate_json({records[1].config.model_dump_json()!r})
print(kept, store.get(old) is not None, store.problem)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], input=records[0].to_bytes(), capture_output=True, check=True, cwd=os.getcwd()
    )
    told = done.stdout.decode()
    assert told.startswith("False True New results are kept in memory only, because the store cannot be written to:")
    assert [path.name for path in tmp_path.iterdir()] == [f"{records[1].config.key}.nc.gz"]


def test_unusable_folder_is_reported_and_retried_later(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    store = ResultStore(str(tmp_path / "file" / "runs"))
    assert not store.put(records[0])
    assert "cannot be written to" in store.problem
    (tmp_path / "file").unlink()
    assert not store.put(records[0])  # not asked again yet
    monkeypatch.setattr(store_module, "monotonic", lambda: time.monotonic() + store_module.RETRY_SECONDS)
    assert store.put(records[0])
    assert store.problem == ""


def test_store_without_answer_delays_only_once(records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "ANSWER_SECONDS", 0.1)
    store = ResultStore("memory://bnviz-slow")
    monkeypatch.setattr(shelf_module.BoundedFiles, "read", lambda *_: time.sleep(1))
    began = time.monotonic()
    assert store.get(records[0].config) is None
    assert store.get(records[0].config) is None
    assert time.monotonic() - began < 0.9
    assert "it does not answer" in store.problem


@pytest.mark.parametrize("place", ["nosuch://place", "none"])
def test_store_none_keeps_nothing_without_problem(place: str, records: list[Record]) -> None:
    store = ResultStore(place)
    assert not store.put(records[0])
    assert store.get(records[0].config) is None
    assert bool(store.problem) == (place != "none")


def test_concurrent_writers_leave_only_complete_files(records: list[Record], tmp_path: Path) -> None:
    script = f"""
import sys
from bnviz import Record
from bnviz.jobs.result_store import ResultStore
record = Record.from_bytes(sys.stdin.buffer.read())
store = ResultStore({str(tmp_path)!r})
for _ in range(60):
    assert store.put(record), store.problem
    assert store.get(record.config) is not None, store.damaged()
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, cwd=os.getcwd()) for _ in range(3)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(records[0].to_bytes())
        writer.stdin.close()
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == [f"{records[0].config.key}.nc.gz"]
