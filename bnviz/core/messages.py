"""Wording: what is wrong with a setting, as a sentence that says what is allowed and what was given.

Works on pydantic's errors and on JSON schemas; it does not know which settings there are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

SHOWN = 40
"""So many characters of a value that cannot be used are repeated to whoever gave it."""


class ClashError(ValueError):
    """Settings that are allowed by themselves but not together; `fields` are theirs, first the one to change.

    In the message, {field} stands for the field's name.
    """

    def __init__(self, message: str, *fields: str) -> None:
        super().__init__(message.format_map({name: name for name in fields}))
        self.message = message
        self.fields = fields


def complaint(item: Mapping[str, Any], value: Any, schemas: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What one of pydantic's errors is about, without a full stop.

    Args:
        item: the error.
        value: what was given.
        schemas: JSON schema of every setting, by its name.
        names: what a setting is called, where that is not its name.
    """
    name = fields(item)[0]
    problem = item.get("ctx", {}).get("error")
    if isinstance(problem, ClashError):
        return problem.message.format_map({field: names.get(field, field) for field in problem.fields})
    if item["type"] == "extra_forbidden":
        return f"{shown(name)} is not a setting"
    if not name:
        return f"settings must be given by name, not as {shown(value)}"
    must = str(problem) if problem else f"must be {allowed(schemas[name])}"
    return f"{names.get(name, name)} {must}, not {shown(to_text(value))}"


def fields(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that one of pydantic's errors is about, first the one to change; an empty name if none is."""
    problem = item.get("ctx", {}).get("error")
    if isinstance(problem, ClashError):
        return problem.fields
    place = item["loc"][1:] if item["loc"][:1] == ("options",) and len(item["loc"]) > 1 else item["loc"]
    return (str(place[0]) if place else "",)


def allowed(schema: Mapping[str, Any]) -> str:
    """What a field takes, in words, read off its JSON schema."""
    if schema["type"] == "array":
        number = f"{schema.get('minItems', 0)} to {schema['maxItems']} values" if "maxItems" in schema else "values"
        return f"{number} with commas between, each {allowed(schema['items'])}"
    if "enum" in schema:
        return one_of(schema["enum"])
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = " and ".join(f"{word} {schema[key]:.10g}" for key, word in words.items() if key in schema)
    if {"minimum", "maximum"} <= schema.keys():
        bounds = f"from {schema['minimum']:.10g} to {schema['maximum']:.10g}"
    kind = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}.get(schema["type"], "text")
    return f"{kind} {bounds}".rstrip()


def one_of(names: Sequence[str]) -> str:
    """Names to choose from, as a person lists them."""
    return f"one of {listed(names, 'or')}" if len(names) > 1 else "".join(names)


def listed(names: Sequence[str], last: str = "and") -> str:
    """Names in a sentence: a, b and c."""
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def shown(value: Any) -> str:
    """In quotes, with control characters spelt out, and not longer than a sentence bears."""
    text = str(value)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def times(shape: Sequence[int]) -> str:
    """The shape of an array: 1 × 28 × 28."""
    return " × ".join(str(size) for size in shape)


def to_text(value: Any) -> str:
    """A setting as a person reads and types it: 15,50,85 or true or 0.1."""
    if isinstance(value, list | tuple):
        return ",".join(to_text(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
