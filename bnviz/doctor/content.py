"""Checks of data sets, plug-ins, plotly's script and the records that ship with bnviz; nothing is downloaded."""

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from bnviz import datasets
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.options import PLUGIN_FIELDS
from bnviz.doctor.check import INSTALL, Check, State
from bnviz.records import gallery

STATIC_FOLDER = Path(__file__).parents[2] / "static"
SCRIPT_BYTES = 10**7  # upper bound for plotly's script
ENOUGH_DISK = 200 * 10**6  # bytes: MNIST is 11 MB, but others of its kind and a store of runs need more


def data() -> Iterator[Check]:
    """Check the data sets: digits in scikit-learn, and downloaded files of others."""
    from bnviz.datasets._download import data_folder

    constants = registry.describe("datasets", "digits").constants
    digits = datasets.load("digits", 0)
    if len(digits.train.inputs) == constants["TRAIN_SAMPLES"]:
        yield Check("datasets", "ok", f"digits: {len(digits.train.inputs)} training samples, in scikit-learn")
    else:
        yield Check("datasets", "problem", f"digits: {len(digits.train.inputs)} training samples", INSTALL)
    for name in registry.names("datasets"):
        files = registry.describe("datasets", name).constants.get("FILES", {})
        folder = data_folder() / name
        missing = [file for file in files if not (folder / file).is_file()]
        if not missing:
            if files:
                yield Check("datasets", "ok", f"{name}: in {folder}")
            continue
        finding = f"{name}: {len(missing)} of {len(files)} files not downloaded yet, will be kept in {folder}"
        parent = _existing_parent(folder)
        if not _is_writable(parent):
            advice = f"Make {parent} a folder that can be written to, or set BNVIZ_DATA to one that is."
            yield Check("datasets", "warning", finding, advice)
        elif shutil.disk_usage(parent).free < ENOUGH_DISK:
            yield Check(
                "datasets", "warning", finding, f"The disk of {parent} is almost full; set BNVIZ_DATA elsewhere."
            )
        else:
            yield Check("datasets", "ok", finding)


def charts() -> Iterator[Check]:
    """Check that plotly's script is in the folder the app serves, or can be copied there with the first chart."""
    script = STATIC_FOLDER / f"plotly-{version('plotly')}.min.js"
    parent = _existing_parent(STATIC_FOLDER)
    if script.is_file():
        yield Check("charts", "ok", f"plotly's script is in {STATIC_FOLDER}")
    elif not _is_writable(parent):
        finding = f"plotly's script is not in {STATIC_FOLDER}, and this folder cannot be written to: no page has charts"
        advice = (
            "Let the user that the app runs as write there, or run this once as one who may: "
            'python -c "from bnviz.ui.board import serve_plotly; serve_plotly()"'
        )
        yield Check("charts", "problem", finding, advice)
    elif shutil.disk_usage(parent).free < SCRIPT_BYTES:
        finding = f"plotly's script is not in {STATIC_FOLDER}, and the disk is full: no page has charts"
        yield Check("charts", "problem", finding, f"Make {SCRIPT_BYTES // 10**6} MB of room there.")
    else:
        yield Check("charts", "ok", f"plotly's script will be copied to {STATIC_FOLDER} when a chart is drawn")


def plugins() -> Iterator[Check]:
    """Check the files in the plug-in folders; an unreadable one is a problem only if the default run needs it."""
    # Not RunConfig(), which would be refused if one of these were broken.
    default = {name: RunConfig.model_fields[name].default for name in PLUGIN_FIELDS}
    needed = {name for value in default.values() for name in ((value,) if isinstance(value, str) else value)}
    total = 0
    for kind in PLUGIN_FIELDS.values():
        for plugin in registry.plugins(kind).values():
            total += 1
            if plugin.error is not None:
                state: State = "problem" if plugin.name in needed else "warning"
                finding = f"{kind}/{plugin.name}.py cannot be read: {plugin.error}"
                yield Check("plug-ins", state, finding, "Mend the file; until then no menu lists it.")
    yield Check("plug-ins", "ok", f"{total} files read")


def shipped_runs() -> Iterator[Check]:
    """Check the shipped records of the presets."""
    from bnviz.core.presets import PRESETS  # imported late: it fails if a plug-in of the presets is broken

    configs = [config for comparison in PRESETS.values() for config in comparison.configs().values()]
    available = sum(gallery.find(config) is not None for config in configs)
    finding = f"{available} of {len(configs)} preset runs are there"
    if available < len(configs):
        yield Check(
            "gallery",
            "warning",
            finding,
            "They are trained when a page first needs them; python -m bnviz gallery build",
        )
    else:
        yield Check("gallery", "ok", finding)


def _existing_parent(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _is_writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
