"""Downloads against real servers on loopback: resumed, checked, done once, and refused in words."""

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bnviz.datasets import DatasetError
from bnviz.datasets._download import data_folder, fetch

if TYPE_CHECKING:
    from tests.datasets.conftest import Mirror

NAME = "data.gz"
CONTENT = np.random.default_rng(1).bytes(400_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
FILES = {NAME: CONTENT}
HALF = 150_000  # of CONTENT, in a part file

StartMirror = Callable[..., "Mirror"]


def part_file(folder: Path, content: bytes = CONTENT[:HALF]) -> Path:
    part = folder / f"{NAME}.part"
    part.write_bytes(content)
    return part


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {f"{NAME}.lock"}


def test_downloads_and_reports_progress(start_mirror: StartMirror, tmp_path: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    path = fetch(
        NAME, MD5, [start_mirror(FILES).address], tmp_path / "new" / "folder", lambda *call: calls.append(call)
    )
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == {NAME}
    assert [total for _, total in calls] == [len(CONTENT)] * len(calls)
    assert len(calls) > 3
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert calls[-1][0] == len(CONTENT)


def test_what_is_there_is_not_asked_for(tmp_path: Path, refusing: str) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    assert fetch(NAME, MD5, [refusing], tmp_path) == tmp_path / NAME
    assert {path.name for path in tmp_path.iterdir()} == {NAME}  # not even a lock: the folder may be read-only


def test_resumes_with_the_rest_only(start_mirror: StartMirror, tmp_path: Path) -> None:
    part_file(tmp_path)
    mirror = start_mirror(FILES)
    calls: list[tuple[int, int | None]] = []
    assert fetch(NAME, MD5, [mirror.address], tmp_path, lambda *call: calls.append(call)).read_bytes() == CONTENT
    assert [(request.range, request.sent) for request in mirror.requests] == [(f"bytes={HALF}-", len(CONTENT) - HALF)]
    assert calls[0][0] > HALF
    assert calls[-1] == (len(CONTENT), len(CONTENT))
    assert names(tmp_path) == {NAME}


@pytest.mark.parametrize(
    ("mode", "part"),
    [
        pytest.param("no_range", CONTENT[:HALF], id="server ignores Range"),
        pytest.param("wrong_range", CONTENT[:HALF], id="server sends another range"),
        pytest.param("good", CONTENT + b"more", id="part is too long: 416"),
        pytest.param("good", CONTENT, id="part is complete: 416"),
        pytest.param("good", b"x" * HALF, id="part is of another file"),
        pytest.param("good", b"", id="part is empty"),
    ],
)
def test_starts_over(start_mirror: StartMirror, tmp_path: Path, mode: str, part: bytes) -> None:
    part_file(tmp_path, part)
    mirror = start_mirror(FILES, mode)
    assert fetch(NAME, MD5, [mirror.address], tmp_path).read_bytes() == CONTENT
    assert names(tmp_path) == {NAME}
    assert len(mirror.requests) <= 2


def test_a_gz_marked_as_encoded_is_kept_as_it_is(start_mirror: StartMirror, tmp_path: Path) -> None:
    mirror = start_mirror(FILES, "marked_gzip")
    assert fetch(NAME, MD5, [mirror.address], tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("mode", ["missing", "corrupt", "breaks_off"])
def test_next_mirror(start_mirror: StartMirror, tmp_path: Path, mode: str) -> None:
    first, second = start_mirror(FILES, mode), start_mirror(FILES)
    assert fetch(NAME, MD5, [first.address, second.address], tmp_path).read_bytes() == CONTENT
    assert len(first.requests) == len(second.requests) == 1
    assert second.requests[0].sent == len(CONTENT) // (2 if mode == "breaks_off" else 1)


def test_next_mirror_where_the_first_is_not_there(start_mirror: StartMirror, tmp_path: Path, refusing: str) -> None:
    assert fetch(NAME, MD5, [refusing, start_mirror(FILES).address], tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("mode", "reason", "left"),
    [
        ("missing", "it answered 404 Not Found", set()),
        ("corrupt", "what it sends has not the official checksum", set()),
        ("breaks_off", "the connection broke off", {f"{NAME}.part"}),
    ],
)
def test_refused_in_words(start_mirror: StartMirror, tmp_path: Path, mode: str, reason: str, left: set[str]) -> None:
    mirror = start_mirror(FILES, mode)
    with pytest.raises(DatasetError) as caught:
        fetch(NAME, MD5, [mirror.address], tmp_path)
    for words in (NAME, mirror.address, reason, "check the network", MD5, str(tmp_path)):
        assert words in str(caught.value)
    assert names(tmp_path) == left
    mirror.mode = "good"
    assert fetch(NAME, MD5, [mirror.address], tmp_path).read_bytes() == CONTENT
    assert sum(request.sent for request in mirror.requests[-1:]) == len(CONTENT) // (2 if left else 1)


def test_offline_names_every_mirror_without_its_password(tmp_path: Path, refusing: str) -> None:
    with_password = refusing.replace("//", "//somebody:secret@")
    with pytest.raises(DatasetError, match=r"no connection.*not a web address") as caught:
        fetch(NAME, MD5, [with_password, "somewhere", "http://[bad"], tmp_path)
    assert refusing in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(DatasetError, match="no mirror was given"):
        fetch(NAME, MD5, [], tmp_path)
    assert names(tmp_path) == set()


def test_a_corrupt_file_is_set_aside(start_mirror: StartMirror, tmp_path: Path, refusing: str) -> None:
    (tmp_path / NAME).write_bytes(CONTENT[:-1])
    with pytest.raises(DatasetError):
        fetch(NAME, MD5, [refusing], tmp_path)
    assert names(tmp_path) == {f"{NAME}.corrupt"}
    assert fetch(NAME, MD5, [start_mirror(FILES).address], tmp_path).read_bytes() == CONTENT


def test_progress_can_stop_it(start_mirror: StartMirror, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(done: int, total: int | None) -> None:
        if done > HALF:
            raise StoppedError

    mirror = start_mirror(FILES)
    with pytest.raises(StoppedError):
        fetch(NAME, MD5, [mirror.address], tmp_path, stop)
    assert names(tmp_path) == {f"{NAME}.part"}
    assert fetch(NAME, MD5, [mirror.address], tmp_path).read_bytes() == CONTENT
    assert mirror.requests[-1].range is not None


def test_a_folder_that_cannot_be_had(start_mirror: StartMirror, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"cannot be kept in .*Not a directory.*BNVIZ_DATA"):
        fetch(NAME, MD5, [start_mirror(FILES).address], tmp_path / "file" / "folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(start_mirror: StartMirror, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DatasetError, match=r"Permission denied.*BNVIZ_DATA"):
        fetch(NAME, MD5, [start_mirror(FILES).address], tmp_path)
    tmp_path.chmod(0o700)


def test_several_processes_download_once(start_mirror: StartMirror, tmp_path: Path) -> None:
    files = {"one.gz": CONTENT, "two.gz": CONTENT}
    mirror = start_mirror(files, delay=0.3)  # long enough for all of them to ask
    tasks = [(name, MD5, [mirror.address], tmp_path) for name in files for _ in range(4)]
    with processes().Pool(8) as pool:
        paths = pool.starmap(fetch, tasks, chunksize=1)
    assert [path.read_bytes() for path in paths] == [CONTENT] * 8
    assert sorted(request.name for request in mirror.requests) == sorted(files)


def test_a_killed_process_is_taken_over_from(start_mirror: StartMirror, tmp_path: Path) -> None:
    mirror = start_mirror(FILES, "stalls")
    child = processes().Process(target=fetch, args=(NAME, MD5, [mirror.address], tmp_path))
    child.start()
    part = tmp_path / f"{NAME}.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.kill()
    child.join()
    size = part.stat().st_size
    assert not (tmp_path / NAME).exists()
    mirror.mode = "good"
    assert fetch(NAME, MD5, [mirror.address], tmp_path).read_bytes() == CONTENT
    assert mirror.requests[-1].range == f"bytes={size}-"


def processes() -> "multiprocessing.context.ForkServerContext":
    """Processes that share no state with this one, and import bnviz once for all of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bnviz.datasets._download"])
    return context


def test_where_data_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BNVIZ_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.setenv("BNVIZ_DATA", "")
    assert data_folder().parts[-2:] == ("bnviz", "datasets")
