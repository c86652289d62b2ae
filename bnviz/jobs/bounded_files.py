"""BoundedFiles: files of bytes by name in a folder of bounded size, on any file system that fsspec knows.

A file is written under another name and then moved, so that readers and other writers see it whole or not at all. When
the folder is full, the files that were read least recently go (on file systems that cannot note when a file was read:
those written first). What is in the files, and what to do when something fails, is not known here.
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
ROOM = 0.9  # a full folder is cleared down to this share, so that not every new file has to clear it
COUNT_EVERY = 32
STALE_SECONDS = 3600.0  # an unfinished file as old as this was left by a process that died

logger = logging.getLogger(__name__)


class BoundedFiles:
    """Any thread and any process may use the same folder at once. All methods raise what the file system raises.

    Args:
        filesystem: of fsspec.
        folder: in it; made when the first file is written.
        limit: bytes.
    """

    def __init__(self, filesystem: Any, folder: str, limit: float) -> None:
        self.local = isinstance(filesystem, LocalFileSystem)
        self._filesystem = filesystem
        self._folder = folder.rstrip("/")
        self._limit = limit
        self._lock = threading.Lock()
        self._size = 0.0  # bytes, as last counted, and what was written since
        self._until_count = 0  # files to write before counting again, because other processes write, too

    def read(self, name: str) -> bytes | None:
        """The file's content, None if there is no such file."""
        path = self._path(name)
        try:
            content: bytes = self._filesystem.cat_file(path)
        except FileNotFoundError:
            return None
        if self.local:
            with suppress(OSError):  # a folder that may only be read
                os.utime(path)
        return content

    def write(self, name: str, content: bytes) -> bool:
        """Put a file there; the content of one that is there already is taken to be the same."""
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
        """Give a file another name, under which nobody reads it; it goes when room is needed."""
        with suppress(FileNotFoundError):  # somebody else was quicker
            self._filesystem.mv(self._path(name), self._path(name) + ASIDE)

    def aside(self) -> list[str]:
        """Names of the files that were set aside."""
        return [name.removesuffix(SUFFIX + ASIDE) for name in self._names() if name.endswith(ASIDE)]

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}{SUFFIX}"

    def _names(self) -> list[str]:
        try:
            return [str(path).rpartition("/")[2] for path in self._filesystem.ls(self._folder, detail=False)]
        except FileNotFoundError:
            return []

    def _make_room(self, added: int) -> None:
        """Remove files if those that are there have become too many."""
        with self._lock:
            self._size += added
            self._until_count -= 1
            if self._until_count >= 0 and self._size <= self._limit:
                return
            self._until_count = COUNT_EVERY
            self._filesystem.invalidate_cache()
            files = [found for found in self._filesystem.ls(self._folder, detail=True) if found["type"] == "file"]
            files.sort(key=_last_used)
            self._size = sum(found["size"] for found in files)
            target = self._limit * ROOM if self._size > self._limit else self._limit
            for found in files:
                path = str(found["name"])
                stale = path.endswith(PART) and time() - _last_used(found) > STALE_SECONDS
                if stale or (self._size > target and path.endswith((SUFFIX, ASIDE))):
                    with suppress(FileNotFoundError):
                        self._filesystem.rm_file(path)
                    self._size -= found["size"]


def _last_used(found: dict[str, Any]) -> float:
    """Seconds; 0 where the file system does not say."""
    when = found.get("mtime") or found.get("LastModified") or found.get("created") or found.get("updated") or 0.0
    return float(when.timestamp() if hasattr(when, "timestamp") else when) if not isinstance(when, str) else 0.0
