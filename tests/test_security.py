"""What docs/security.md relies on: Streamlit's settings, a source without ways from text to code, and loopback only."""

import ast
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import streamlit

from bnviz.jobs.local_cluster import start_embedded
from bnviz.records.untrusted import LARGEST

ROOT = Path(__file__).parents[1]
SOURCES = sorted([ROOT / "app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("bnviz/**/*.py")])
SCRIPTS = sorted(ROOT.glob("bnviz/**/*.js"))
NOTE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "st.html", "st.iframe", "torch.load"}
"""Of these, `torch.load` unpickles; the others run, or show, what they are given."""
OWN_FILES = {"st.html(STYLE)"}
"""The app's own style sheet, by its path."""
MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml", "streamlit.components.v1"}
KEYWORDS = {"unsafe_allow_html", "allow_pickle", "shell", "unsafe_allow_javascript"}
IN_SCRIPTS = r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function|setHTMLUnsafe)\b"
SECONDS = 60  # nothing here takes as long, but machines are shared


def config() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("server.address", "127.0.0.1"),
        ("server.enableXsrfProtection", True),
        ("server.maxUploadSize", LARGEST // 2**20),
        ("server.enableStaticServing", True),
        ("client.showErrorDetails", "none"),
    ],
)
def test_streamlit_is_set_as_the_note_says(option: str, value: object) -> None:
    section, name = option.split(".")
    assert config()[section][name] == value
    assert type(streamlit.get_option(option)) is type(value)  # there is an option of that name
    assert name in NOTE


@pytest.mark.parametrize("option", ["server.enableCORS", "server.enableAgentApi"])
def test_what_is_safe_by_default_is_left_so(option: str) -> None:
    """XSRF protection goes with CORS; the agent's interface lets anyone drive any page, and is for tests."""
    section, name = option.split(".")
    assert name not in config().get(section, {})


def test_only_what_is_public_is_served_as_a_file() -> None:
    assert {path.suffix for path in (ROOT / "static").iterdir()} <= {"", ".js", ".md"}


def risks(tree: ast.AST) -> Iterator[str]:
    """What a source has that could turn text into code or markup."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS and ast.unparse(node) not in OWN_FILES:
            yield f"{ast.unparse(node.func)}()"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if is_risky(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                name for name in (node.module, *(f"{node.module}.{one.name}" for one in node.names)) if is_risky(name)
            )
        elif isinstance(node, ast.keyword) and node.arg in KEYWORDS:
            yield f"{node.arg}="
        elif isinstance(node, ast.Attribute) and is_risky(ast.unparse(node).replace("st.", "streamlit.", 1)):
            yield ast.unparse(node)


def is_risky(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in MODULES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_turns_text_into_code_or_markup(path: Path) -> None:
    assert list(risks(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "st.markdown(text, unsafe_allow_html=True)",
        "st.html(text)",
        "eval(text)",
        "import pickle",
        "from pickle import loads",
        "import yaml.loader",
        "np.load(file, allow_pickle=True)",
        "torch.load(file)",
        "subprocess.run(text, shell=True)",
        "st.components.v1.html(text)",
        "from streamlit.components import v1",
    ],
)
def test_it_would_be_noticed(source: str) -> None:
    assert list(risks(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["network.eval()", "re.compile(text)", "st.components.v2.component(name)", "st.text(a)"]
)
def test_what_is_harmless_is_not_taken_for_it(source: str) -> None:
    assert not list(risks(ast.parse(source)))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_turns_text_into_markup(path: Path) -> None:
    assert not re.findall(IN_SCRIPTS, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "named", sorted(set(re.findall(r"`((?:tests|bnviz|docs|deploy|pages|\.streamlit)/[\w./-]+)`", NOTE)))
)
def test_what_the_note_names_is_there(named: str) -> None:
    assert (ROOT / named).exists()


def test_scheduler_and_workers_listen_to_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_WORKERS", "1")
    cluster = start_embedded()
    try:
        end = time.monotonic() + SECONDS
        while len(found := listening(cluster.process.pid)) < 2:  # until a worker does, too
            assert time.monotonic() < end, found
            time.sleep(0.1)
    finally:
        cluster.close()
    assert set.union(*found.values()) == {"127.0.0.1"}


def test_the_app_listens_to_this_machine_only_unless_it_is_told_otherwise() -> None:
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + SECONDS
        while not (found := listening(server.pid)):
            assert time.monotonic() < end
            assert server.poll() is None, "it has ended"
            time.sleep(0.1)
    finally:
        server.kill()
        server.wait()
    assert set.union(*found.values()) == {"127.0.0.1"}


def listening(pid: int) -> dict[int, set[str]]:
    """Which processes, of one and those below it, listen, and at which addresses of the machine."""
    found: dict[int, set[str]] = {}
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # it has ended in between
            for one in process.net_connections("inet"):
                if one.status == psutil.CONN_LISTEN:
                    found.setdefault(process.pid, set()).add(one.laddr.ip)
    return found
