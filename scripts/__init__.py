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
    """A server of one's own: its address, without a slash at the end, and its process id."""

    url: str
    pid: int


@contextmanager
def running_app(workers: int = 2) -> Iterator[RunningApp]:
    """Start the app on a free port of this machine, in a process group of its own, and end it afterwards.

    Raises:
        RuntimeError: it does not answer; its output is in the message.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.fileWatcherType", "none"]
    server = subprocess.Popen(
        command + options,
        cwd=PROJECT_FOLDER,
        env={**os.environ, "BNVIZ_WORKERS": str(workers)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        url = f"http://localhost:{port}"
        _wait_for(f"{url}/_stcore/health", server)
        yield RunningApp(url, server.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.communicate()


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


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    server.kill()
    output = server.communicate()[0].decode(errors="replace")
    raise RuntimeError(f"the app did not start:\n{output[-3000:]}")
