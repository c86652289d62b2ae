"""The status line of a page's runs: what waits, what trains, how it ended, and the button that changes it."""

from collections.abc import Mapping, Sequence

import streamlit as st

from bnviz.analysis.quantities import final_score, score_quantity
from bnviz.core.config import RunConfig
from bnviz.core.number_format import percent, two_digits, updates_in_words
from bnviz.core.record import Record
from bnviz.ui.announcement import announce
from bnviz.ui.run_client import RunClient

Arms = Mapping[str, Sequence[RunConfig]]
"""By arm, the run with each seed, the page's own first."""


def draw_status(
    page: str, client: RunClient, arms: Arms, further: Mapping[str, RunConfig], everything: Sequence[RunConfig]
) -> None:
    """One line on what goes on, with the button "Train live" or "Stop", and sentences on what went wrong."""
    training = any(client.is_live(config) for config in everything)
    # Trained again are the arms only: further runs come out the same.
    own = [config for several in arms.values() for config in several]
    line = status_line(client, arms, further)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}-status"):
        st.button(
            "Stop" if training else "Train live",
            key=f"{page}/action",
            icon=":material/stop:" if training else ":material/play_arrow:",
            type="secondary" if training else "primary",
            on_click=client.stop if training else client.train_again,
            args=(everything if training else own,),
            help="Keeps what was measured" if training else "Train all arms again, from the first update",
        )
        st.markdown(line, width="stretch")
    # While runs go on, the line changes several times a second; only their start and their results are spoken.
    announce(f"{page}/status", "Training." if training else line.replace("**", ""))
    if notice := restart_notice(client, arms):
        st.info(notice, icon=":material/restart_alt:")
    for sentence in failures(client, arms, further):
        st.error(sentence)
    if client.service.store.problem:
        st.warning(client.service.store.problem, icon=":material/cloud_off:")


def status_line(client: RunClient, arms: Arms, further: Mapping[str, RunConfig]) -> str:
    """Markdown: one part an arm, and one for each further run that has not ended.

    Of three arms or more that ended alike, only the last says how.
    """
    parts = []
    for arm, several in arms.items():
        going = _progress(client, arm, several)
        parts.append((going, *(("", "") if going else _result(client, arm, several))))
    texts = []
    for place, (going, score, how) in enumerate(parts):
        alike = len(parts) > 2 and [(None, how)] == [(part[0], part[2]) for part in parts[place + 1 : place + 2]]
        texts.append(going or (score if alike else f"{score}{how}"))
    waiting = [_progress(client, name, (config,)) for name, config in further.items()]
    return " · ".join([*texts, *(part for part in waiting if part)])


def failures(client: RunClient, arms: Arms, further: Mapping[str, RunConfig]) -> list[str]:
    """A sentence for each error, with the arms that have it."""
    failed: dict[str, dict[str, None]] = {}
    for name, several in [*arms.items(), *((name, (config,)) for name, config in further.items())]:
        for config in several:
            job = client.job(config)
            if job is not None and job.state == "failed":
                failed.setdefault(job.error or "The run failed without a message.", {})[name] = None
    return [f"{' and '.join(names).capitalize()}: {error}" for error, names in failed.items()]


def restart_notice(client: RunClient, arms: Arms) -> str | None:
    """A sentence on runs that train again from the start because they were stopped before; None if there are none."""
    lost: dict[str, int] = {}
    for arm, several in arms.items():
        for config in several:
            if config.key in client.restarted and client.is_live(config):
                lost.setdefault(arm, client.restarted[config.key])
    if not lost:
        return None
    where = " and ".join(f"{arm} at update {step}" for arm, step in lost.items())
    return (
        f"These runs were stopped before: {where}. Stop was pressed, or no open page showed them for a while. "
        "They now train again from the start."
    )


def duration(seconds: float) -> str:
    """In whole seconds, or minutes from two on."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _progress(client: RunClient, name: str, several: Sequence[RunConfig]) -> str | None:
    """Where the first run is that has not ended; None if all have."""
    for place, config in enumerate(several, 1):
        job = client.job(config)
        label = f"**{name}**" + (f" seed {place} of {len(several)}" if len(several) > 1 else "")
        if job is not None and job.state == "queued":
            before, seconds = client.service.queue_position(config.key), client.service.expected_wait(config.key)
            wait = (f", {before} before it" if before else "") + (
                f", about {duration(seconds)}" if seconds >= 2 else ""
            )
            return f"{label} waits for a worker{wait}"
        if job is not None and job.state == "running":
            return f"{label}{',' if len(several) > 1 else ''} update {max(job.step, 0)} of {config.steps}"
    return None


def _result(client: RunClient, arm: str, several: Sequence[RunConfig]) -> tuple[str, str]:
    """The arm with its score, and after it what arms may have in common: of what, and after how many updates."""
    found = [client.record(config) for config in several]
    records = [record for record in found if record is not None and record.data.sizes.get("step")]
    if not records:
        return f"**{arm}**", " has no measurements"
    diverged = [record.last_step for record in records if record.outcome == "diverged"]
    if diverged and len(several) > 1:
        return f"**{arm}** diverged with {len(diverged)} of {len(records)} seeds", ""
    if diverged:
        return f"**{arm}** diverged by update {diverged[0]}: its loss is no longer finite", ""
    score, quantity = _score(records)
    how = f" {quantity} after {updates_in_words(max(record.last_step for record in records))}"
    if len(records) > 1:
        how += f", mean of {len(records)} seeds"
    stopped = ", stopped" if any(record.outcome == "stopped" for record in records) else ""
    return f"**{arm}** {score}", how + stopped


def _score(records: Sequence[Record]) -> tuple[str, str]:
    """Mean test accuracy; of runs that learn values, the mean test loss."""
    name = score_quantity(records[0])
    mean = sum(final_score(record, name) for record in records) / len(records)
    return percent(mean) if name == "test_accuracy" else two_digits(mean), name.replace("_", " ")
