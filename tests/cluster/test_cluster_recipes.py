"""What docs/cluster.md and deploy/cluster/ tell people to type: commands, options and variables that exist."""

import os
import re
import shlex
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import dask
import distributed
import yaml
from distributed.cli import dask_scheduler, dask_worker
from streamlit.web import cli as streamlit_cli

from bnviz.core import environment
from bnviz.jobs import local_cluster
from tests.cluster.machines import AS_EMBEDDED, PROJECT, make_certificates, wait_until

RECIPES = PROJECT / "deploy" / "cluster"
GUIDE = PROJECT / "docs" / "cluster.md"
MANIFESTS = list(yaml.safe_load_all((RECIPES / "kubernetes.yaml").read_text()))
KNOWN = {"scheduler": dask_scheduler.main, "worker": dask_worker.main, "run": streamlit_cli.main_run}
FAKE_PYTHON = '#!/bin/sh\necho "$*" >> "$LOG"\n'
FAKE_SRUN = '#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n'


def unknown_options(command: list[str]) -> set[str]:
    """Those options of a `dask` or `streamlit` command that the installed one does not have."""
    program = command.index("dask") if "dask" in command else command.index("streamlit")
    action, arguments = command[program + 1], command[program + 2 :]
    known = {name for parameter in KNOWN[action].params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {argument for argument in arguments if argument.startswith("--")} - known


def pods() -> dict[str, dict]:
    """The pod of each Deployment."""
    return {
        manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]
        for manifest in MANIFESTS
        if manifest["kind"] == "Deployment"
    }


def named(kind: str) -> dict[str, dict]:
    """The manifests of a kind."""
    return {manifest["metadata"]["name"]: manifest for manifest in MANIFESTS if manifest["kind"] == kind}


def is_setting(name: str) -> bool:
    """Whether bnviz or Dask reads a variable; Dask reads those that its defaults have, and where its settings are."""
    if name.startswith("BNVIZ_"):
        return name in environment.VARIABLES
    if name == "DASK_CONFIG":
        return True
    key = name.removeprefix("DASK_").lower().replace("__", ".").replace("_", "-")
    return dask.config.get(key, "unknown") != "unknown"


def test_every_pod_runs_a_command_that_exists():
    assert set(pods()) == {"bnviz-scheduler", "bnviz-worker", "bnviz-app"}
    for pod in pods().values():
        [container] = pod["containers"]
        command = [*container["command"], *container["args"]]
        assert command[:2] == ["python", "-m"]
        assert all(isinstance(argument, str) for argument in command)
        assert find_spec(command[2])
        assert unknown_options(command) == set()
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True


def test_manifests_refer_to_what_is_there():
    [environment] = named("ConfigMap").values()
    assert all(is_setting(name) for name in environment["data"])
    scheduler = environment["data"]["BNVIZ_SCHEDULER"]
    host, port = re.fullmatch(r"tls://([\w-]+):(\d+)", scheduler).groups()
    assert named("Service")[host]["spec"]["ports"] == [{"port": int(port)}]
    assert scheduler in pods()["bnviz-worker"]["containers"][0]["command"]
    for name, pod in pods().items():
        [container] = pod["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": environment["metadata"]["name"]}}]
        assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"] for volume in pod["volumes"]]
        role = {"bnviz-app": "client"}.get(name, name.removeprefix("bnviz-"))
        assert pod["volumes"][0]["secret"]["secretName"] == f"bnviz-{role}"  # made so by the guide's loop
        deployment = named("Deployment")[name]["spec"]
        assert deployment["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"]
    labels = [manifest["spec"]["selector"]["app"] for manifest in named("Service").values()]
    assert labels == ["bnviz-scheduler", "bnviz-app"]
    assert named("Deployment")["bnviz-app"]["spec"]["replicas"] == 2
    assert named("Service")["bnviz"]["spec"]["sessionAffinity"] == "ClientIP"


def test_recipes_have_dask_set_as_the_embedded_cluster_has_it():
    settings = local_cluster.SETTINGS.relative_to(PROJECT)
    assert {"DASK_CONFIG": str(local_cluster.SETTINGS)} == AS_EMBEDDED
    [environment] = named("ConfigMap").values()
    workdir = re.findall(r"^WORKDIR (.+)$", (PROJECT / "deploy/server/Containerfile").read_text(), re.MULTILINE)[-1]
    assert environment["data"]["DASK_CONFIG"] == f"{workdir}/{settings}"
    assert GUIDE.read_text().count(f"export DASK_CONFIG=$PWD/{settings}\n") == 2, "scheduler and worker"
    assert f"export DASK_CONFIG=$PWD/{settings}\n" in (RECIPES / "slurm.sbatch").read_text()


def test_dask_knows_all_that_is_set():
    [known] = dask.config.collect_yaml([str(Path(distributed.__file__).with_name("distributed.yaml"))])
    [given] = dask.config.collect_yaml([str(local_cluster.SETTINGS)])
    assert named_values(given).keys() <= named_values(known).keys()
    told = subprocess.run(
        [sys.executable, "-c", "import dask, distributed; print(dask.config.get('distributed.admin.tick.interval'))"],
        env={**os.environ, **AS_EMBEDDED}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == named_values(given)["distributed.admin.tick.interval"] == "500ms"


def named_values(settings, below=""):
    """By their whole names, with dots."""
    if not isinstance(settings, dict):
        return {below.lstrip("."): settings}
    return {
        name: value for key, part in settings.items() for name, value in named_values(part, f"{below}.{key}").items()
    }


def test_the_slurm_job_starts_a_scheduler_and_workers_and_starts_them_again(tmp_path):
    make_certificates(tmp_path / "certificates")
    for file, text in ((tmp_path / ".venv/bin/python", FAKE_PYTHON), (tmp_path / "bin/srun", FAKE_SRUN)):
        file.parent.mkdir(parents=True)
        file.write_text(text)
        file.chmod(0o755)
    log = tmp_path / "log"
    environment = {
        **os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LOG": str(log),
        "SLURM_JOB_ID": "77", "SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_GPUS_PER_TASK": "1",
    }  # fmt: skip
    job = subprocess.Popen(
        ["bash", str(RECIPES / "slurm.sbatch"), str(tmp_path / "certificates")],
        env=environment,
        start_new_session=True,
    )
    try:
        assert wait_until(lambda: log.exists() and len(log.read_text().splitlines()) >= 4)
    finally:
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
    commands = [shlex.split(line) for line in log.read_text().splitlines()]
    address = (tmp_path / "certificates" / "address").read_text().strip()
    assert re.fullmatch(r"tls://\S+:20077", address)
    assert [unknown_options(command) for command in commands] == [set()] * len(commands)
    assert all(address in command for command in commands)
    schedulers = [command for command in commands if command[2] == "scheduler"]
    workers = [command for command in commands if command[2] == "worker"]
    assert min(len(schedulers), len(workers)) >= 2  # what ends is started anew
    assert workers[0][-2:] == ["--resources", "GPU=1"]


def test_the_guide_names_what_exists():
    text = GUIDE.read_text()
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    commands = [shlex.split(line, comments=True) for line in blocks.splitlines()]
    dasks = [command for command in commands if "dask" in command]
    assert {command[command.index("dask") + 1] for command in dasks} == {"scheduler", "worker"}
    assert [unknown_options(command) for command in dasks] == [set()] * len(dasks)
    assert all((PROJECT / path).exists() for path in re.findall(r"\b(?:deploy|docs|tests|benchmarks)/[\w./-]+\w", text))
    variables = set(re.findall(r"\b(?:BNVIZ|DASK)_[A-Z_]+[A-Z]\b", text))
    assert len(variables) > 4
    assert {name for name in variables if not is_setting(name)} == set()
