"""Developers' scripts, and helpers of scripts, browser tests and benchmarks: a running app and a Chromium."""

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
    """A running server: its address without a trailing slash, its process id, and its log file."""

    url: str
    pid: int
    log: Path


@contextmanager
def running_app(workers: int = 2, script: str | Path = "app.py", folder: Path = PROJECT_FOLDER) -> Iterator[RunningApp]:
    """Start the app in a process group of its own, on a free port, and stop it afterwards.

    Args:
        workers: number of training processes.
        script: file that Streamlit runs.
        folder: checkout to run it in.

    Raises:
        RuntimeError: the server does not answer; the message has its output.
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
    """Return the first Chromium on the PATH, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def chromium(playwright: "Playwright") -> "Browser":
    """Launch the installed Chromium without a window.

    Raises:
        RuntimeError: none is installed.
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
