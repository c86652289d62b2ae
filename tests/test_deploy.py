"""What docs/deploy.md and the files in deploy/ promise, as far as no cloud, container or service is needed."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from bnviz.core import environment
from bnviz.jobs import local_cluster
from bnviz.jobs.service import Service
from bnviz.ui import run_client
from scripts.cloud_requirements import cloud_requirements
from tests.cluster.test_cluster_recipes import unknown_options

ROOT = Path(__file__).parents[1]
CLOUD = ROOT / "deploy" / "streamlit-cloud"
SERVER = ROOT / "deploy" / "server"
TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
UNIT = (SERVER / "bnviz.service").read_text(encoding="utf-8")
CONTAINER = (SERVER / "Containerfile").read_text(encoding="utf-8")
SEVERAL = {
    file.parent.name.removesuffix(".d"): file.read_text(encoding="utf-8").replace("\\\n", " ")
    for file in (SERVER / "several").glob("*.service.d/several.conf")
}
NGINX = (SERVER / "several" / "nginx.conf").read_text(encoding="utf-8")
ADDRESS = "https://wheels.example/cpu/torch/"


def table_of_variables() -> str:
    rows = [
        f"| `{name}` | {one.meaning} | {f'`{one.default}`' if one.default else ''} |"
        for name, one in environment.VARIABLES.items()
    ]
    return "\n".join(["| variable | meaning | default |", "|---|---|---|", *rows]) + "\n"


def streamlit_options(command: str) -> dict[str, str]:
    """The options behind `streamlit run app.py` in a command line."""
    words = shlex.split(command.partition(" app.py ")[2])
    return {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}


def commands() -> dict[str, str]:
    """The command lines that start the app, as the unit and the container have them."""
    (unit,) = re.findall(r"^ExecStart=(.+)$", UNIT, re.MULTILINE)
    (container,) = re.findall(r"^CMD \[(.+)\]$", CONTAINER, re.MULTILINE)
    return {"unit": unit, "container": container.replace('", "', " ").strip('"')}


def test_the_table_of_variables_is_that_of_the_settings():
    assert table_of_variables() in TEXT, f"docs/deploy.md must have this table:\n{table_of_variables()}"


def test_only_variables_that_exist_are_named():
    assert set(re.findall(r"BNVIZ_\w+", UNIT + CONTAINER + "".join(SEVERAL.values()))) <= environment.VARIABLES.keys()
    assert set(re.findall(r"BNVIZ_\w+", TEXT)) == environment.VARIABLES.keys()


def test_the_page_names_files_that_exist():
    named = set(re.findall(r"\b(?:deploy|docs|benchmarks|scripts)/[\w./-]*\w", TEXT))
    written_later = {"deploy/streamlit-cloud/requirements.txt"}
    assert len(named) >= 4
    assert not [name for name in named - written_later if not (ROOT / name).exists()]
    assert not [link for link in re.findall(r"\]\(([\w./-]+)\)", TEXT) if not (ROOT / "docs" / link).exists()]


def test_the_clouds_requirements_are_the_apps_with_the_cpu_build_of_torch():
    given = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    text = cloud_requirements(given, ADDRESS)
    lines = set(text.splitlines())
    changed = {"torch==2.13.0": "torch==2.13.0+cpu", "-c constraints.txt": "-c ../../constraints.txt"}
    assert changed.keys() <= set(given.splitlines())
    assert {changed.get(line, line) for line in given.splitlines()} <= lines
    assert f"--find-links {ADDRESS}" in lines
    assert not lines & changed.keys()
    assert (CLOUD / "../../constraints.txt").resolve() == ROOT / "constraints.txt"


@pytest.mark.parametrize("address", ["", "two words", "a\n-r other.txt"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ValueError, match="give one address"):
        cloud_requirements("torch==2.13.0\n-c constraints.txt\n", address)


def test_requirements_without_a_pin_of_torch_are_refused():
    with pytest.raises(ValueError, match="must have one line"):
        cloud_requirements("torch>=2\n-c constraints.txt\n", ADDRESS)


def test_streamlit_finds_pages_and_static_files_beside_the_clouds_script():
    for name in ("pages", "static"):
        assert (CLOUD / name).resolve() == ROOT / name


@pytest.fixture
def nobody_trains(monkeypatch) -> Iterator[None]:
    """No workers are started: pages open from the gallery."""
    monkeypatch.setenv("BNVIZ_SCHEDULER", "tcp://127.0.0.1:9")
    monkeypatch.setenv("BNVIZ_STORE", "none")
    alone = Service()
    monkeypatch.setattr(run_client, "service", lambda: alone)  # the other tests' service stays as it is
    yield
    alone.close()


def test_the_clouds_script_runs_the_app_and_its_pages(nobody_trains):
    at = AppTest.from_file(str(CLOUD / "app.py"), default_timeout=60).run()
    assert not at.exception
    assert [title.value for title in at.title] == ["Why does batch norm work?"]
    at.switch_page("pages/activations.py").run()
    assert not at.exception
    assert [title.value for title in at.title] == ["Does batch norm keep a unit's input distribution still?"]
    at.run()  # a second look at the same page: the router is run again, not only the first time
    assert len(at.title) == 1


@pytest.mark.parametrize("where", ["unit", "container"])
def test_the_server_is_started_with_options_that_streamlit_has(where):
    options = streamlit_options(commands()[where])
    assert options.keys() <= config.get_config_options().keys()
    assert "server.enableAgentApi" not in options, "never where strangers come by"
    assert options["server.port"] == "8501"
    assert options["server.address"] == {"unit": "127.0.0.1", "container": "0.0.0.0"}[where]


def test_every_recipe_says_whom_the_app_answers():
    """A setting for one's own machine would leave a container that nobody can reach."""
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "deploy").rglob("*") if path.is_file()}
    starts = [
        (path.name, line)
        for path, text in texts.items()
        for line in text.replace("\\\n", " ").splitlines()
        if re.search(r"\bstreamlit\W+run\b", line)
    ]
    assert {name for name, _ in starts} == {"Containerfile", "bnviz.service", "several.conf", "kubernetes.yaml"}
    assert [name for name, line in starts if "--server.address" not in line] == []
    assert 'make run ARGS="--server.address 0.0.0.0"' in TEXT
    assert 'make run ARGS="--server.address 0.0.0.0"' in (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    cloud = tomllib.loads((CLOUD / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert cloud == {"server": {"address": "0.0.0.0"}}, "Streamlit reads it after that at the top, beside the script"


@pytest.fixture
def verify() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("there is no systemd-analyze here")
    return found


def test_systemd_understands_the_unit(verify, tmp_path):
    unit = tmp_path / "bnviz.service"
    unit.write_text(UNIT.replace("/opt/bnviz/.venv/bin/python", sys.executable), encoding="utf-8")
    said = subprocess.run([verify, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    unit.write_text(UNIT.replace("ProtectSystem=strict", "ProtectSystm=strict"), encoding="utf-8")
    said = subprocess.run([verify, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert "ProtectSystm" in said.stderr, "so that it would tell"


def test_the_unit_may_write_where_it_is_told_to():
    assert {"ProtectSystem=strict", "StateDirectory=bnviz", "CacheDirectory=bnviz"} <= set(UNIT.splitlines())
    written = re.findall(r"(?:BNVIZ_STORE|BNVIZ_DATA|HOME|XDG_CACHE_HOME)=(\S+)", UNIT)
    assert len(written) == 4
    assert all(path.startswith(("/var/lib/bnviz", "/var/cache/bnviz")) for path in written)


def test_the_unit_tells_the_app_the_same_limit_as_the_system():
    values = dict(line.split("=", 1) for line in UNIT.splitlines() if re.match(r"\w+=", line))
    assert values["LimitRSS"] == values["MemoryMax"]


def test_systemd_understands_what_several_apps_change_in_it(verify, tmp_path):
    for name, text in SEVERAL.items():
        (tmp_path / name).write_text(UNIT.replace("/opt/bnviz/.venv/bin/python", sys.executable), encoding="utf-8")
        (tmp_path / f"{name}.d").mkdir()
        changed = text.replace("/opt/bnviz/.venv/bin/python", sys.executable)
        (tmp_path / f"{name}.d" / "several.conf").write_text(changed, encoding="utf-8")
    units = [str(tmp_path / name.replace("@", "@8501")) for name in SEVERAL]
    said = subprocess.run([verify, "verify", *units], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
    added = tmp_path / "bnviz-workers.service.d" / "several.conf"
    added.write_text(added.read_text(encoding="utf-8").replace("CPUWeight", "CPUWeigth"), encoding="utf-8")
    said = subprocess.run([verify, "verify", *units], capture_output=True, text=True, check=False)
    assert "CPUWeigth" in said.stderr, "so that it would tell"


def test_several_apps_are_started_with_options_that_exist():
    assert SEVERAL.keys() == {"bnviz@.service", "bnviz-scheduler.service", "bnviz-workers.service"}
    for name, text in SEVERAL.items():
        cleared, command = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
        assert not cleared, "or the command of bnviz.service would be another one"
        assert "User=bnviz" in text.splitlines(), "who may write to the store that all have"
        if name == "bnviz@.service":
            alone = streamlit_options(commands()["unit"])
            assert streamlit_options(command) == alone | {"server.port": "%i"}
        else:
            assert unknown_options(shlex.split(command)) == set()
            assert f"Environment=DASK_CONFIG=/opt/bnviz/{local_cluster.SETTINGS.relative_to(ROOT)}" in text.splitlines()
    assert all(f"{name}=1" in SEVERAL["bnviz-workers.service"] for name in local_cluster.ONE_THREAD)


def test_several_apps_and_their_proxy_agree_on_addresses():
    [ports] = re.findall(r"^systemctl enable .*bnviz-workers((?: bnviz@\d+)+)$", TEXT, re.MULTILINE)
    ports = re.findall(r"@(\d+)", ports)
    assert re.findall(r"server 127\.0\.0\.1:(\d+);", NGINX) == ports
    [cookie] = re.findall(r'"~(.+)"\s+127\.0\.0\.1:\$cookie_bnviz;', NGINX)
    assert [port for port in map(str, range(8000, 9000)) if re.search(cookie, port)] == ports
    assert "proxy_pass http://$bnviz_app;" in TEXT
    assert 'add_header Set-Cookie "bnviz=$bnviz_port;' in TEXT
    assert {"$bnviz_app", "$bnviz_port"} == set(re.findall(r"^map \S+ (\S+)", NGINX, re.MULTILINE))
    assert "BNVIZ_SCHEDULER=tcp://127.0.0.1:8786" in SEVERAL["bnviz@.service"]
    assert "--host tcp://127.0.0.1 --port 8786 " in SEVERAL["bnviz-scheduler.service"]
    assert "worker tcp://127.0.0.1:8786 --host 127.0.0.1 " in SEVERAL["bnviz-workers.service"], "not for outsiders"


def test_the_container_copies_what_there_is_and_all_that_the_app_needs():
    sources = [word for line in re.findall(r"^COPY (.+) \S+$", CONTAINER, re.MULTILINE) for word in line.split()]
    assert all((ROOT / source).exists() for source in sources)
    assert {"app.py", ".streamlit", "bnviz", "pages", "static", "requirements.txt", "constraints.txt"} == set(sources)


def test_the_container_checks_its_health_and_does_not_run_as_root():
    assert "/_stcore/health" in CONTAINER
    assert CONTAINER.index("\nUSER bnviz") < CONTAINER.index("\nCMD [")
