"""A file is a plug-in: what there is to choose from, read off the folders.

Names come from listing a folder, labels and help from each file's docstring, and upper-case constants from its
syntax tree, so that menus and validation need to import neither the plug-in nor torch. Files whose names start with an
underscore are shared code, not plug-ins. This module does not know what any kind of plug-in does.
"""

import ast
import importlib
import os
import tokenize
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any

from bnviz.core.option import DeclarationError, Option, read_options

PACKAGE_FOLDER = Path(__file__).parents[1]
FRESH_SECONDS = 1.0
"""A folder is looked into again after so long: one run of a page asks for its plug-ins thirty times."""
RENAMED = {"probes": {"wrong_ways": "measurement_pitfalls"}}
"""Present names by kind and former name: links and record files with a former name stay readable."""
_found: dict[str, tuple[float, Mapping[str, "Plugin"]]] = {}


class UnknownPluginError(ValueError):
    """A name that no file of the folder has."""


@dataclass(frozen=True)
class Plugin:
    """What one file says of itself without being imported; `error` is set, and the rest empty, if it cannot be read."""

    kind: str
    name: str
    label: str
    help: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    error: str | None = None


def plugins(kind: str) -> Mapping[str, Plugin]:
    """All plug-ins of a kind (`"norms"`, `"datasets"`, `"probes"`, ...), by name, broken ones included."""
    return read_folder(PACKAGE_FOLDER / kind)


def read_folder(folder: Path) -> Mapping[str, Plugin]:
    """What every file of any folder says of itself, by name; its kind is the folder's name."""
    name = str(folder)
    until, found = _found.get(name, (0.0, {}))
    if monotonic() >= until:
        found = _look_into(folder)
        _found[name] = monotonic() + FRESH_SECONDS, found
    return found


def _look_into(folder: Path) -> Mapping[str, Plugin]:
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        files = {
            one.name: one for one in entries if one.name.endswith(".py") and one.name[0] not in "_." and one.is_file()
        }
    found = {name[:-3]: _read(files[name].path, files[name].stat().st_mtime_ns) for name in sorted(files)}
    return {name: _checked_against(plugin, found.values()) for name, plugin in found.items()}


def _checked_against(plugin: Plugin, others: Iterable[Plugin]) -> Plugin:
    """The plug-in, or a broken one if another has an option of the same name that is not the same: a run key could not
    tell them apart."""
    for other in others:
        for name in plugin.options.keys() & other.options.keys():
            if not plugin.options[name].takes_the_same_as(other.options[name]):
                error = f"its option {name} is not as in {other.name}.py; give it another name"
                return Plugin(plugin.kind, plugin.name, label=plugin.name, help="", error=error)
    return plugin


def find(kind: str, name: str) -> Plugin | None:
    """One plug-in, broken or not; None if there is no such file."""
    return plugins(kind).get(name)


def current_name(kind: str, name: str) -> str:
    """The present name of a plug-in that may be given by a former one."""
    return name if find(kind, name) is not None else RENAMED.get(kind, {}).get(name, name)


def names(kind: str) -> tuple[str, ...]:
    """Names of the plug-ins that can be read."""
    return tuple(name for name, plugin in plugins(kind).items() if plugin.error is None)


def describe(kind: str, name: str) -> Plugin:
    """Label, help and constants of one plug-in.

    Raises:
        UnknownPluginError: no such file, or it cannot be read; the message lists what there is.
    """
    plugin = find(kind, name)
    if plugin is None:
        raise UnknownPluginError(f"{name!r} is not one of the {kind}: {', '.join(names(kind))}")
    if plugin.error is not None:
        raise UnknownPluginError(f"{kind}/{name}.py cannot be read: {plugin.error}")
    return plugin


def load(kind: str, name: str) -> ModuleType:
    """Import one plug-in.

    Raises:
        UnknownPluginError: as for `describe`.
    """
    describe(kind, name)
    return importlib.import_module(f"bnviz.{kind}.{name}")


def source(kind: str, name: str) -> str:
    """The text of one plug-in's file, to be shown beside what it measured."""
    describe(kind, name)
    with tokenize.open(PACKAGE_FOLDER / kind / f"{name}.py") as file:  # in the encoding that Python would read it in
        return file.read()


@lru_cache(maxsize=256)
def _read(file: str, modified: int) -> Plugin:  # noqa: ARG001 (part of the cache key)
    """Parse one file, again if it was `modified` since."""
    path = Path(file)
    kind, name = path.parent.name, path.stem
    if not name.isidentifier():
        error = "its name may have letters, digits and underscores only, and not begin with a digit"
        return Plugin(kind, name, label=name, help="", error=error)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError) as problem:  # ValueError: null bytes, or not UTF-8
        return Plugin(kind, name, label=name, help="", error=str(problem))
    docstring = ast.get_docstring(tree)
    if not docstring:
        return Plugin(kind, name, label=name, help="", error="it has no docstring to take its label from")
    label, _, text = docstring.partition("\n")
    constants = _constants(tree)
    if "OPTIONS" in _assigned(tree) and "OPTIONS" not in constants:
        return Plugin(kind, name, label=name, help="", error="OPTIONS must be a literal: it is read without importing")
    try:
        options = read_options(constants.get("OPTIONS", {}), name)
    except DeclarationError as problem:
        return Plugin(kind, name, label=name, help="", error=str(problem))
    return Plugin(kind, name, label.strip().rstrip("."), " ".join(text.split()), constants, options)


def _constants(tree: ast.Module) -> dict[str, Any]:
    """Upper-case names that the module sets to a literal."""
    found: dict[str, Any] = {}
    for name, value in _assigned(tree).items():
        with suppress(ValueError, TypeError):  # not a literal
            found[name] = ast.literal_eval(value)
    return found


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """What the module sets its upper-case names to."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id.isupper():
            found[target.id] = node.value
    return found
