"""The architecture document, the citation file and the licence say what the project is."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def linter_layers() -> list[set[str]]:
    """The layers that import-linter enforces, the top one first."""
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return [set(re.findall(r"\w+", layer)) for layer in layers]


def test_architecture_diagram_shows_linter_layers() -> None:
    nodes = dict(re.findall(r'(L\d+)\["([^"]+)"\]', DOCUMENT))
    arrows = re.findall(r"(L\d+)(?:\[[^]]*\])? --> (L\d+)", DOCUMENT)
    order = [arrows[0][0], *(below for _, below in arrows)]
    assert all(above == place for (above, _), place in zip(arrows, order, strict=False)), "one chain of arrows"
    assert [set(re.findall(r"\w+", nodes[node])) for node in order] == linter_layers()


def test_every_folder_has_a_layer_and_a_description() -> None:
    package = ROOT / "bnviz"
    folders = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    files = {path.stem for path in package.glob("*.py")}
    assert files == {"__init__", "__main__"}, "nothing lies loose in bnviz/"
    assert set.union(*linter_layers()) == folders | {"__main__"}
    table = DOCUMENT[DOCUMENT.index("|---|---|") : DOCUMENT.index("## From")]
    described = {
        name
        for row in table.splitlines()[1:]
        if row.startswith("|")
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert described == folders


def test_files_named_in_the_document_exist() -> None:
    named = set(re.findall(r"`((?:pages|ui|jobs|training|core|analysis)/[\w/]+(?:\.py|/))`", DOCUMENT))
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "bnviz" / name).exists(), name


def test_citation_names_version_and_both_papers() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"] == "MIT"
    authors = [reference["authors"][0]["family-names"] for reference in citation["references"]]
    assert authors == ["Ioffe", "Santurkar"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
