"""Links: settings as the query of an address, and sentences on what a link says that cannot be used.

Schemas are those of `bnviz.core.config.setting_schemas`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bnviz.core import messages

if TYPE_CHECKING:
    from bnviz.core.config import RunConfig

QUERY_NAMES = {"learning_rate": "lr", "batch_size": "batch"}
"""Settings that have a shorter name in links; every other setting keeps its own."""

Schemas = Mapping[str, Mapping[str, Any]]


def query_of(config: "RunConfig", base: "RunConfig") -> dict[str, str]:
    """A link's query: only what differs from `base`, short names, values a person can read and edit."""
    usual = base.settings()
    changed = {name: value for name, value in config.settings().items() if value != usual[name]}
    return {QUERY_NAMES.get(name, name): messages.to_text(value) for name, value in changed.items()}


def read_query(query: Mapping[str, str], base: "RunConfig", schemas: Schemas) -> tuple["RunConfig", list[str]]:
    """The settings of a link over those of `base`, and a sentence on each part that cannot be used; never raises."""
    names = {name: name for name in schemas} | {short: name for name, short in QUERY_NAMES.items()}
    texts = {names[key]: text for key, text in query.items() if key in names}
    problems = [f"{messages.shown(key)} is not a setting; it is left out." for key in query if key not in names]
    while True:
        try:
            given = {name: value_of_text(text, schemas[name]) for name, text in texts.items()}
            return base.with_changes(**given), problems
        except ValidationError as error:
            problems += sentences(error, schemas, texts, base)
            useless = {_to_leave_out(item, texts) for item in error.errors()}
        if useless == {None}:  # not the link's fault
            return base, problems
        texts = {name: text for name, text in texts.items() if name not in useless}


def sentences(
    error: ValidationError,
    schemas: Schemas,
    given: Mapping[str, Any] | None = None,
    used: "RunConfig | None" = None,
    names: Mapping[str, str] = QUERY_NAMES,
) -> list[str]:
    """Word a validation error for people: one sentence a setting, saying what is allowed and what was given.

    Args:
        error: what validating a RunConfig raised.
        schemas: JSON schema of every setting, by its name.
        given: values by setting, as they were typed, where this is not what was validated.
        used: the configuration whose values are used instead, where there is one.
        names: what a setting is called where it was given, if not by its own name; in links, unless said otherwise.
    """
    given = given or {}
    settings = used.settings() if used is not None else {}
    found: dict[str, str] = {}
    for item in error.errors():
        name = messages.fields(item)[0]
        message = messages.complaint(item, given.get(name, item["input"]), schemas, names)
        instead = _to_leave_out(item, given)
        if instead is not None and instead in settings:
            message += f"; {names.get(instead, instead)}={messages.to_text(settings[instead])} is used"
        found.setdefault(name, f"{message}.")
    return list(found.values())


def value_of_text(text: str, schema: Mapping[str, Any]) -> str | list[str]:
    """A setting's text, ready to be validated: a list where it takes several values, none in an empty text."""
    if schema["type"] != "array":
        return _whole(text)
    return [_whole(part.strip()) for part in text.split(",")] if text.strip() else []


def _whole(text: str) -> str:
    """Let 1e3 stand for 1000 where a whole number is asked for."""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if "e" in text.lower() and number.is_integer() and abs(number) < 1e15 else text


def _to_leave_out(item: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """The first of the settings in question that was given."""
    return next((name for name in messages.fields(item) if name in given), None)
