"""The gallery: records of the preset runs that ship with bnviz, so that there is something to see at once.

One file a run, `<run key>.nc.gz`, written by `python -m bnviz gallery build`. The run key changes with the
configuration and with the measuring version, so an outdated file is never found. Knows nothing of training.
"""

import gzip
import zlib
from functools import lru_cache
from pathlib import Path

from bnviz.core.config import RunConfig
from bnviz.core.record import Record

FOLDER = Path(__file__).parent
SUFFIX = ".nc.gz"
KEPT = 32  # records a process keeps: up to 3 MB each, most of them some 20 kB; one page shows a dozen


def path_of(config: RunConfig, folder: Path = FOLDER) -> Path:
    """Where the record of this run is, or would be."""
    return folder / f"{config.key}{SUFFIX}"


def find(config: RunConfig, folder: Path = FOLDER) -> Record | None:
    """The shipped record of this run, None if there is none; it is shared, so its arrays must not be written to.

    A file that cannot be read counts as none: the caller trains the run instead, and `bnviz doctor` names the file.
    """
    path = path_of(config, folder)
    try:
        record = _read(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, ValueError):
        return None
    return record if record.config.key == config.key else None


def save(record: Record, folder: Path = FOLDER) -> Path:
    """Write a record's file and return its path; the same record gives the same bytes on every day."""
    path = path_of(record.config, folder)
    path.write_bytes(packed(record))
    return path


def packed(record: Record, level: int = 9) -> bytes:
    """A record's file as it is kept, here and in the store; `level` as gzip's.

    9 is smallest, for what is shipped; 0 only adds the checksum, in next to no time, for what has just been trained.
    """
    return gzip.compress(record.to_bytes(), compresslevel=level, mtime=0)


def unpacked(content: bytes) -> Record:
    """The record that `packed` was given.

    Raises:
        ValueError: the content is damaged, or something else.
    """
    try:
        return Record.from_bytes(gzip.decompress(content))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error


@lru_cache(maxsize=KEPT)
def _read(path: Path, modified: int) -> Record:  # noqa: ARG001
    """`modified` is part of the cache key, so that a file that was built anew is read again."""
    return unpacked(path.read_bytes())
