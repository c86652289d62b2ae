"""Every setting of a run as an option of the command line, and from there back to a RunConfig.

Read off RunConfig and the plug-ins themselves: a new field or a plug-in's new option needs no line here. Values stay
text until pydantic validates them, so that a bad one is refused in the same words as in a link.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO, TypeVar
from urllib.parse import parse_qsl

import click
from pydantic import ValidationError

from bnviz.core import messages
from bnviz.core.config import QUERY_NAMES, RunConfig, sentences, setting_schemas
from bnviz.core.options import PLUGIN_FIELDS, active_options, declared_options, plugins_with

Command = TypeVar("Command", bound=Callable[..., Any])
SHORT_NAMES = {short: name for name, short in QUERY_NAMES.items()}


class Refusal(click.ClickException):
    """What was asked for is not allowed; the message is one sentence a line."""

    exit_code = 2


class RunCommand(click.Command):
    """A command whose help lists the options of plug-ins after all others, in a section for each plug-in."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of the help; called by click."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        declared = declared_options()
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            title = _section(parameter.name) if parameter.name in declared else "Options"
            if record is not None:
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def config_options(command: Command) -> Command:
    """Decorate a command with one option for each setting of a run; those not given arrive as None."""
    for name, schema in reversed(setting_schemas().items()):
        command = _option(name, schema)(command)
    return command


def refuse_inactive(given: Mapping[str, Any], configs: Iterable[RunConfig]) -> None:
    """Refuse a plug-in's option that was given although none of the runs uses the plug-in.

    Raises:
        Refusal: names the plug-ins that have the option, and what to do.
    """
    active, declared = active_options(*configs), declared_options()
    unused = [name for name, value in given.items() if value is not None and name in declared and name not in active]
    if unused:
        raise Refusal("\n".join(map(_unused, unused)))


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
    schemas = setting_schemas()
    chosen = {name: _split(value, schemas[name]) for name, value in given.items() if value is not None}
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


def _section(name: str) -> str:
    """The title of the help's section for a plug-in's option."""
    choices = [f"--{_field(kind)} {plugin}" for kind, plugin in plugins_with(name)]
    return f"Options of {messages.listed(choices)}"


def _unused(name: str) -> str:
    plugins = plugins_with(name)
    choices = messages.listed([f"--{_field(kind)} {plugin}" for kind, plugin in plugins], "or")
    names = messages.listed([plugin for _, plugin in plugins])
    long = "--" + name.replace("_", "-")
    return f"{long} is an option of {names}, which no run here uses; choose {choices}, or leave out {long}."


def _field(kind: str) -> str:
    return next(field for field, its_kind in PLUGIN_FIELDS.items() if its_kind == kind)


def _split(value: Any, schema: Mapping[str, Any]) -> Any:
    """Text with commas for a setting that takes several values; none at all for empty text."""
    if schema["type"] != "array":
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
