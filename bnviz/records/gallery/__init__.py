"""The gallery: records of the preset runs that ship with bnviz, so that pages open with results.

One file per run, `<run key>.nc.gz`, written by `python -m bnviz gallery build`. The run key changes with the
configuration and with the measuring version, so an outdated file is never read.
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
    """Return the path of this run's record, whether or not it exists."""
    return folder / f"{config.key}{SUFFIX}"


def find(config: RunConfig, folder: Path = FOLDER) -> Record | None:
    """Return the shipped record of this run, or None; it is cached, so its arrays must not be changed.

    An unreadable file counts as missing: the caller trains the run, and `bnviz doctor` names the file.
    """
    path = path_of(config, folder)
    try:
        record = _read(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, ValueError):
        return None
    return record if record.config.key == config.key else None


def save(record: Record, folder: Path = FOLDER) -> Path:
    """Write a record's file and return its path; the same record always gives the same bytes."""
    path = path_of(record.config, folder)
    path.write_bytes(packed(record))
    return path


def packed(record: Record, level: int = 9) -> bytes:
    """Return a record's file, compressed by gzip with a level.

    Shipped records use 9, the smallest; new records use 0, which only adds a checksum and takes almost no time.
    """
    return gzip.compress(record.to_bytes(), compresslevel=level, mtime=0)


def unpacked(content: bytes) -> Record:
    """Return the record in the content that `packed` returned.

    Raises:
        ValueError: the content is damaged or is not a record.
    """
    try:
        return Record.from_bytes(gzip.decompress(content))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error


@lru_cache(maxsize=KEPT)
def _read(path: Path, modified: int) -> Record:  # noqa: ARG001
    """Read a file; `modified` is part of the cache key, so that a new file is read again."""
    return unpacked(path.read_bytes())
