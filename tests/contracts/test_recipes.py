"""The recipes of CONTRIBUTING.md work as they stand: put into a copy of the project, they pass every contract test."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = {
    # The file's name is the first path of the bold paragraph before the code.
    re.findall(r"`([\w/]+\.py)`", before[before.rindex("\n**") :])[0]: code
    for before, code in re.findall(r"(.*?)```python\n(.*?)```", TEXT, re.DOTALL)
}
KINDS = ("bnviz/norms", "bnviz/datasets", "bnviz/probes", "bnviz/experiments", "pages")
COPIED = (
    "app.py",
    "bnviz",
    "pages",
    "tests",
    "pyproject.toml",
    "static",
    ".streamlit",
    "docs",
    "scripts",
    "benchmarks",
)
CHECKED = ("tests/contracts/test_plugins.py", "tests/contracts/test_purity.py", "tests/pages/test_pages.py")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with every recipe's file in its place."""
    copy = tmp_path_factory.mktemp("project")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    for name, source in RECIPES.items():
        assert not (copy / name).exists(), f"{name} is there already"
        (copy / name).write_text(source, encoding="utf-8")
    return copy


def run(project: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=project, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_there_is_a_recipe_for_each_kind() -> None:
    assert {str(Path(name).parent) for name in RECIPES} >= set(KINDS)


def test_page_recipe_is_under_40_lines() -> None:
    (page,) = [source for name, source in RECIPES.items() if name.startswith("pages/")]
    assert len(page.splitlines()) < 40


def test_recipes_pass_every_contract_test(project: Path) -> None:
    names = [Path(name).stem for name in RECIPES]
    option = "rms_floor"
    said = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CHECKED, "-k", " or ".join([*names, option]))
    passed = int(re.search(r"(\d+) passed", said)[1])  # type: ignore[index]
    assert passed >= 20, said


def test_option_recipe_reaches_link_key_and_command_line(project: Path) -> None:
    script = (
        "from bnviz.core.config import RunConfig\n"
        "config, problems = RunConfig.from_query({'norm': 'rms', 'rms_floor': '0.5'})\n"
        "assert not problems and config.option('rms_floor') == 0.5\n"
        "assert config.to_query() == {'norm': 'rms', 'rms_floor': '0.5'}\n"
        "assert config.key != RunConfig(norm='rms').key\n"
        "other, _ = RunConfig.from_query({'norm': 'batch', 'rms_floor': '0.5'})\n"
        "assert other.key == RunConfig(norm='batch').key\n"
    )
    run(project, "-c", script)
    assert "--rms-floor" in run(project, "-m", "bnviz", "run", "--help")


def test_experiment_recipe_can_be_judged(project: Path) -> None:
    script = (
        "from bnviz import experiments\n"
        "chosen = experiments.load('small_steps')\n"
        "assert [claim.name for claim in chosen.claims] == ['more_accurate']\n"
        "assert sorted(chosen.configs()) == ['batch norm', 'standard']\n"
    )
    run(project, "-c", script)
