"""RunConfig: everything that decides what a run is.

One frozen, validated list of fields, and the options of plug-ins (`bnviz.core.options`). Every setting, field or
option, is given by its own name: in Python, links, JSON and on the command line. Names and bounds only: no torch, no
Streamlit, no files but the plug-in folders.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from bnviz.core import query, run_cost
from bnviz.core.options import (
    PLUGIN_FIELDS,
    OptionValues,
    active_options,
    declared_options,
    option_schemas,
    plugin_options,
    validated_options,
)
from bnviz.core.query import QUERY_NAMES as QUERY_NAMES
from bnviz.core.run_fields import RunFields

MEASURING_VERSION = 3
"""Part of every run key: raised when the same configuration would give other numbers than before.

By more than rounding, which differs from one processor to the next anyway, as in the records that ship. A changed
default of a field or an option does so, too.
"""

MEDIAN = 50.0
"""In percent, as percentiles are given."""


class RunConfig(RunFields):
    """What to run. Defaults: preset A, Ioffe & Szegedy 2015, Sec. 4.1, on scikit-learn's digits.

    Options may be given for plug-ins that are not chosen, as a comparison's base does for its arms; such options take
    no part in the run key.

    Raises:
        pydantic.ValidationError: a value is out of bounds or a name is not known; `sentences` words it for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    options: Annotated[OptionValues, BeforeValidator(validated_options)] = Field(
        (), description="options of plug-ins that differ from their defaults"
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, values: Any) -> Any:
        """Put the options, which are given by their own names, into one field."""
        if not isinstance(values, Mapping):
            return values
        names = declared_options().keys() & values.keys() - cls.model_fields.keys()
        given = values.get("options", {})
        if not names or not isinstance(given, Mapping | tuple):
            return values
        fields = {name: value for name, value in values.items() if name not in names}
        return fields | {"options": dict(given) | {name: values[name] for name in names}}

    @model_serializer(mode="wrap")
    def _write_options_by_name(self, write: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """All fields, the active options, and other options that differ from their defaults, all by their own names."""
        values: dict[str, Any] = write(self)
        values.pop("options", None)
        if not info.exclude_defaults:
            values |= {name: option.default for name, option in active_options(self).items()}
        return values | dict(self.options)

    def option(self, name: str) -> Any:
        """The value of a plug-in's option, whether the plug-in is chosen or not.

        Raises:
            KeyError: no plug-in has it.
        """
        for given, value in self.options:
            if given == name:
                return value
        return declared_options()[name].default

    def options_of(self, field: str) -> dict[str, Any]:
        """The options of the plug-in that this field chooses, such as `dataset`, with their values by name."""
        names = plugin_options(PLUGIN_FIELDS[field], getattr(self, field))
        return {name: self.option(name) for name in names}

    def settings(self) -> dict[str, Any]:
        """The value of every setting by its name: all fields, and the options of all plug-ins, chosen or not."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "options"}
        defaults = {name: option.default for name, option in declared_options().items()}
        return fields | defaults | dict(self.options)

    def changed(self) -> dict[str, Any]:
        """The settings that differ from the defaults, as JSON values."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def with_changes(self, **changes: Any) -> "RunConfig":
        """The same configuration with other values for some settings, validated.

        Raises:
            pydantic.ValidationError: as for the constructor.
        """
        return type(self).model_validate(self.model_dump() | changes)

    def with_active_options(self) -> "RunConfig":
        """The same configuration without the options of plug-ins that are not chosen."""
        active = active_options(self)
        kept = tuple((name, value) for name, value in self.options if name in active)
        return self if kept == self.options else self.model_copy(update={"options": kept})

    @property
    def recorded_percentiles(self) -> tuple[float, ...]:
        """The percentiles that the probe records: those chosen and the median, which sentences and maps are about."""
        return tuple(sorted({*self.percentiles, MEDIAN}))

    @property
    def key(self) -> str:
        """The run key: 16 hexadecimal digits that name what is trained and measured, under this measuring version."""
        return _key(self)

    @property
    def estimated_seconds(self) -> float:
        """Rough time of the run on one core."""
        return run_cost.estimated_seconds(self)

    @property
    def multiply_adds(self) -> float:
        """Rough cost of the training, in multiply-adds."""
        return run_cost.multiply_adds(self)

    def to_query(self, base: "RunConfig | None" = None) -> dict[str, str]:
        """A link's query: only what differs from `base`, short names, values a person can read and edit."""
        return query.query_of(self, base or RunConfig())

    @classmethod
    def from_query(cls, texts: Mapping[str, str], base: "RunConfig | None" = None) -> tuple["RunConfig", list[str]]:
        """Read a link over `base`; what cannot be used is left out and told in one sentence each, never raised."""
        return query.read_query(texts, base or cls(), setting_schemas())


@lru_cache(maxsize=1024)
def _key(config: RunConfig) -> str:
    """Hash the measuring version and what differs from the defaults; cached, because pages ask again and again."""
    text = json.dumps([MEASURING_VERSION, config.with_active_options().changed()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def setting_schemas() -> dict[str, dict[str, Any]]:
    """JSON schema of every setting by its name: type, bounds or choices, default and description."""
    return {**_field_schemas(), **option_schemas()}


def sentences(
    error: ValidationError,
    given: Mapping[str, Any] | None = None,
    used: RunConfig | None = None,
    names: Mapping[str, str] = QUERY_NAMES,
) -> list[str]:
    """Word a validation error for people, one sentence a setting; arguments as in `bnviz.core.query.sentences`."""
    return query.sentences(error, setting_schemas(), given, used, names)


@cache
def _field_schemas() -> dict[str, dict[str, Any]]:
    schemas: dict[str, dict[str, Any]] = RunConfig.model_json_schema()["properties"]
    return {name: schema for name, schema in schemas.items() if name != "options"}
