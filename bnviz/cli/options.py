"""Every field of RunConfig as an option of the command line, and from there back to a RunConfig.

Read off RunConfig itself: a new field is a new option. Values stay text until pydantic validates them, so that a bad
one is refused in the same words as in a link. Knows nothing of training.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, TypeVar
from urllib.parse import parse_qsl

import click
from pydantic import ValidationError

from bnviz.core.config import QUERY_NAMES, RunConfig, sentences

Command = TypeVar("Command", bound=Callable[..., Any])
SHORT_NAMES = {short: name for name, short in QUERY_NAMES.items()}


class Refusal(click.ClickException):
    """What was asked for is not allowed; the message is one sentence a line."""

    exit_code = 2


def config_options(command: Command) -> Command:
    """Decorate a command with one option for each field of RunConfig; those not given arrive as None."""
    properties = RunConfig.model_json_schema()["properties"]
    for name in reversed(RunConfig.model_fields):
        command = _option(name, properties[name])(command)
    return command


def read_config(given: Mapping[str, Any], file: BinaryIO | None = None, link: str | None = None) -> RunConfig:
    """The defaults, changed by a JSON file, that by a link, and that by the options which are not None.

    What a link says and cannot be used is told on stderr and left out, as a page does with it.

    Raises:
        Refusal: file or options hold a value that is not allowed, or a name that is no setting.
    """
    config = RunConfig()
    if file is not None:
        config = _read_file(file)
    if link is not None:
        config, problems = RunConfig.from_query(_query(link), config)
        for problem in problems:
            click.echo(f"Note: {problem}", err=True)
    chosen = {name: _split(name, value) for name, value in given.items() if value is not None}
    return validated(config.model_dump() | chosen)


def validated(values: Mapping[str, Any]) -> RunConfig:
    """A RunConfig of these values.

    Raises:
        Refusal: with the sentences of `bnviz.core.config`.
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise Refusal("\n".join(sentences(error))) from error


def _option(name: str, schema: Mapping[str, Any]) -> Callable[[Command], Command]:
    long = "--" + name.replace("_", "-")
    text = schema["description"]
    if schema["type"] == "boolean":
        default = "on" if schema["default"] else "off"
        return click.option(f"{long}/--no-{long[2:]}", name, default=None, help=f"{text}  [default: {default}]")
    short = [f"--{QUERY_NAMES[name]}"] if name in QUERY_NAMES else []
    default = ",".join(map(str, schema["default"])) if schema["type"] == "array" else schema["default"]
    notes = [*_bounds(schema), f"default: {default}"]
    return click.option(long, *short, name, metavar=_metavar(schema), help=f"{text}  [{'; '.join(notes)}]")


def _metavar(schema: Mapping[str, Any]) -> str:
    if schema["type"] == "array":
        return f"{_metavar(schema['items'])},..."
    if "enum" in schema:
        return "|".join(schema["enum"])
    return {"integer": "INTEGER", "number": "NUMBER"}.get(schema["type"], "NAME")


def _bounds(schema: Mapping[str, Any]) -> list[str]:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    schema = schema.get("items", schema)
    return [f"{word} {schema[key]:.10g}" for key, word in words.items() if key in schema]


def _split(name: str, value: Any) -> Any:
    """Text with commas for a field that takes several values; none at all for empty text."""
    if "tuple" not in str(RunConfig.model_fields[name].annotation):
        return value
    return [part.strip() for part in value.split(",")] if value.strip() else []


def _query(link: str) -> dict[str, str]:
    """The query of a link: `?norm=batch&lr=2`, or the same with the app's address in front, or without the `?`."""
    return dict(parse_qsl(link.partition("#")[0].rpartition("?")[2], keep_blank_values=True))


def _read_file(file: BinaryIO) -> RunConfig:
    """The settings in a JSON file, under the names that options and links have, too."""
    file_name = getattr(file, "name", "--json")  # a stream that is no file has none
    try:
        given = _parse(file.read(), file_name)
        values = {SHORT_NAMES.get(name, name): value for name, value in given.items()}
        if len(values) < len(given):
            pairs = " and ".join(f"{short} and {name}" for short, name in SHORT_NAMES.items())
            raise Refusal(f"{file_name} gives the same setting twice: {pairs} are two names of one; leave out one.")
        return validated(values)
    except RecursionError as error:
        raise Refusal(f"{file_name} cannot be read: it has lists in lists, too many of them.") from error


def _parse(content: bytes, name: str) -> dict[str, Any]:
    try:
        values = json.loads(content)  # of bytes, it finds out itself which of the UTF encodings they are in
    except UnicodeDecodeError as error:
        raise Refusal(f"{name} is not text in {error.encoding.upper()}; save it as UTF-8.") from error
    except ValueError as error:
        raise Refusal(f"{name} is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise Refusal(f'{name} must hold settings by name, like {{"norm": "batch"}}; it is a {type(values).__name__}.')
    return values
