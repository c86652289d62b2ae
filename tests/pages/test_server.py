"""The real app on a real server, driven over HTTP: no torch in its process, nothing left of it when it is killed."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from bnviz.core import registry

ROOT = Path(__file__).parents[2]
SECONDS = 60
API = "_stcore/agent/interact"


class Server:
    """`streamlit run app.py` with the agent API, and one session with it."""

    def __init__(self, log) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = f"-m streamlit run app.py --server.port {port} --server.address 127.0.0.1 --server.headless true"
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, *command.split(), "--server.enableAgentApi=true", "--server.fileWatcherType=none"],
            cwd=ROOT,
            env={**os.environ, "BNVIZ_WORKERS": "1", "BNVIZ_SCHEDULER": ""},
            stdout=log,
            stderr=log,
        )
        self.session: dict[str, str] = {}

    def ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2).read() == b"ok"
        except OSError:
            return False

    def ask(self, **request):
        """One interaction; the page as it is afterwards."""
        body = json.dumps(self.session | request).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/{API}", body, headers), timeout=SECONDS
        ) as answer:
            snapshot = json.load(answer)
        self.session = {"session_id": snapshot["session_id"]}
        assert snapshot["status"] == "ready", snapshot
        return snapshot


def elements(node, kind):
    """All elements of a kind in a snapshot's tree."""
    found = [node] if node.get("type") == kind else []
    return found + [one for child in node.get("children", []) for one in elements(child, kind)]


def until(condition, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def maps_torch(process: psutil.Process) -> bool:
    return any("libtorch" in Path(region.path).name for region in process.memory_maps())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    path = tmp_path_factory.mktemp("server") / "log.txt"
    with path.open("wb") as log:
        server = Server(log)
    server.log = path
    until(lambda: server.ready() or server.process.poll() is not None)
    assert server.process.poll() is None, path.read_text()
    yield server
    children = psutil.Process(server.process.pid).children(recursive=True) if server.process.poll() is None else []
    server.process.kill()
    server.process.wait()
    for child in children:  # only what a failed test has left
        if child.is_running():
            child.kill()


@pytest.mark.parametrize("name", registry.read_folder(ROOT / "pages"))
def test_every_page_opens(server, name):
    pages = server.ask()["pages"]
    addresses = {page["url_path"] for page in pages}
    assert name in addresses | {"overview"}
    snapshot = server.ask(page=name if name in addresses else "")
    (title,) = elements(snapshot["tree"], "title")
    assert "?" in json.dumps(title)
    assert not elements(snapshot["tree"], "exception")
    assert not elements(snapshot["tree"], "error")
    assert not maps_torch(psutil.Process(server.process.pid)), "charts, verdicts and all"


def test_a_run_is_trained_without_torch_in_the_apps_process(server):
    server.session = {}
    snapshot = server.ask(page="activations", query_params={"steps": ["20"], "widths": ["30"]})

    def finished() -> bool:
        nonlocal snapshot
        snapshot = server.ask()
        return "after 20 updates" in json.dumps(snapshot["tree"], ensure_ascii=False)

    until(finished)
    assert not elements(snapshot["tree"], "exception")
    app = psutil.Process(server.process.pid)
    assert not maps_torch(app)
    assert any(maps_torch(worker) for worker in app.children(recursive=True)), "so this would be seen"


def test_the_static_script_that_draws_is_served(server):
    (script,) = (ROOT / "static").glob("plotly-*.min.js")
    with urllib.request.urlopen(f"{server.url}/app/static/{script.name}", timeout=10) as answer:
        assert len(answer.read()) == script.stat().st_size > 1_000_000
        assert "javascript" in answer.headers["Content-Type"]


def test_nothing_is_left_when_the_app_is_killed(server):
    app = psutil.Process(server.process.pid)
    children = app.children(recursive=True)
    assert len(children) >= 2, "the cluster and at least one worker"
    log = server.log.read_text()  # before it is killed, which the scheduler may well complain of
    app.kill()
    server.process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert "Traceback" not in log, log
