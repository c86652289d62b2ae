"""The architecture document agrees with import-linter's layers and with the folders; the citation names the papers."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bnviz"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FOLDERS = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}

Layer = tuple[set[str], bool]
"""Members of a layer, and whether they must not import each other."""


def section(title: str) -> str:
    """The text of the document below a heading, up to the next one."""
    return DOCUMENT.split(f"## {title}\n")[1].split("\n## ")[0]


def linter_layers() -> list[Layer]:
    """The layers that import-linter enforces, the top one first."""
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return [(set(re.findall(r"\w+", layer)), "|" in layer) for layer in layers]


def diagram_layers(diagram: str) -> list[Layer]:
    """The layers of a mermaid flowchart, in the order of its arrows, which must form one chain."""
    labels = dict(re.findall(r'(\w+)\["([^"]+)"\]', diagram))
    arrows = re.findall(r'^\s*(\w+)(?:\["[^"]+"\])? --> (\w+)', diagram, re.MULTILINE)
    chain = [arrows[0][0], *(below for _, below in arrows)]
    assert [above for above, _ in arrows] == chain[:-1], "each arrow must start where the one before ends"
    return [(set(re.findall(r"\w+", labels[name])), "|" in labels[name]) for name in chain]


def test_diagram_shows_linter_layers() -> None:
    (diagram,) = re.findall(r"```mermaid\n(.*?)```", DOCUMENT, re.DOTALL)
    assert diagram_layers(diagram) == linter_layers()


def test_every_folder_has_a_layer() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", "__main__"}, "no module lies loose in bnviz/"
    assert set.union(*(members for members, _ in linter_layers())) == FOLDERS | {"__main__"}


def test_every_folder_is_described_once() -> None:
    rows = [line.split("|") for line in section("Folders and layers").splitlines() if line.startswith("| `")]
    described = [name for row in rows for name in re.findall(r"`(\w+)`", row[1])]
    assert sorted(described) == sorted(FOLDERS)
    assert all(row[2].strip() for row in rows)


def test_files_named_in_the_document_exist() -> None:
    named = set(re.findall(r"`((?:\w+/)+(?:\w+\.py)?|app\.py)`", DOCUMENT))
    in_tests = {"contracts/", "browser/", "cluster/", "load/"}
    assert len(named) > 15
    missing = [name for name in named - in_tests if not ((ROOT / name).exists() or (PACKAGE / name).exists())]
    assert missing == []


def test_path_from_button_to_training_is_complete() -> None:
    """Each step names the modules that call the next one; the last is train()."""
    steps = re.findall(r"^\d\. .+$", section('From "Train live" to `train()`'), re.MULTILINE)
    assert len(steps) == 8
    files = [name for step in steps for name in re.findall(r"`((?:ui|jobs|training)/\w+)\.py`", step)]
    assert files[0] == "ui/page_view"
    assert files[-1] == "training/training_loop"
    assert all((PACKAGE / f"{name}.py").exists() for name in files)


def test_citation_names_version_licence_and_both_papers() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"] == "MIT"
    assert {reference["title"]: reference["year"] for reference in citation["references"]} == {
        "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift": 2015,
        "How Does Batch Normalization Help Optimization?": 2018,
    }
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License\n\nCopyright (c) 2026 bnviz contrib")
