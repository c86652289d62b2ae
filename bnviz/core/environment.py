"""What an installation sets from outside: the BNVIZ_ environment variables, in one table.

Each is read when it is asked for, so that a change counts at the next start and tests can set them. What they are for,
beyond a sentence, is the business of those who ask.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass


class EnvironmentVariableError(ValueError):
    """A variable has a value that cannot be used; the message is a sentence that says what to change."""


def _text(given: str) -> str:
    return given


def _whole(given: str) -> str:
    if not given.isdecimal() or int(given) < 1:
        raise ValueError("a whole number from 1 up")
    return given


def _seconds(given: str) -> str:
    try:
        usable = 0 <= float(given) < float("inf")
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("a number of seconds, 0 or more")
    return given


@dataclass(frozen=True)
class Variable:
    """One environment variable: what it is for, what counts where it is not set, and which values it may have."""

    meaning: str
    default: str
    check: Callable[[str], str] = _text


VARIABLES = {
    "BNVIZ_SCHEDULER": Variable("address of a Dask scheduler to train at, tcp://... or tls://...", ""),
    "BNVIZ_WORKERS": Variable(
        "number of workers to start on this machine; not set: as cores and memory allow", "", _whole
    ),
    "BNVIZ_STORE": Variable("where results are kept: a folder, any fsspec URL, or none; not set: the user's cache", ""),
    "BNVIZ_STORE_MB": Variable("megabytes of results to keep; the least recently read go first", "512", _whole),
    "BNVIZ_SESSION_RUNS": Variable("runs that one visitor may have waiting and training", "24", _whole),
    "BNVIZ_QUEUE": Variable("runs that may wait in one app", "600", _whole),
    "BNVIZ_LONGEST_SECONDS": Variable("estimated seconds of a run beyond which the app refuses it", "600", _seconds),
    "BNVIZ_GRACE_SECONDS": Variable("seconds that a run goes on after its last visitor has left", "20", _seconds),
    "BNVIZ_DATA": Variable("folder for data sets; not set: the user's cache", ""),
    "BNVIZ_MNIST_MIRRORS": Variable("base addresses to download MNIST from, with commas between", ""),
}


def text(name: str) -> str:
    """The variable's value, or its default; blanks around it do not count.

    Raises:
        EnvironmentVariableError: the value is not one that the variable may have.
    """
    variable = VARIABLES[name]
    given = os.environ.get(name, "").strip()
    if not given:
        return variable.default
    try:
        return variable.check(given)
    except ValueError as error:
        raise EnvironmentVariableError(f"{name} is {given!r}; it must be {error}, or not be set.") from None


def problems() -> list[str]:
    """A sentence for each variable whose value cannot be used."""
    found = []
    for name in VARIABLES:
        try:
            text(name)
        except EnvironmentVariableError as error:
            found.append(str(error))
    return found


def whole(name: str) -> int:
    """The same of a variable that is a whole number; raises as `text` does."""
    return int(text(name))


def seconds(name: str) -> float:
    """The same of a variable that is a number of seconds; raises as `text` does."""
    return float(text(name))
