"""Entries of a browser's list of finished comparisons, validated: what a browser sends back is anybody's text."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bnviz.analysis.quantities import final_score, score_quantity
from bnviz.core import registry
from bnviz.core.config import QUERY_NAMES, RunConfig, setting_schemas
from bnviz.core.number_format import percent, two_digits
from bnviz.core.presets import DEFAULTS
from bnviz.core.record import Record

PAGES = Path(__file__).parents[2] / "pages"
MOST_ENTRIES = 200
LONGEST_QUERY = 2000
SETTINGS = {*setting_schemas(), *QUERY_NAMES.values()}
EARLIEST, LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def config_of(page: str | None, query: str) -> RunConfig:
    """The run that a query describes, over what the page opens with; over a run's defaults if there is no page.

    Raises:
        ValueError: the query cannot be used as it is.
    """
    given = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=100))
    if page is not None:  # its own settings are whole numbers; the page itself says if it has no such one
        given = {name: text for name, text in given.items() if name in SETTINGS or not text.isdecimal()}
    config, problems = RunConfig.from_query(given, DEFAULTS.get(page or ""))
    if problems:
        raise ValueError(problems[0])
    return config


def _query_of_run(query: str) -> str:
    config_of(None, query)
    return query


def _page_of_app(page: str) -> str:
    if page not in registry.read_folder(PAGES):
        raise ValueError("must be a page of the app")
    return page


def _in_utc(when: datetime) -> datetime:
    return when.astimezone(UTC)


Name = Annotated[str, Field(max_length=60, pattern=r"^\w[^\x00-\x1f\x7f]*$")]
"""Text that begins with a letter or a digit, so that no spreadsheet takes it for a formula."""


class Arm(BaseModel):
    """One run of a comparison: its configuration as a query, how it ended, and the seconds it took, where known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    query: Annotated[str, Field(max_length=LONGEST_QUERY), AfterValidator(_query_of_run)]
    result: Name
    seconds: float | None = Field(None, ge=0, le=1e6)

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""
        return config_of(None, self.query)


class Entry(BaseModel):
    """One finished comparison: the page and its query, the runs by arm, and when it was on screen last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: Annotated[str, Field(max_length=60), AfterValidator(_page_of_app)]
    query: str = Field(max_length=LONGEST_QUERY)
    arms: dict[Name, Arm] = Field(min_length=1, max_length=4)
    when: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST), AfterValidator(_in_utc)]

    @model_validator(mode="after")
    def _query_opens_page(self) -> Self:
        config_of(self.page, self.query)
        return self

    @property
    def comparison(self) -> tuple[object, ...]:
        """Equal for entries about the same comparison."""
        return (self.page, *((name, arm.query) for name, arm in self.arms.items()))


def entry_of(page: str, query: str, records: Mapping[str, Record], seconds: Mapping[str, float]) -> Entry | None:
    """The entry for a comparison's records; None for one that could not be read back."""
    arms = {
        arm: {"query": urlencode(record.config.to_query()), "result": result_of(record), "seconds": seconds.get(arm)}
        for arm, record in records.items()
    }
    with suppress(ValidationError):
        return Entry.model_validate({"page": page, "query": query, "arms": arms, "when": datetime.now(UTC)})
    return None


def valid_entries(answer: object) -> list[Entry]:
    """The entries in a browser's answer that are as `entry_of` writes them, at most MOST_ENTRIES."""
    given = answer.get("entries") if isinstance(answer, Mapping) else None
    entries = []
    for item in given[-MOST_ENTRIES:] if isinstance(given, list) else []:
        with suppress(ValidationError):
            entries.append(Entry.model_validate(item))
    return entries


def newest_first(entries: Sequence[Entry]) -> list[Entry]:
    """At most MOST_ENTRIES of them, by when they were on screen."""
    return sorted(entries, key=lambda entry: entry.when, reverse=True)[:MOST_ENTRIES]


def result_of(record: Record) -> str:
    """How a run ended, in a few words."""
    if record.outcome == "diverged":
        return f"diverged by update {record.last_step}"
    name = score_quantity(record)
    value = final_score(record, name)
    if value != value:
        return record.outcome
    score = percent(value) if name == "test_accuracy" else f"loss {two_digits(value)}"
    return score if record.outcome == "finished" else f"{score}, {record.outcome}"
