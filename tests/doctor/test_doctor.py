"""The doctor: each check finds what is wrong and says what to do, and one that fails does not stop the others."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bnviz import doctor
from bnviz.cli import main
from bnviz.core import environment, registry
from bnviz.doctor import content, installation, workers
from bnviz.doctor.check import Check
from bnviz.jobs import local_cluster
from bnviz.ui import board

PACKAGE = Path(doctor.__file__).parents[1]


def states(checks: Iterator[Check]) -> list[str]:
    found = list(checks)
    for check in found:
        assert check.finding
        assert bool(check.advice) == (check.state != "ok"), check
    return [check.state for check in found]


def test_this_installation_has_no_problem() -> None:
    result = CliRunner().invoke(main, ["doctor", "--no-cluster"])
    assert result.exit_code == 0, result.output
    for name in (
        "python",
        "packages",
        "device",
        "memory",
        "datasets",
        "charts",
        "plug-ins",
        "gallery",
        "browser",
        "variables",
    ):
        assert re.search(rf"^(ok|warning) +{name} ", result.output, re.MULTILINE), name
    assert "problems: 0" in result.output


def test_problem_sets_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "OLDEST_PYTHON", (99, 0))
    result = CliRunner().invoke(main, ["doctor", "--no-cluster"])
    assert result.exit_code == 1
    assert "Python 99.0 or newer is needed" in result.output
    assert "datasets" in result.output


def test_failing_check_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def device() -> Iterator[Check]:
        raise ImportError("no torch")

    monkeypatch.setattr(doctor, "INSTALLATION", (device,))
    checks = list(doctor.examine(cluster=False))
    assert (checks[0].name, checks[0].state) == ("device", "problem")
    assert "no torch" in checks[0].finding
    assert len(checks) > 3


def test_packages_are_compared_with_the_pins(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(
        "# why\n-c constraints.txt\nnumpy==0.1  # old\nno-such-package==1.0\nelsewhere==1; sys_platform == 'else'\n"
    )
    checks = list(installation.packages(requirements))
    assert [check.state for check in checks] == ["warning", "problem"]
    assert "tested with 0.1" in checks[0].finding
    assert "no-such-package is not installed" in checks[1].finding
    assert states(installation.packages(tmp_path / "missing.txt")) == ["warning"]


def test_missing_dataset_names_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BNVIZ_DATA", str(tmp_path / "new"))
    mnist = next(check for check in content.data() if check.finding.startswith("mnist"))
    assert mnist.state == "ok"
    assert "not downloaded yet" in mnist.finding
    assert str(tmp_path / "new" / "mnist") in mnist.finding
    assert not (tmp_path / "new").exists()

    (tmp_path / "new" / "mnist").mkdir(parents=True)
    for file in registry.describe("datasets", "mnist").constants["FILES"]:
        (tmp_path / "new" / "mnist" / file).touch()
    mnist = next(check for check in content.data() if check.finding.startswith("mnist"))
    assert mnist.finding == f"mnist: in {tmp_path / 'new' / 'mnist'}"


def test_read_only_data_folder_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BNVIZ_DATA", str(tmp_path / "file"))
    assert "warning" in states(content.data())


def test_charts_need_script_or_writable_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The app's own function copies it."""
    static = tmp_path / "static"
    monkeypatch.setattr(content, "STATIC_FOLDER", static)
    monkeypatch.setattr(board, "STATIC_FOLDER", static)
    assert states(content.charts()) == ["ok"], "not there yet, but it can be"
    assert not static.exists()

    static.touch()  # a file, which not even root can write a file into
    with pytest.raises(OSError, match="static"):
        board.serve_plotly.__wrapped__()
    (check,) = content.charts()
    assert check.state == "problem"
    assert str(static) in check.finding
    assert "serve_plotly()" in check.advice

    static.unlink()
    board.serve_plotly.__wrapped__()
    (check,) = content.charts()
    assert (check.state, check.finding) == ("ok", f"plotly's script is in {static}")
    monkeypatch.setattr(content.os, "access", lambda *_: False)
    assert states(content.charts()) == ["ok"], "it is there and need not be written"


def test_full_disk_is_a_problem_for_charts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(content, "STATIC_FOLDER", tmp_path / "static")
    monkeypatch.setattr(content, "SCRIPT_BYTES", 10**18)
    assert states(content.charts()) == ["problem"]


@pytest.mark.parametrize(("name", "state"), [("strange", "warning"), ("none", "problem")])
def test_broken_plugin_is_problem_only_if_needed(name: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that the default run needs: the doctor must still be able to say so."""
    broken = registry.Plugin("norms", name, name, "", error="invalid syntax")
    monkeypatch.setattr(registry, "plugins", lambda kind: {name: broken} if kind == "norms" else {})
    checks = list(content.plugins())
    assert checks[0].state == state
    assert f"norms/{name}.py" in checks[0].finding


def test_variables_are_checked_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_WORKER", "2")
    monkeypatch.setenv("BNVIZ_WORKERS", "many")
    monkeypatch.setenv("BNVIZ_GRACE_SECONDS", "5")
    checks = {check.finding.split()[0]: check for check in installation.variables()}
    assert checks["BNVIZ_WORKER"].state == "warning"
    assert checks["BNVIZ_WORKER"].advice == "Is BNVIZ_WORKERS meant?"
    assert checks["BNVIZ_WORKERS"].state == "problem"
    assert "a whole number from 1 up" in checks["BNVIZ_WORKERS"].advice
    assert checks["BNVIZ_GRACE_SECONDS"].state == "ok"


def test_unknown_variable_lists_all_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_ZZZZZZZZZZZZ", "1")
    checks = {check.finding.split()[0]: check for check in installation.variables()}
    assert checks["BNVIZ_ZZZZZZZZZZZZ"].state == "warning"
    assert all(name in checks["BNVIZ_ZZZZZZZZZZZZ"].advice for name in environment.VARIABLES)


def test_no_variables_are_reported_as_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BNVIZ_")]:
        monkeypatch.delenv(name)
    assert [(check.state, check.finding) for check in installation.variables()] == [("ok", "no BNVIZ_ variable is set")]


@pytest.mark.parametrize("name", ["BNVIZ_SCHEDULER", "BNVIZ_STORE", "BNVIZ_DATA", "BNVIZ_MNIST_MIRRORS"])
def test_valid_values_are_not_printed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("https://me:secret@example.org/", "secret", "tcp://secret"):
        monkeypatch.setenv(name, value)
        assert "secret" not in str(list(installation.variables()))


def test_every_variable_in_the_code_is_known() -> None:
    read = {name for file in PACKAGE.rglob("*.py") for name in re.findall(r"\"(BNVIZ_[A-Z_]+)\"", file.read_text())}
    assert read <= set(environment.VARIABLES), "add it to VARIABLES in bnviz/core/environment.py"


def test_no_browser_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "BROWSERS", ("no-such-browser",))
    assert states(installation.browser()) == ["warning"]


def test_given_scheduler_trains_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without processes of its own: what is tried here is the check, not Dask."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
    ) as running:
        monkeypatch.setenv("BNVIZ_SCHEDULER", running.scheduler_address)
        checks = list(workers.cluster())
    assert [check.state for check in checks] == ["ok"], checks
    assert "1 worker up after" in checks[0].finding
    assert "5 steps finished" in checks[0].finding


def test_silent_scheduler_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 1)
    monkeypatch.setenv("BNVIZ_SCHEDULER", "tcp://127.0.0.1:9")
    checks = list(workers.cluster())
    assert [check.state for check in checks] == ["problem"]
    assert "unset it" in checks[0].advice


def test_workers_start_train_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BNVIZ_SCHEDULER", raising=False)
    monkeypatch.setenv("BNVIZ_WORKERS", "1")
    started = []

    def start() -> local_cluster.EmbeddedCluster:
        started.append(start_embedded())
        return started[0]

    start_embedded = local_cluster.start_embedded
    monkeypatch.setattr(local_cluster, "start_embedded", start)
    checks = list(workers.cluster())
    assert [check.state for check in checks] == ["ok"], checks
    assert "1 worker up after" in checks[0].finding
    assert started[0].process.poll() is not None


def test_workers_that_fail_to_start_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BNVIZ_SCHEDULER", raising=False)
    monkeypatch.setenv("BNVIZ_WORKERS", "many")
    checks = list(workers.cluster())
    assert [check.state for check in checks] == ["problem"]
    assert "many" in checks[0].finding
