"""Keep results after the app ends: one file a run, named by its run key, `<run key>.nc.gz`, as in the gallery.

In a folder, or at any URL that fsspec knows. The run key names configuration and measuring version, so a file never
needs to be changed; gzip's own checksum tells damage. Several apps may share one store: files appear whole or not at
all, and may go at any time. It does not know who asks, and it never raises: a store that fails is done without for a
while, and `problem` says so.
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
ANSWER_SECONDS = 4.0  # a store that takes longer is left alone for a while, so that no page waits for it
AGAIN_SECONDS = 30.0

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class ResultStore:
    """Results by run key. Any thread may call it; no call takes more than a few seconds.

    Args:
        place: a folder, an fsspec URL, or "none"; None: that in BNVIZ_STORE or, where it is not set, the user's cache.
        megabytes: what the files may take together; None: that in BNVIZ_STORE_MB.

    Attributes:
        problem: a sentence on why results are not kept at the moment; empty if they are, or are not meant to be.
    """

    def __init__(self, place: str | None = None, megabytes: float | None = None) -> None:
        self.problem = ""
        self._broken_until = {"read": 0.0, "written to": 0.0}  # a full disk can still be read
        self._shelf: BoundedFiles | None = None
        try:
            limit = 1e6 * (megabytes if megabytes is not None else environment.whole("BNVIZ_STORE_MB"))
            self.place = place or environment.text("BNVIZ_STORE") or platformdirs.user_cache_dir("bnviz") + "/runs"
            if self.place != NONE:
                filesystem, folder = fsspec.core.url_to_fs(self.place)
                self._shelf = BoundedFiles(filesystem, folder, limit)
        except (ImportError, OSError, ValueError) as error:  # for instance a protocol whose package is not installed
            self._fail("used", error)

    def get(self, config: RunConfig) -> Record | None:
        """The run's record; None if it is not there, was damaged, or the store does not answer."""
        content = self._ask("read", lambda shelf: shelf.read(config.key))
        if content is None:
            return None
        try:
            record = gallery.unpacked(content)
        except ValueError as error:
            logger.warning("%s of the store is damaged and was set aside: %s", config.key, error)
            self._ask("written to", lambda shelf: shelf.set_aside(config.key))
            return None
        return record if record.config.key == config.key else None

    def put(self, record: Record, packed: bytes | None = None) -> bool:
        """Keep the record of a run that came to its end, and make room for it; says whether it is kept now.

        `packed` is what `gallery.packed` makes of it, where that is at hand.
        """
        content = packed or gallery.packed(record, level=0)
        return self._ask("written to", lambda shelf: shelf.write(record.config.key, content)) is True

    def damaged(self) -> list[str]:
        """Run keys whose files were set aside because they could not be read."""
        return self._ask("read", BoundedFiles.aside) or []

    def _ask(self, what: str, question: Callable[[BoundedFiles], Answer]) -> Answer | None:
        """The shelf's answer, None if it fails or has failed a moment ago; whatever goes wrong becomes `problem`."""
        if self._shelf is None or monotonic() < self._broken_until[what]:
            return None
        try:
            answer = question(self._shelf) if self._shelf.local else _in_time(question, self._shelf)
        except Exception as error:  # which one depends on the kind of store
            self._fail(what, error)
            self._broken_until[what] = monotonic() + AGAIN_SECONDS
            return None
        if what == "written to" or not self._broken_until["written to"]:
            self.problem, self._broken_until[what] = "", 0.0
        return answer

    def _fail(self, what: str, error: Exception) -> None:
        reason = "it does not answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        self.problem = f"New results are kept in memory only, because the store cannot be {what}: {reason}."
        logger.warning(self.problem)


def _in_time(question: Callable[[BoundedFiles], Answer], shelf: BoundedFiles) -> Answer:
    """Ask in a thread, which is left behind if it takes too long.

    Raises:
        TimeoutError: it does.
    """
    answer: Future[Answer] = Future()

    def ask() -> None:
        try:
            answer.set_result(question(shelf))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name="bnviz-store", daemon=True).start()
    return answer.result(ANSWER_SECONDS)
