"""Checks of what bnviz runs on: interpreter, packages, processor, memory, browser, environment variables."""

import difflib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from bnviz.core import environment
from bnviz.doctor.check import INSTALL, REQUIREMENTS, Check

OLDEST_PYTHON = (3, 11)
ENOUGH_MEMORY = 2 * 10**9  # bytes: app, scheduler and one worker together take some 1.3 GB
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def python() -> Iterator[Check]:
    """The interpreter's version."""
    shown, oldest = ".".join(map(str, sys.version_info[:3])), ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info < OLDEST_PYTHON:
        yield Check("python", "problem", f"Python {shown}", f"Python {oldest} or newer is needed.")
    else:
        yield Check("python", "ok", f"Python {shown}")


def packages(requirements: Path = REQUIREMENTS) -> Iterator[Check]:
    """Installed versions against the pins."""
    if not requirements.is_file():
        yield Check("packages", "warning", f"no {requirements} to compare with", "Use a full checkout of bnviz.")
        return
    lines = re.findall(r"^[\w.-]+==[^#\n]+", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    wanted = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
    pins = {one.name: str(one.specifier).removeprefix("==") for one in wanted}
    fine = 0
    for package, pinned in pins.items():
        try:
            installed = metadata.version(package)
        except metadata.PackageNotFoundError:
            yield Check("packages", "problem", f"{package} is not installed", INSTALL)
            continue
        if installed.partition("+")[0] == pinned:  # 2.13.0+cpu is 2.13.0 built for the CPU
            fine += 1
        else:
            yield Check("packages", "warning", f"{package} is {installed}, tested with {pinned}", INSTALL)
    if fine:
        yield Check("packages", "ok", f"{fine} of {len(pins)} are as pinned in {requirements.name}")


def device() -> Iterator[Check]:
    """Cores and graphics cards that training can use."""
    import torch
    from dask.system import CPU_COUNT  # heeds what a container allows

    if torch.cuda.is_available():
        found = f"CUDA: {torch.cuda.get_device_name()}"
    else:
        found = "no CUDA device, which small networks do not need"
    yield Check("device", "ok", f"torch {torch.__version__}, {CPU_COUNT} CPU cores, {found}")


def memory() -> Iterator[Check]:
    """The memory that this machine or container allows."""
    from distributed.system import MEMORY_LIMIT

    found = f"{MEMORY_LIMIT / 1e9:.1f} GB may be used"
    if MEMORY_LIMIT < ENOUGH_MEMORY:
        advice = f"{ENOUGH_MEMORY / 1e9:.0f} GB are enough; with less, set BNVIZ_WORKERS=1 and do without MNIST."
        yield Check("memory", "warning", found, advice)
    else:
        yield Check("memory", "ok", found)


def browser() -> Iterator[Check]:
    """A Chromium, for tests and screenshots only."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        yield Check("browser", "ok", f"{found}, for browser tests")
    else:
        advice = "Only browser tests and screenshots need one; on Debian: sudo apt-get install chromium"
        yield Check("browser", "warning", f"none of {', '.join(BROWSERS)} found", advice)


def variables() -> Iterator[Check]:
    """Environment variables of bnviz; values that can be used are not shown, because addresses can hold passwords."""
    given = sorted(name for name in os.environ if name.startswith("BNVIZ_"))
    for name in given:
        if name not in environment.VARIABLES:
            close = difflib.get_close_matches(name, environment.VARIABLES, 1)
            advice = f"Is {close[0]} meant?" if close else f"bnviz knows {', '.join(environment.VARIABLES)}."
            yield Check("variables", "warning", f"{name} is set, but nothing reads it", advice)
            continue
        try:
            environment.text(name)
        except environment.EnvironmentVariableError as error:
            yield Check("variables", "problem", f"{name} is set, but cannot be used", str(error))
        else:
            yield Check("variables", "ok", f"{name} is set: {environment.VARIABLES[name].meaning}")
    if not given:
        yield Check("variables", "ok", "no BNVIZ_ variable is set")
