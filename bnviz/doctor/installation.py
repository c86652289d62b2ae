"""Checks of interpreter, packages, processor, memory, browser and environment variables."""

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
    """Check the version of Python."""
    version, oldest = ".".join(map(str, sys.version_info[:3])), ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info < OLDEST_PYTHON:
        yield Check("python", "problem", f"Python {version}", f"Python {oldest} or newer is needed.")
    else:
        yield Check("python", "ok", f"Python {version}")


def packages(requirements: Path = REQUIREMENTS) -> Iterator[Check]:
    """Compare installed versions with the pins."""
    if not requirements.is_file():
        yield Check("packages", "warning", f"no {requirements} to compare with", "Use a full checkout of bnviz.")
        return
    lines = re.findall(r"^[\w.-]+==[^#\n]+", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    pinned_requirements = [
        requirement
        for requirement in map(Requirement, lines)
        if requirement.marker is None or requirement.marker.evaluate()
    ]
    pins = {requirement.name: str(requirement.specifier).removeprefix("==") for requirement in pinned_requirements}
    matching = 0
    for package, pinned in pins.items():
        try:
            installed = metadata.version(package)
        except metadata.PackageNotFoundError:
            yield Check("packages", "problem", f"{package} is not installed", INSTALL)
            continue
        if installed.partition("+")[0] == pinned:  # 2.13.0+cpu is 2.13.0 built for the CPU
            matching += 1
        else:
            yield Check("packages", "warning", f"{package} is {installed}, tested with {pinned}", INSTALL)
    if matching:
        yield Check("packages", "ok", f"{matching} of {len(pins)} are as pinned in {requirements.name}")


def device() -> Iterator[Check]:
    """Report the cores and graphics cards that training can use."""
    import torch
    from dask.system import CPU_COUNT  # heeds what a container allows

    if torch.cuda.is_available():
        gpu = f"CUDA: {torch.cuda.get_device_name()}"
    else:
        gpu = "no CUDA device, which small networks do not need"
    yield Check("device", "ok", f"torch {torch.__version__}, {CPU_COUNT} CPU cores, {gpu}")


def memory() -> Iterator[Check]:
    """Check the memory that this machine or container allows."""
    from distributed.system import MEMORY_LIMIT

    finding = f"{MEMORY_LIMIT / 1e9:.1f} GB may be used"
    if MEMORY_LIMIT < ENOUGH_MEMORY:
        advice = f"{ENOUGH_MEMORY / 1e9:.0f} GB are enough; with less, set BNVIZ_WORKERS=1 and do without MNIST."
        yield Check("memory", "warning", finding, advice)
    else:
        yield Check("memory", "ok", finding)


def browser() -> Iterator[Check]:
    """Look for a Chromium, which only tests and screenshots need."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path:
        yield Check("browser", "ok", f"{path}, for browser tests")
    else:
        advice = "Only browser tests and screenshots need one; on Debian: sudo apt-get install chromium"
        yield Check("browser", "warning", f"none of {', '.join(BROWSERS)} found", advice)


def variables() -> Iterator[Check]:
    """Check bnviz's environment variables; valid values are not shown, because addresses can hold passwords."""
    names = sorted(name for name in os.environ if name.startswith("BNVIZ_"))
    for name in names:
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
    if not names:
        yield Check("variables", "ok", "no BNVIZ_ variable is set")
