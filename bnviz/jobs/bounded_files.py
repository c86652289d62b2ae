"""BoundedFiles: named files in a folder of bounded size, on any file system that fsspec supports.

A file is written under a temporary name and then moved, so that other processes see it complete or not at all. When the
folder is full, the files that were read least recently are removed (the oldest ones, where read times are unknown).
"""

import logging
import os
import threading
import uuid
from contextlib import suppress
from time import time
from typing import Any

from fsspec.implementations.local import LocalFileSystem

SUFFIX = ".nc.gz"
ASIDE = ".damaged"
PART = ".part"
ROOM = 0.9  # share of the limit that is left after clearing, so that not every new file needs it
COUNT_EVERY = 32
STALE_SECONDS = 3600.0  # an older temporary file was left by a process that died

logger = logging.getLogger(__name__)


class BoundedFiles:
    """Several threads and processes may use one folder. All methods raise what the file system raises.

    Args:
        filesystem: of fsspec.
        folder: path in it; created with the first file.
        limit: total size in bytes.
    """

    def __init__(self, filesystem: Any, folder: str, limit: float) -> None:
        self.local = isinstance(filesystem, LocalFileSystem)
        self._filesystem = filesystem
        self._folder = folder.rstrip("/")
        self._limit = limit
        self._lock = threading.Lock()
        self._size = 0.0  # bytes at the last count, and written since
        self._until_count = 0  # writes before the next count, as other processes write, too

    def read(self, name: str) -> bytes | None:
        """The file's content; None if there is no such file."""
        path = self._path(name)
        try:
            content: bytes = self._filesystem.cat_file(path)
        except FileNotFoundError:
            return None
        if self.local:
            with suppress(OSError):  # a read-only folder
                os.utime(path)
        return content

    def write(self, name: str, content: bytes) -> bool:
        """Write a file; an existing file of that name has the same content."""
        self._filesystem.makedirs(self._folder, exist_ok=True)
        part = f"{self._path(name)}.{uuid.uuid4().hex}{PART}"
        try:
            self._filesystem.pipe_file(part, content)
            if self.local:
                os.replace(part, self._path(name))
            else:
                self._filesystem.mv(part, self._path(name))
        except BaseException:
            with suppress(Exception):
                self._filesystem.rm_file(part)
            raise
        self._make_room(len(content))
        return True

    def set_aside(self, name: str) -> None:
        """Rename a damaged file, so that it is no longer read; it is removed when the folder is full."""
        with suppress(FileNotFoundError):  # another process was faster
            self._filesystem.mv(self._path(name), self._path(name) + ASIDE)

    def names_set_aside(self) -> list[str]:
        """Names of renamed files."""
        return [name.removesuffix(SUFFIX + ASIDE) for name in self._names() if name.endswith(ASIDE)]

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}{SUFFIX}"

    def _names(self) -> list[str]:
        try:
            return [str(path).rpartition("/")[2] for path in self._filesystem.ls(self._folder, detail=False)]
        except FileNotFoundError:
            return []

    def _make_room(self, added: int) -> None:
        """Remove files if the limit is exceeded."""
        with self._lock:
            self._size += added
            self._until_count -= 1
            if self._until_count >= 0 and self._size <= self._limit:
                return
            self._until_count = COUNT_EVERY
            self._filesystem.invalidate_cache()
            files = [file for file in self._filesystem.ls(self._folder, detail=True) if file["type"] == "file"]
            files.sort(key=_last_used)
            self._size = sum(file["size"] for file in files)
            target = self._limit * ROOM if self._size > self._limit else self._limit
            for file in files:
                path = str(file["name"])
                stale = path.endswith(PART) and time() - _last_used(file) > STALE_SECONDS
                if stale or (self._size > target and path.endswith((SUFFIX, ASIDE))):
                    with suppress(FileNotFoundError):
                        self._filesystem.rm_file(path)
                    self._size -= file["size"]


def _last_used(file: dict[str, Any]) -> float:
    """Seconds since the epoch; 0 if the file system does not tell."""
    when = file.get("mtime") or file.get("LastModified") or file.get("created") or file.get("updated") or 0.0
    return float(when.timestamp() if hasattr(when, "timestamp") else when) if not isinstance(when, str) else 0.0
