"""Options of plug-ins: which there are, which are active in a run, and which values are allowed.

A plug-in's options take part in a run only where the plug-in is chosen. Two plug-ins share options if one of them sets
`OPTIONS_OF = "name of the other"`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from bnviz.core import registry
from bnviz.core.messages import ClashError
from bnviz.core.option import Option

if TYPE_CHECKING:
    from bnviz.core.config import RunConfig

PLUGIN_FIELDS = {
    "dataset": "datasets",
    "network": "networks",
    "norm": "norms",
    "init": "initialisations",
    "probes": "probes",
}
"""The kind of plug-in that each of these fields of a run chooses."""

OptionValues = tuple[tuple[str, Any], ...]
"""Options that differ from their defaults, with their values, in the order of their names."""


def declared_options() -> Mapping[str, Option]:
    """Every option of every plug-in, by its name."""
    plugins = (plugin for kind in PLUGIN_FIELDS.values() for plugin in registry.plugins(kind).values())
    return {name: option for plugin in plugins for name, option in plugin.options.items()}


def plugin_options(kind: str, name: str) -> Mapping[str, Option]:
    """The options of one plug-in, its own and those that it shares; none if there is no such plug-in."""
    plugin = registry.find(kind, name)
    if plugin is None:
        return {}
    other = registry.find(kind, str(plugin.constants.get("OPTIONS_OF", "")))
    return {**(other.options if other is not None else {}), **plugin.options}


def chosen_plugins(config: "RunConfig") -> list[tuple[str, str]]:
    """Kind and name of every plug-in that a run uses."""
    chosen: list[tuple[str, str]] = []
    for field, kind in PLUGIN_FIELDS.items():
        value = getattr(config, field)
        chosen += [(kind, name) for name in ((value,) if isinstance(value, str) else value)]
    return chosen


def active_options(*configs: "RunConfig") -> Mapping[str, Option]:
    """The options of the plug-ins that one or several runs choose, by their names, in the order of PLUGIN_FIELDS."""
    chosen = dict.fromkeys(plugin for config in configs for plugin in chosen_plugins(config))
    order = {kind: place for place, kind in enumerate(PLUGIN_FIELDS.values())}
    return {
        name: option
        for plugin in sorted(chosen, key=lambda plugin: order[plugin[0]])
        for name, option in plugin_options(*plugin).items()
    }


def plugins_with(name: str) -> list[tuple[str, str]]:
    """Kind and name of every plug-in that has this option."""
    return [
        (kind, plugin)
        for kind in PLUGIN_FIELDS.values()
        for plugin in registry.names(kind)
        if name in plugin_options(kind, plugin)
    ]


def validated_options(given: Any) -> OptionValues:
    """The values that differ from the defaults, of options given by name.

    Raises:
        pydantic.ValidationError: a value is not allowed, or no plug-in has an option of that name.
        ClashError: values are allowed by themselves but not together.
        ValueError: what is given is no mapping.
    """
    if isinstance(given, tuple):
        given = dict(given)
    if not isinstance(given, Mapping):
        raise ValueError("must be options by their names")
    declared = declared_options()
    values = _model(tuple(declared.values())).model_validate(dict(given))
    for name, option in declared.items():
        low, other = getattr(values, name), option.less_than
        if other is not None and low >= (high := getattr(values, other)):
            message = f"{{{name}}} must be less than {{{other}}}, not {low:g} with {{{other}}} {high:g}"
            raise ClashError(message, name, other)
    return tuple(sorted(values.model_dump(exclude_defaults=True).items()))


def option_schemas() -> Mapping[str, dict[str, Any]]:
    """JSON schema of every option, by its name: type, bounds, choices, default and help."""
    return _schemas(tuple(declared_options().values()))


@lru_cache(maxsize=8)
def _model(declared: tuple[Option, ...]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        option.name: (option.annotation, Field(option.default, description=option.help)) for option in declared
    }
    return create_model("Options", __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


@lru_cache(maxsize=8)
def _schemas(declared: tuple[Option, ...]) -> Mapping[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = _model(declared).model_json_schema().get("properties", {})
    return found
