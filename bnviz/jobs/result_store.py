"""Keep results after the app ends: one file for each run, `<run key>.nc.gz`, as in the gallery.

Files are in a folder, or at any URL that fsspec supports. The run key contains configuration and measuring version, so
files never change; gzip's checksum detects damage. Several apps may share one store. A store that fails is not used
for a while, and `problem` says so; no call raises.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic
from typing import TypeVar

import fsspec
import platformdirs

from bnviz.core import environment
from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.jobs.bounded_files import BoundedFiles
from bnviz.records import gallery

NONE = "none"
ANSWER_SECONDS = 4.0  # a store that takes longer counts as failed, so that no page waits for it
RETRY_SECONDS = 30.0

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class ResultStore:
    """Results by run key. Thread-safe; no call takes more than a few seconds.

    Args:
        place: a folder, an fsspec URL, or "none"; None: BNVIZ_STORE or, if that is not set, the user's cache.
        megabytes: limit of all files together; None: BNVIZ_STORE_MB.

    Attributes:
        problem: a sentence on why results are not kept at present; empty if they are, or if the store is "none".
    """

    def __init__(self, place: str | None = None, megabytes: float | None = None) -> None:
        self.problem = ""
        self._broken_until = {"read": 0.0, "written to": 0.0}  # a full disk can still be read
        self._files: BoundedFiles | None = None
        try:
            limit = 1e6 * (megabytes if megabytes is not None else environment.whole("BNVIZ_STORE_MB"))
            self.place = place or environment.text("BNVIZ_STORE") or platformdirs.user_cache_dir("bnviz") + "/runs"
            if self.place != NONE:
                filesystem, folder = fsspec.core.url_to_fs(self.place)
                self._files = BoundedFiles(filesystem, folder, limit)
        except (ImportError, OSError, ValueError) as error:  # such as a protocol whose package is missing
            self._fail("used", error)

    def get(self, config: RunConfig) -> Record | None:
        """The run's record; None if it is missing or damaged, or the store does not answer."""
        content = self._access("read", lambda files: files.read(config.key))
        if content is None:
            return None
        try:
            record = gallery.unpacked(content)
        except ValueError as error:
            logger.warning("%s of the store is damaged and was set aside: %s", config.key, error)
            self._access("written to", lambda files: files.set_aside(config.key))
            return None
        return record if record.config.key == config.key else None

    def put(self, record: Record, packed: bytes | None = None) -> bool:
        """Keep the record of a complete run; return whether it was written.

        `packed` is its `gallery.packed` content, if the caller has it.
        """
        content = packed or gallery.packed(record, level=0)
        return self._access("written to", lambda files: files.write(record.config.key, content)) is True

    def damaged(self) -> list[str]:
        """Run keys of damaged files, which were set aside."""
        return self._access("read", BoundedFiles.names_set_aside) or []

    def _access(self, mode: str, operation: Callable[[BoundedFiles], Answer]) -> Answer | None:
        """Result of a file operation; None if it fails, which sets `problem`, or has failed shortly before."""
        if self._files is None or monotonic() < self._broken_until[mode]:
            return None
        try:
            answer = operation(self._files) if self._files.local else _with_timeout(operation, self._files)
        except Exception as error:  # which one depends on the kind of store
            self._fail(mode, error)
            self._broken_until[mode] = monotonic() + RETRY_SECONDS
            return None
        if mode == "written to" or not self._broken_until["written to"]:
            self.problem, self._broken_until[mode] = "", 0.0
        return answer

    def _fail(self, mode: str, error: Exception) -> None:
        reason = "it does not answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        self.problem = f"New results are kept in memory only, because the store cannot be {mode}: {reason}."
        logger.warning(self.problem)


def _with_timeout(operation: Callable[[BoundedFiles], Answer], files: BoundedFiles) -> Answer:
    """Run a file operation in a thread, which is abandoned after ANSWER_SECONDS.

    Raises:
        TimeoutError: it took longer.
    """
    result: Future[Answer] = Future()

    def run() -> None:
        try:
            result.set_result(operation(files))
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=run, name="bnviz-store", daemon=True).start()
    return result.result(ANSWER_SECONDS)
