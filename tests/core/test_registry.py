"""A broken plug-in is named with its error, and all others are there as if it were not."""

import time
from pathlib import Path

import pytest

from bnviz.core import registry

GOOD = '''"""Good norm.

It does what it says,
in two lines.
"""

import no_such_module_anywhere

SUBSUMES_BIAS = True
INPUT_SHAPE: tuple[int, ...] = (1, 2)
COMPUTED = 1 + len("a")
UNHASHABLE = {[]: 1}
lower = 3
DECLARED: int
'''
BROKEN = {
    "syntax": ("def build(:", "invalid syntax"),
    "undocumented": ("X = 1\n", "it has no docstring to take its label from"),
    "empty": ("", "it has no docstring to take its label from"),
    "null": ('"""Null."""\nx = "\0"', "null bytes"),
    "my norm": ('"""Mine."""', "letters, digits and underscores only"),
    "old.copy": ('"""Mine."""', "letters, digits and underscores only"),
    "2nd": ('"""Mine."""', "not begin with a digit"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `norms` with one good and many broken files."""
    norms = tmp_path / "norms"
    norms.mkdir()
    (norms / "good.py").write_text(GOOD)
    for name, (text, _) in BROKEN.items():
        (norms / f"{name}.py").write_text(text)
    (norms / "latin.py").write_bytes(b'"""M\xfcll."""')
    (norms / "_shared.py").write_text('"""Shared."""')
    (norms / "notes.txt").write_text("no plug-in")
    (norms / "folder.py").mkdir()
    (norms / ".#good.py").symlink_to("nobody@nowhere.1234")  # what Emacs leaves beside an edited file
    (norms / "gone.py").symlink_to("nowhere.py")
    monkeypatch.setattr(registry, "PACKAGE_FOLDER", tmp_path)
    return norms


def test_broken_files_are_named_and_the_good_one_is_there(folder: Path) -> None:
    plugins = registry.plugins("norms")
    assert set(plugins) == {"good", "latin", *BROKEN}
    assert registry.names("norms") == ("good",)
    for name, (_, message) in BROKEN.items():
        assert message in (plugins[name].error or "")
        assert plugins[name].label == name
        with pytest.raises(registry.UnknownPluginError, match=rf"norms/{name}\.py cannot be read: "):
            registry.describe("norms", name)
    assert "utf-8" in (plugins["latin"].error or "")


def test_label_help_and_constants_are_read_without_importing(folder: Path) -> None:
    good = registry.describe("norms", "good")
    assert (good.kind, good.name, good.label) == ("norms", "good", "Good norm")
    assert good.help == "It does what it says, in two lines."
    assert good.constants == {"SUBSUMES_BIAS": True, "INPUT_SHAPE": (1, 2)}
    assert registry.source("norms", "good") == GOOD


def test_unknown_name_is_told_with_what_there_is(folder: Path) -> None:
    with pytest.raises(registry.UnknownPluginError, match=r"^'better' is not one of the norms: good$"):
        registry.load("norms", "better")


@pytest.mark.parametrize(("start", "encoding"), [("", "utf-8-sig"), ("# coding: latin-1\n", "latin-1")])
def test_a_file_is_read_in_the_encoding_that_python_reads_it_in(folder: Path, start: str, encoding: str) -> None:
    (folder / "umlaut.py").write_bytes((start + '"""Müll."""').encode(encoding))
    assert registry.describe("norms", "umlaut").label == "Müll"
    assert registry.source("norms", "umlaut") == start + '"""Müll."""'


def test_an_edited_file_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "FRESH_SECONDS", 0.0)
    assert registry.describe("norms", "good").label == "Good norm"
    (folder / "good.py").write_text('"""Better norm."""')
    assert registry.describe("norms", "good").label == "Better norm"
    (folder / "good.py").unlink()
    assert registry.names("norms") == ()


def test_a_folder_is_looked_into_once_for_all_who_ask_within_a_second(folder: Path) -> None:
    assert registry.plugins("norms") is registry.plugins("norms")
    (folder / "another.py").write_text(GOOD)
    time.sleep(registry.FRESH_SECONDS)
    assert registry.names("norms") == ("another", "good")


def test_a_kind_without_a_folder_has_no_plugins(folder: Path) -> None:
    assert registry.names("experiments") == ()


def test_load_imports_the_module_that_was_described() -> None:
    module = registry.load("norms", "batch")
    assert module.__name__ == "bnviz.norms.batch"
    assert module.SUBSUMES_BIAS is registry.describe("norms", "batch").constants["SUBSUMES_BIAS"]
