"""What the command line prints where the encoding of its output lacks signs of its texts."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import bnviz
from bnviz import experiments
from bnviz.cli import main
from bnviz.cli.signs import in_ascii
from bnviz.core import registry
from bnviz.doctor import science

PACKAGE = Path(bnviz.__file__).parent


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an experiment whose texts have signs of mathematics, trained for two updates."""
    name = "covariate_shift_mlp"
    chosen = experiments.load(name)
    small = chosen.base.with_changes(steps=2, widths=(6, 6), probe_points=2, curve_points=2)
    monkeypatch.setattr(registry.load("experiments", name), "EXPERIMENT", replace(chosen, base=small))
    return name


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_no_sign_raises_an_encoding_error(
    encoding: str, short: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(science, "SELF_TESTS", science.SELF_TESTS[2:3])
    printed = ""
    for command in (
        ["list"],
        ["doctor", "--science"],
        ["experiment", short, "--seeds", "1", "--out", str(tmp_path / "−⟨β⟩")],
        ["run", "--help"],
    ):
        result = CliRunner(charset=encoding).invoke(main, command)
        assert result.exit_code == 0, (command, result.exception)
        printed += result.stdout
    if encoding == "cp1252":
        assert "<w, g> = 0 and g(a w) = g(w) / a" in printed
        assert "-<beta>: report.html" in printed


@pytest.mark.parametrize("settings", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_refusal_is_printed_in_any_encoding(settings: dict[str, str]) -> None:
    command = [sys.executable, "-m", "bnviz", "run", "--norm", "β≤⟨1⟩"]
    done = subprocess.run(command, env={"PYTHONCOERCECLOCALE": "0", **settings}, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"norm must be" in done.stderr


def test_every_printed_sign_has_an_ascii_form() -> None:
    files = [*(PACKAGE / "cli").glob("*.py"), *(PACKAGE / "doctor").glob("*.py"), *PACKAGE.glob("experiments/*.py")]
    text = "".join(file.read_text(encoding="utf-8") for file in [*files, *PACKAGE.glob("*.py")])
    signs = set(re.findall(r"[^\x00-\x7f]", text))
    assert "⟨" in signs
    assert {sign for sign in signs if in_ascii(sign) == "?"} == set()


@pytest.mark.parametrize(
    ("sign", "said"), [("−", "-"), ("β", "beta"), ("ŷ", "y"), ("²", "2"), ("…", "..."), ("☃", "?")]
)
def test_missing_sign_is_replaced_by_a_similar_one(sign: str, said: str) -> None:
    assert in_ascii(sign) == said
