"""Fetch one data file from the first mirror that has it, checked, and resumable.

A file appears under its own name only complete and with the right checksum. What an aborted download leaves is in
`NAME.part`, and the next one goes on from there; a file that was found corrupt is kept as `NAME.corrupt`. One process
downloads, the others wait at `NAME.lock`. This module does not know what is in the files, nor who needs them.
"""

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs
import pooch
import requests
import urllib3.exceptions
from filelock import FileLock, Timeout

from bnviz.datasets import DatasetError

Progress = Callable[[int, int | None], object]
"""Called with bytes done and bytes in total (None where the server does not say) of the file being downloaded."""

CONNECT_SECONDS, READ_SECONDS = 10, 30  # the longest silence; a slow download that moves is left alone
LOCK_SECONDS = 900  # how long to wait for another process that downloads the same file
CHUNK_BYTES = 1 << 16  # well above the 8 kB that Python buffers, so that a killed process loses next to nothing

# In words for a student, most special first: several of these are sub-classes of later ones.
REASONS: tuple[tuple[type[Exception], str], ...] = (
    (requests.exceptions.SSLError, "its certificate was not accepted"),
    (requests.exceptions.ProxyError, "the proxy refused"),
    (requests.exceptions.Timeout, "no answer in time"),
    (urllib3.exceptions.TimeoutError, "no answer in time"),
    (urllib3.exceptions.ProtocolError, "the connection broke off; the next try goes on from there"),
    (requests.exceptions.ConnectionError, "no connection"),
    (ValueError, "not a web address"),
)


def data_folder() -> Path:
    """Where data sets are kept: `BNVIZ_DATA` where it is set, else `datasets` in the user's cache folder of bnviz."""
    chosen = os.environ.get("BNVIZ_DATA")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("bnviz") / "datasets"


def fetch(file_name: str, md5: str, mirrors: Sequence[str], folder: Path, progress: Progress | None = None) -> Path:
    """Path of a file that has the given checksum, downloaded into `folder` if it is not there yet.

    Args:
        file_name: the name on the mirrors and in `folder`.
        md5: the official checksum, 32 hexadecimal digits.
        mirrors: base addresses, tried in this order.
        folder: made if it is missing; it may be read-only if it has the file already.
        progress: called after every 64 kB. It may raise anything but an OSError or a ValueError to stop the download;
            what has come is kept.

    Raises:
        DatasetError: no mirror has the file, or it cannot be kept in `folder`; the message says what to change.
    """
    path = folder / file_name
    try:
        if _is_intact(path, md5):
            return path
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{file_name}.lock", timeout=LOCK_SECONDS):
            if not _is_intact(path, md5):  # another process may have brought it while this one waited
                _download(path, md5, mirrors, progress)
    except Timeout as error:
        message = f"{file_name} is still being downloaded by another process after {LOCK_SECONDS} s; try again later"
        raise DatasetError(message) from error
    except OSError as error:
        raise DatasetError(
            f"{file_name} cannot be kept in {folder} ({error.strerror or error}); "
            "make this folder writable, or set BNVIZ_DATA to one that is"
        ) from error
    return path


def _is_intact(path: Path, md5: str) -> bool:
    return path.is_file() and pooch.file_hash(str(path), alg="md5") == md5


def _download(path: Path, md5: str, mirrors: Sequence[str], progress: Progress | None) -> None:
    """Try each mirror in turn; pooch checks the sum and moves the file to its place."""
    part = path.with_name(f"{path.name}.part")
    if path.exists():
        os.replace(path, path.with_name(f"{path.name}.corrupt"))
    failures: dict[str, str] = {}
    for mirror in mirrors:
        shown = _without_password(mirror)
        for resumes in (part.exists(), False):  # a second time only if what was resumed turned out to be wrong
            try:
                pooch.retrieve(
                    f"{mirror.rstrip('/')}/{path.name}",
                    known_hash=f"md5:{md5}",
                    fname=path.name,
                    path=path.parent,
                    downloader=partial(_resume, part=part, progress=progress),
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                failures[shown] = _reason(error)
                break
            except ValueError:  # how pooch says that the checksum differs; it has deleted the file
                failures[shown] = "what it sends has not the official checksum"
                if not resumes:
                    break
            else:
                return
    tried = ", ".join(f"{mirror} ({reason})" for mirror, reason in failures.items()) or "anywhere: no mirror was given"
    raise DatasetError(
        f"{path.name} could not be downloaded from {tried}; "
        f"check the network, or put the official file (md5 {md5}) into {path.parent}"
    )


def _resume(url: str, output_file: str, _: object, *, part: Path, progress: Progress | None) -> None:
    """A downloader for pooch: complete `part`, then make it pooch's temporary `output_file` (in the same folder)."""
    done = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
        if not (done and response.status_code == 416):
            response.raise_for_status()
            goes_on = response.status_code == 206  # else it ignores Range and sends the whole file
            _receive(response, part, done if goes_on else 0, progress)
            os.replace(part, output_file)
            return
    part.unlink()  # as long as the file on the server, or longer: start over
    _resume(url, output_file, _, part=part, progress=progress)


def _receive(response: requests.Response, part: Path, done: int, progress: Progress | None) -> None:
    """Write the body after the first `done` bytes of `part`; urllib3 raises if the body ends early."""
    length = response.headers.get("Content-Length", "")
    total = done + int(length) if length.isdigit() else None
    stream: Any = response.raw  # as sent: requests would unpack a .gz that a server marks as Content-Encoding: gzip
    with part.open("ab" if done else "wb") as file:
        for chunk in stream.stream(CHUNK_BYTES, decode_content=False):
            file.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"it answered {error.response.status_code} {error.response.reason}"
    return next((words for kind, words in REASONS if isinstance(error, kind)), str(error))


def _without_password(address: str) -> str:
    """The address as it may be shown on a student's screen."""
    return re.sub("//[^/]*@", "//", address)
