"""One option that a plug-in declares in its own file: type, bounds or choices, default, label and help.

A plug-in's file sets OPTIONS to a literal, `{"norm_p": {"type": "choice", "default": "1", "choices": {...}, ...}}`.
The attributes of `Option` are the keys that a declaration may have; `type` is its `kind`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError


class DeclarationError(ValueError):
    """A plug-in's OPTIONS cannot be used; the message says why."""


@dataclass(frozen=True)
class Option:
    """A setting that exists only where its plug-in is chosen.

    Attributes:
        name: as in links, in Python and in records; no field and no different option has it.
        kind: what its values are; in the declaration, `type`.
        default: the value of a run that does not say another.
        label: what its control is called.
        help: one line on what it does.
        plugin: the name of the file that declares it; other files may share it (`OPTIONS_OF`).
        minimum, maximum: bounds that are allowed themselves. A number needs a maximum and a `minimum` or an `above`.
        above: a lower bound that is not allowed itself.
        choices: label of each choice by its value.
        step: how far one click on a number's control goes.
        rungs: values that a slider offers, in place of a number's control.
        less_than: another option of the same file whose value must be larger.
    """

    name: str
    kind: Literal["number", "integer", "boolean", "choice"]
    default: Any
    label: str
    help: str
    plugin: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: Mapping[str, str] = field(default_factory=dict, hash=False)
    step: float | None = None
    rungs: tuple[float, ...] = ()
    less_than: str | None = None

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    def takes_the_same_as(self, other: "Option") -> bool:
        """Whether both have the same values and the same default, whatever they are called and described as."""
        return replace(self, plugin="", label="", help="") == replace(other, plugin="", label="", help="")

    @property
    def annotation(self) -> Any:
        """The type, with its bounds, that pydantic validates a value with."""
        if self.kind == "boolean":
            return bool
        if self.kind == "choice":
            return Literal[tuple(self.choices)]
        number = int if self.kind == "integer" else float
        return Annotated[number, Field(ge=self.minimum, gt=self.above, le=self.maximum)]


def read_options(declared: Any, plugin: str) -> dict[str, Option]:
    """The options in a plug-in's OPTIONS, by their names.

    Raises:
        DeclarationError: the literal is no declaration of options; the message says what is wrong with it.
    """
    if not isinstance(declared, Mapping) or not all(isinstance(values, Mapping) for values in declared.values()):
        raise DeclarationError("OPTIONS must give a dict of type, default, label and help for each option's name")
    options = {}
    for name, values in declared.items():
        if not (isinstance(name, str) and name.isidentifier() and name.islower()):
            raise DeclarationError(f"the name of an option must be a lower-case identifier, not {name!r}")
        given = {"kind" if key == "type" else key: value for key, value in values.items()}
        try:
            option = TypeAdapter(Option).validate_python(given | {"name": name, "plugin": plugin})
            _check(option, declared)
            default = TypeAdapter(option.annotation).validate_python(option.default)
        except ValidationError as error:
            [problem, *_] = error.errors()
            place = " ".join(str(part) for part in problem["loc"]).replace("kind", "type") or "default"
            raise DeclarationError(f"option {name}, {place}: {problem['msg']}") from error
        options[name] = replace(option, default=default)
    return options


def _check(option: Option, declared: Mapping[str, Any]) -> None:
    """What the types of the attributes do not say.

    Raises:
        DeclarationError: bounds or choices are missing, or `less_than` names no other option of the file.
    """
    if option.kind == "choice" and len(option.choices) < 2:
        raise DeclarationError(f"option {option.name} needs two choices or more")
    has_bounds = option.maximum is not None and (option.minimum is None) != (option.above is None)
    if option.kind in ("number", "integer") and not has_bounds:
        raise DeclarationError(f"option {option.name} needs a maximum, and either a minimum or an above")
    if option.less_than is not None and (option.less_than == option.name or option.less_than not in declared):
        raise DeclarationError(f"option {option.name}: less_than must name another option of the file")
