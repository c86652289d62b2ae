"""Documents link to what exists, name files that exist, and list all decision records."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "docs" / "decisions"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
GENERATED = {"deploy/streamlit-cloud/requirements.txt"}
"""Files that a command in the document writes."""


def text_without_blocks(path: Path) -> str:
    """The document without its code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def recipes(text: str) -> set[str]:
    """Files that the reader creates: those named in the bold paragraph in front of a code block."""
    return set(re.findall(r"^\*\*[^`\n]+`([\w/.]+)`(?:[^\n]+\n)+\n```python", text, re.MULTILINE))


@each_document
def test_links_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text_without_blocks(path))
    assert [link for link in links if not link.startswith("/") and not (path.parent / link).exists()] == []


@each_document
def test_named_files_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"`((?:bnviz|pages|tests|docs|deploy|scripts|benchmarks)/[\w./-]+)`", text)
    created = recipes(text) | GENERATED
    missing = [name for name in named if name not in created and not (ROOT / name).exists()]
    assert [name for name in missing if not name.endswith("NAME.py")] == []


@each_document
def test_named_modules_exist(path: Path) -> None:
    modules = set(re.findall(r"python -m ((?:bnviz|scripts)(?:\.\w+)*)", path.read_text(encoding="utf-8")))
    modules |= set(re.findall(r"^from (bnviz[\w.]*) import", path.read_text(encoding="utf-8"), re.MULTILINE))
    places = [ROOT.joinpath(*module.split(".")) for module in modules]
    assert [place for place in places if not (place.is_dir() or place.with_suffix(".py").exists())] == []


def test_decision_index_lists_every_record() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\(([\w-]+\.md)\) (.+?) \| (.+) \|$", (RECORDS / "README.md").read_text(encoding="utf-8"), re.M
    )
    titles = {name: f"# {number} {title}" for number, name, title, _ in rows}
    records = {path.name: path.read_text(encoding="utf-8").splitlines()[0] for path in RECORDS.glob("0*.md")}
    assert titles == records
    numbers = [number for number, *_ in rows]
    assert numbers == [f"{place:04}" for place in range(1, len(rows) + 1)]


def test_superseded_records_say_so_at_the_top() -> None:
    rows = re.findall(
        r"\]\(([\w-]+\.md)\).+\| Superseded by (\d{4})\. \|", (RECORDS / "README.md").read_text(encoding="utf-8")
    )
    named = dict(rows)
    found = {}
    for path in RECORDS.glob("0*.md"):
        third_line = path.read_text(encoding="utf-8").splitlines()[2]
        if superseded := re.match(r"\*\*Superseded by \[(\d{4}) ", third_line):
            found[path.name] = superseded[1]
    assert found == named
    assert found


@pytest.mark.parametrize("name", ["README.md", "docs/deploy.md", "docs/cluster.md", "docs/security.md"])
def test_documents_say_who_can_reach_the_app(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "this machine only" in text or "127.0.0.1 only" in text
    assert "--server.address 0.0.0.0" in text


def test_changelog_has_release_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    dated = re.search(r"^date-released: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert dated
    releases = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert releases[:2] == ["Unreleased", f"{version} ({dated[1]})"]
