"""The status of a comparison in words: what waits, what trains, how it ended. Reads jobs and records; draws nothing."""

from collections.abc import Mapping, Sequence

from bnviz.analysis.quantities import final_score, score_quantity
from bnviz.core.config import RunConfig
from bnviz.core.number_format import percent, two_digits, updates_in_words
from bnviz.core.record import Record
from bnviz.ui.watched import Watched

Runs = Mapping[str, Sequence[RunConfig]]
"""By arm: the run with each seed, the page's own first."""


def status_line(watched: Watched, runs: Runs, extras: Mapping[str, RunConfig]) -> str:
    """Markdown: one part an arm, and one for each of the extras that has not ended.

    Of three arms or more that ended alike, only the last says how.
    """
    parts = []
    for name, several in runs.items():
        going = _going(watched, name, several)
        parts.append((going, *(("", "") if going else _ended(watched, name, several))))
    told = []
    for place, (going, score, how) in enumerate(parts):
        alike = len(parts) > 2 and [(None, how)] == [(one[0], one[2]) for one in parts[place + 1 : place + 2]]
        told.append(going or (score if alike else f"{score}{how}"))
    waiting = [_going(watched, name, (config,)) for name, config in extras.items()]
    return " · ".join([*told, *(part for part in waiting if part)])


def told_failures(watched: Watched, runs: Runs, extras: Mapping[str, RunConfig]) -> list[str]:
    """A sentence for each error, with the arms that have it."""
    failed: dict[str, dict[str, None]] = {}
    for name, several in [*runs.items(), *((name, (config,)) for name, config in extras.items())]:
        for config in several:
            job = watched.job(config)
            if job is not None and job.state == "failed":
                failed.setdefault(job.error or "it failed without a word", {})[name] = None
    return [f"{' and '.join(names).capitalize()}: {error}" for error, names in failed.items()]


def restart_notice(watched: Watched, runs: Runs, restarted: Mapping[str, int]) -> str | None:
    """A sentence on runs that train again from the start because they were stopped before; None if there are none.

    `restarted` has, by run key, the update at which each was stopped.
    """
    lost: dict[str, int] = {}
    for name, several in runs.items():
        for config in several:
            if config.key in restarted and watched.training(config):
                lost.setdefault(name, restarted[config.key])
    if not lost:
        return None
    where = " and ".join(f"{name} at update {step}" for name, step in lost.items())
    return (
        f"These runs were stopped before: {where}. Stop was pressed, or no open page showed them for a while. "
        "They now train again from the start."
    )


def _going(watched: Watched, name: str, several: Sequence[RunConfig]) -> str | None:
    """Where the first run is that has not ended; None if all have."""
    for place, config in enumerate(several):
        job = watched.job(config)
        which = f"**{name}**" + (f" seed {place + 1} of {len(several)}" if len(several) > 1 else "")
        if job is not None and job.state == "queued":
            return f"{which} waits for a worker{_wait(watched, config)}"
        if job is not None and job.state == "running":
            return f"{which}{',' if len(several) > 1 else ''} update {max(job.step, 0)} of {config.steps}"
    return None


def _wait(watched: Watched, config: RunConfig) -> str:
    """How many runs come first, and how long that takes, if it takes more than a moment."""
    before = watched.service.queue_position(config.key)
    seconds = watched.service.expected_wait(config.key)
    return (f", {before} before it" if before else "") + (f", about {duration(seconds)}" if seconds >= 2 else "")


def duration(seconds: float) -> str:
    """In whole seconds, or minutes from two on."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _ended(watched: Watched, name: str, several: Sequence[RunConfig]) -> tuple[str, str]:
    """Whose score, and of what: what arms have in common comes second."""
    found = [watched.record(config) for config in several]
    records = [record for record in found if record is not None and record.data.sizes.get("step")]
    if not records:
        return f"**{name}**", " has no measurements"
    diverged = [record.last_step for record in records if record.outcome == "diverged"]
    if diverged and len(several) > 1:
        return f"**{name}** diverged with {len(diverged)} of {len(records)} seeds", ""
    if diverged:
        return f"**{name}** diverged by update {diverged[0]}: its loss is no longer finite", ""
    score, of = _score(records)
    how = f" {of} after {updates_in_words(max(record.last_step for record in records))}"
    if len(records) > 1:
        how += f", mean of {len(records)} seeds"
    return f"**{name}** {score}", how + (", stopped" if any(one.outcome == "stopped" for one in records) else "")


def _score(records: Sequence[Record]) -> tuple[str, str]:
    """Mean test accuracy; of runs that learn values, the mean test loss."""
    name = score_quantity(records[0])
    mean = sum(final_score(record, name) for record in records) / len(records)
    return percent(mean) if name == "test_accuracy" else two_digits(mean), name.replace("_", " ")
