"""What a page declares: its question, runs, controls, charts, claims and prose. `show` in `page_view` draws it.

Functions in a declaration (charts, captions, titles, conditions) are called with what they name among their parameters:
`records` (by arm), `repeats` (by arm, one record a seed), `config`, `arm` where there is a chart an arm, each of the
page's own settings (`layer`, `unit`, switches), each of the further runs by its name, and a calculator's results.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig
from bnviz.core.presets import DEFAULTS
from bnviz.figures.chart import Chart

Text = str | Callable[..., str]
"""Text, or a function that writes it."""
Arms = Mapping[str, Mapping[str, Any]]
Context = Mapping[str, Any]


@dataclass(frozen=True)
class Layer:
    """A control that chooses a layer, from `first` up to as many as the record's dimension has."""

    default: int
    first: int = 1
    dimension: str = "layer"
    name: str = "layer"


@dataclass(frozen=True)
class Unit:
    """A control that chooses a unit of the chosen layer."""

    default: int
    name: str = "unit"


@dataclass(frozen=True)
class Switch:
    """A toggle that decides what is drawn; on from the start, and not to be changed, where `forced(config)` holds."""

    name: str
    label: str
    help: str
    forced: Callable[[RunConfig], bool] = lambda _: False
    default: int = 0


@dataclass(frozen=True)
class Hidden:
    """A setting without a control, an update of the run, that a group's action sets; 0 stands for the last update."""

    name: str
    default: int = 0


@dataclass(frozen=True)
class Number:
    """An input of a calculator."""

    name: str
    label: str
    default: float
    least: float
    most: float
    step: float
    help: str = ""


@dataclass(frozen=True)
class Draw:
    """A chart under a condition, or one chart for each arm that meets it."""

    chart: Callable[..., Chart]
    only_if: Callable[..., bool] | None = None
    each_arm: bool = False


def per_arm(chart: Callable[..., Chart], only_if: Callable[..., bool] | None = None) -> Draw:
    """One chart an arm."""
    return Draw(chart, only_if, each_arm=True)


def where(only_if: Callable[..., bool], chart: Callable[..., Chart]) -> Draw:
    """A chart that is there only where the condition holds."""
    return Draw(chart, only_if)


@dataclass(frozen=True)
class Action:
    """A button in a group's head that sets one of the page's settings to the update at the cursor, {step}."""

    label: str
    setting: str


@dataclass(frozen=True)
class Group:
    """A section of the page's board: a title, charts by name, a caption below them and small print.

    `of` names further runs, which are then the `records` and `repeats` of this group's functions. In a title given as a
    string, {layer} stands for the setting of that name.
    """

    name: str
    title: Text
    charts: Mapping[str, Callable[..., Chart] | Draw]
    caption: Text | Sequence[Text] = ""
    note: Text = ""
    action: Action | None = None
    of: str = ""
    only_if: Callable[..., bool] | None = None


@dataclass(frozen=True)
class Verdict:
    """The verdicts on an experiment's claims, judged by the page's runs or by further runs."""

    experiment: str
    title: str = "The verdict"
    of: str = ""
    only_if: Callable[..., bool] | None = None


@dataclass(frozen=True)
class Table:
    """A CSV file to download: its label, its file's name and the function that writes it."""

    label: str
    file_name: str
    write: Callable[..., bytes]


@dataclass(frozen=True)
class Suggestion:
    """Something to try: what to do, what to watch, and the settings that differ from the page's defaults."""

    label: str
    watch: str
    query: Mapping[str, str]


@dataclass(frozen=True)
class Prose:
    """Texts in markdown, formulas in LaTeX: an introduction above the charts, the rest below them."""

    introduction: str
    look_for: Text | Sequence[Text] = ""
    background: str = ""
    formulas: Sequence[str] = ()
    symbols: str = ""


FurtherRuns = Callable[..., Mapping[str, Sequence[RunConfig]]]
"""Runs that a page needs besides its comparison, by arm."""


@dataclass(frozen=True)
class Page:
    """One page of the app.

    Attributes:
        name: of the page's file.
        question: the title.
        prose: see `Prose`.
        opens_with: the comparison; None for a page without training.
        arms: the arms, where they depend on the settings.
        controls: settings in the row of controls; none: the comparison cannot be changed.
        more: groups of controls behind "More".
        looks: controls that decide what is looked at, and the page's other settings.
        also_runs: further runs by name.
        needs: variables without which a record cannot be drawn here.
        groups: the board.
        judges: the verdicts below it.
        tables: further downloads.
        shows_source_of: probes whose files the page shows.
        suggestions: what to try next.
        constants: further values for functions, by name.
        inputs, compute: a calculator's inputs, and the NumPy function that takes them by name and names its results.
        content: further parts of the page that are no charts, drawn at its end.
        shares: what the share button says of the link.
    """

    name: str
    question: str
    prose: Prose
    opens_with: Comparison | None = None
    arms: Callable[[RunConfig], Arms] | None = None
    controls: Sequence[str] = ()
    more: Sequence[str] = ("Network", "Training", "Measuring")
    looks: Sequence[Layer | Unit | Switch | Hidden] = ()
    also_runs: Mapping[str, FurtherRuns] = field(default_factory=dict)
    needs: Sequence[str] = ()
    groups: Sequence[Group] = ()
    judges: Sequence[Verdict] = ()
    tables: Sequence[Table] = ()
    shows_source_of: Sequence[str] = ()
    suggestions: Sequence[Suggestion] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    inputs: Sequence[Number] = ()
    compute: Callable[..., Mapping[str, Any]] | None = None
    content: Sequence[Callable[[], None]] = ()
    shares: str = ""

    @property
    def defaults(self) -> RunConfig:
        """The run's settings that a link to the page is relative to."""
        return DEFAULTS.get(self.name) or (self.opens_with.base if self.opens_with else RunConfig())

    @property
    def own_settings(self) -> dict[str, int]:
        """The page's own settings with their defaults."""
        seeds = {"seeds": 1} if "seeds" in self.controls else {}
        return seeds | {look.name: look.default for look in self.looks}


def bind(function: Callable[..., Any], context: Context) -> "partial[Any]":
    """The function with those arguments of the context that it names.

    Raises:
        TypeError: a parameter without a default is not in the context.
    """
    parameters = inspect.signature(function).parameters
    missing = [
        name
        for name, item in parameters.items()
        if item.default is item.empty
        and name not in context
        and item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)
    ]
    if missing:
        raise TypeError(f"{function!r} asks for {', '.join(missing)}; a page has {', '.join(context)}")
    return partial(function, **{name: context[name] for name in parameters if name in context})


def write(text: Text | Sequence[Text], context: Context) -> str:
    """Text, or what functions write, with blanks between."""
    if isinstance(text, str):
        return text
    if callable(text):
        return str(bind(text, context)())
    return " ".join(filter(None, (write(part, context).strip() for part in text)))
