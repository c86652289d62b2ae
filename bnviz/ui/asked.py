"""Asked: which runs a page asks for, in which order, and what has become of them.

What is trained where is the jobs layer's business; what is made of the runs is for the view.
"""

from collections.abc import Mapping, Sequence

import streamlit as st

from bnviz.core.config import RunConfig
from bnviz.core.environment import EnvironmentVariableError
from bnviz.jobs.job import Job, State
from bnviz.jobs.service import JobsError
from bnviz.records import gallery
from bnviz.ui.notes import notes
from bnviz.ui.status import Runs
from bnviz.ui.visitor import watched
from bnviz.ui.watched import Watched

SEEDS = 2**31  # seeds are below; the one after the last is 0


def repeated(config: RunConfig, seeds: int) -> tuple[RunConfig, ...]:
    """The run with its own seed and the seeds after it."""
    return tuple(config.with_changes(seed=(config.seed + more) % SEEDS) for more in range(seeds))


def in_order(runs: Runs, extras: Mapping[str, RunConfig]) -> list[RunConfig]:
    """What is trained first comes first: every arm once, then what was asked for besides, then further seeds."""
    first = [several[0] for several in runs.values()]
    rounds = zip(*(several[1:] for several in runs.values()), strict=True)
    return [*first, *extras.values(), *(config for one_seed in rounds for config in one_seed)]


def want(page: str, seen: Watched, runs: Runs, extras: Mapping[str, RunConfig]) -> None:
    """Ask for the runs, and give up interest in those that this page showed before and shows no more."""
    wanted = {config.key: config for config in in_order(runs, extras)}
    before: set[str] = notes(page).get("keys", set())
    for key in before - wanted.keys():
        seen.service.release(key, seen.watcher)
    notes(page)["keys"] = set(wanted)
    lost = {key: step for key, step in restarted(page).items() if key in wanted}
    for key, config in wanted.items():
        job = seen.service.find(key)
        if job is not None and job.state == "stopped" and job.step > 0 and not seen.is_stopped(config):
            lost[key] = job.step
        _ask(seen, config)
    notes(page)["restarted"] = lost


def restarted(page: str) -> dict[str, int]:
    """By run key: the update that a run had reached when it was stopped, of those that the page had trained again."""
    found: dict[str, int] = notes(page).get("restarted", {})
    return found


def train_again(page: str, configs: Sequence[RunConfig]) -> None:
    """Train all runs afresh, whatever is known of them."""
    notes(page)["stopped"] = {}
    notes(page)["tried"] = True
    notes(page)["restarted"] = {}
    seen = watched(page)
    for config in configs:
        _ask(seen, config, fresh=True)


def stop(page: str, configs: Sequence[RunConfig]) -> None:
    """Stop them for this visitor; what was measured is kept."""
    seen = watched(page)
    for config in configs:
        seen.stop(config)


def jobs(seen: Watched, runs: Runs, extras: Mapping[str, RunConfig]) -> list[Job]:
    """Their jobs, as far as there are any."""
    return [job for config in in_order(runs, extras) if (job := seen.job(config)) is not None]


def states(seen: Watched, runs: Runs, extras: Mapping[str, RunConfig]) -> dict[str, tuple[State, float]]:
    """What decides, besides frames, what there is to draw: each run's state and when it was asked for, by its key."""
    return {job.key: (job.state, job.submitted) for job in jobs(seen, runs, extras)}


def training(seen: Watched, runs: Runs, extras: Mapping[str, RunConfig]) -> bool:
    """Whether one of them waits or trains."""
    return any(seen.training(config) for config in in_order(runs, extras))


def _ask(seen: Watched, config: RunConfig, fresh: bool = False) -> None:
    """Submit the run unless it is known; one that another visitor stopped, or that was left, is trained again."""
    job = seen.service.find(config.key)
    if not fresh:
        if seen.is_stopped(config) or (job is None and gallery.find(config) is not None):
            return
        if job is not None and job.state != "stopped":
            seen.service.watch(config.key, seen.watcher)
            return
    try:
        seen.service.submit(config, seen.watcher, fresh=fresh)
    except (JobsError, EnvironmentVariableError) as error:
        st.error(str(error))
