"""Declarations of options: what a plug-in's file may say, and what is said of a mistake."""

from pathlib import Path
from typing import Any

import pytest

from bnviz.core import registry
from bnviz.core.option import DeclarationError, Option, read_options

WIDTH: dict[str, Any] = {
    "type": "number",
    "default": 1,
    "minimum": 0.0,
    "maximum": 2.0,
    "label": "Width",
    "help": "how wide",
}
SHAPE: dict[str, Any] = {
    "type": "choice",
    "default": "round",
    "choices": {"round": "Round", "flat": "Flat"},
    "label": "Shape",
    "help": "how it looks",
}


def without(declared: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in declared.items() if key not in keys}


MISTAKES = [
    (3, "OPTIONS must give a dict"),
    ({"width": 3}, "OPTIONS must give a dict"),
    ({"Width": WIDTH}, "lower-case identifier, not 'Width'"),
    ({"a b": WIDTH}, "lower-case identifier, not 'a b'"),
    ({"width": without(WIDTH, "label")}, "option width, label: Field required"),
    ({"width": without(WIDTH, "type")}, "option width, type: Field required"),
    ({"width": WIDTH | {"type": "float"}}, "option width, type: Input should be 'number'"),
    ({"width": WIDTH | {"colour": "red"}}, "option width, colour: Unexpected keyword argument"),
    ({"width": WIDTH | {"default": 3.0}}, "option width, default: Input should be less than or equal to 2"),
    ({"width": WIDTH | {"default": "wide"}}, "option width, default: Input should be a valid number"),
    ({"width": without(WIDTH, "maximum")}, "option width needs a maximum, and either a minimum or an above"),
    ({"width": WIDTH | {"above": 0.0}}, "option width needs a maximum, and either a minimum or an above"),
    ({"width": WIDTH | {"less_than": "height"}}, "option width: less_than must name another option"),
    ({"width": WIDTH | {"less_than": "width"}}, "option width: less_than must name another option"),
    ({"shape": SHAPE | {"choices": {"round": "Round"}}}, "option shape needs two choices or more"),
    ({"shape": SHAPE | {"default": "square"}}, "option shape, default: Input should be 'round' or 'flat'"),
]


@pytest.mark.parametrize(("declared", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_mistaken_declaration_is_refused(declared: Any, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_options(declared, "mine")
    assert message in str(caught.value)


def test_declaration_becomes_options() -> None:
    options = read_options({"width": WIDTH, "shape": SHAPE}, "mine")
    assert options == {
        "width": Option("width", "number", 1.0, "Width", "how wide", "mine", minimum=0.0, maximum=2.0),
        "shape": Option(
            "shape", "choice", "round", "Shape", "how it looks", "mine", choices={"round": "Round", "flat": "Flat"}
        ),
    }
    assert isinstance(options["width"].default, float)  # the declared 1 is of the declared type


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"label": "Breadth", "help": "how broad"}, None),
        ({"default": 0.5}, "its option width is not as in"),
        ({"maximum": 3.0}, "its option width is not as in"),
    ],
)
def test_options_of_one_name_must_agree(
    change: dict[str, Any], error: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copied file works; with another default, the same run key would stand for two runs."""
    (tmp_path / "norms").mkdir()
    for name, declared in (("first", WIDTH), ("second", WIDTH | change)):
        (tmp_path / "norms" / f"{name}.py").write_text(f'"""Mine."""\nOPTIONS = {{"width": {declared}}}\n')
    monkeypatch.setattr(registry, "PACKAGE_FOLDER", tmp_path)
    errors = [plugin.error for plugin in registry.plugins("norms").values()]
    assert errors == [error and f"{error} {other}.py; give it another name" for other in ("second", "first")]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("OPTIONS = {'width': 3}", "OPTIONS must give a dict"),
        ("OPTIONS = dict(width=3)", "OPTIONS must be a literal"),
        ("OPTIONS = {'width': {'maximum': 2 * SIZE}}", "OPTIONS must be a literal"),
    ],
)
def test_file_with_mistaken_options_is_named(
    text: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "norms").mkdir()
    (tmp_path / "norms" / "mine.py").write_text(f'"""Mine."""\n{text}\n')
    monkeypatch.setattr(registry, "PACKAGE_FOLDER", tmp_path)
    assert registry.names("norms") == ()
    assert error in (registry.plugins("norms")["mine"].error or "")
