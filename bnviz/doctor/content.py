"""Checks of what bnviz works with: data sets, plug-ins, the charts' script, and the records that ship with it.

Downloads nothing, and writes nothing.
"""

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
SCRIPT_BYTES = 10**7  # of plotly's script, at most
ENOUGH_DISK = 200 * 10**6  # bytes: MNIST is 11 MB, but others of its kind and a store of runs need more


def data() -> Iterator[Check]:
    """Whether data sets can be had: digits are in scikit-learn, others are files in a folder."""
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
        found = f"{name}: {len(missing)} of {len(files)} files not downloaded yet, will be kept in {folder}"
        nearest = _nearest(folder)
        if not _can_be_written(nearest):
            advice = f"Make {nearest} a folder that can be written to, or set BNVIZ_DATA to one that is."
            yield Check("datasets", "warning", found, advice)
        elif shutil.disk_usage(nearest).free < ENOUGH_DISK:
            yield Check(
                "datasets", "warning", found, f"The disk of {nearest} is almost full; set BNVIZ_DATA elsewhere."
            )
        else:
            yield Check("datasets", "ok", found)


def charts() -> Iterator[Check]:
    """Whether plotly's script is where the app serves it from, or can be copied there when the first chart is drawn."""
    script = STATIC_FOLDER / f"plotly-{version('plotly')}.min.js"
    nearest = _nearest(STATIC_FOLDER)
    if script.is_file():
        yield Check("charts", "ok", f"plotly's script is in {STATIC_FOLDER}")
    elif not _can_be_written(nearest):
        found = f"plotly's script is not in {STATIC_FOLDER}, and this folder cannot be written to: no page has charts"
        advice = (
            "Let the user that the app runs as write there, or run this once as one who may: "
            'python -c "from bnviz.ui.board import serve_plotly; serve_plotly()"'
        )
        yield Check("charts", "problem", found, advice)
    elif shutil.disk_usage(nearest).free < SCRIPT_BYTES:
        found = f"plotly's script is not in {STATIC_FOLDER}, and the disk is full: no page has charts"
        yield Check("charts", "problem", found, f"Make {SCRIPT_BYTES // 10**6} MB of room there.")
    else:
        yield Check("charts", "ok", f"plotly's script will be copied to {STATIC_FOLDER} when a chart is drawn")


def plugins() -> Iterator[Check]:
    """Files in the plug-in folders that cannot be read; only those of the default run are needed."""
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
                yield Check("plug-ins", state, finding, "Mend the file; until then it is not in any menu.")
    yield Check("plug-ins", "ok", f"{total} files looked at")


def shipped_runs() -> Iterator[Check]:
    """Records of the presets, which pages show before anything was trained."""
    from bnviz.core.presets import PRESETS  # here, because it is refused if a plug-in of the presets is broken

    configs = [config for comparison in PRESETS.values() for config in comparison.configs().values()]
    there = sum(gallery.find(config) is not None for config in configs)
    found = f"{there} of {len(configs)} preset runs are there"
    if there < len(configs):
        yield Check("gallery", "warning", found, "They are trained when first looked at; python -m bnviz gallery build")
    else:
        yield Check("gallery", "ok", found)


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _can_be_written(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
