"""Developers' scripts, and what those that look at the app in a browser share: a real server, and a real Chromium.

`running_app` and `chromium` are also what the browser tests and the browser benchmark stand on. Nothing here knows what
the pages show.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class RunningApp:
    """A server of one's own: its address, without a slash at the end, its process id, and the file it logs to."""

    url: str
    pid: int
    log: Path


@contextmanager
def running_app(workers: int = 2, script: str | Path = "app.py", folder: Path = PROJECT_FOLDER) -> Iterator[RunningApp]:
    """Start the app, or another script or another checkout's, on a free port of this machine, in a process group of its
    own, and end it afterwards.

    Raises:
        RuntimeError: it does not answer; its output is in the message.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.fileWatcherType", "none"]
    with tempfile.NamedTemporaryFile(prefix="bnviz-app-", suffix=".log") as log:
        server = subprocess.Popen(
            command + options,
            cwd=folder,
            env={**os.environ, "BNVIZ_WORKERS": str(workers)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            app = RunningApp(f"http://localhost:{port}", server.pid, Path(log.name))
            _wait_for(app, server)
            yield app
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def chromium_path() -> str | None:
    """The first Chromium on the PATH, None without one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def chromium(playwright: "Playwright") -> "Browser":
    """A headless Chromium, this machine's own.

    Raises:
        RuntimeError: there is none.
    """
    path = chromium_path()
    if path is None:
        raise RuntimeError(f"none of {', '.join(BROWSERS)} is on the PATH; `apt-get install chromium` brings one")
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


def _wait_for(app: RunningApp, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the app did not start:\n{app.log.read_text(errors='replace')[-3000:]}")
