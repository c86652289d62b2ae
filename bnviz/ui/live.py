"""The live view: a comparison's runs are asked for, watched while they train, and shown; then shown at rest.

One polling fragment a page, and only while something trains. What is trained where is the jobs layer's business; what
the picture looks like is the page's.
"""

import uuid
from collections.abc import Callable, Mapping

import streamlit as st

from bnviz import gallery
from bnviz.config import RunConfig
from bnviz.figures.style import percent
from bnviz.jobs.service import Job, JobsError, Service
from bnviz.record import Record

POLL_SECONDS = 0.35

Picture = Callable[[Mapping[str, Record], bool], None]
"""Draws records by arm; the flag says whether runs go on."""


@st.cache_resource(show_spinner=False)
def service() -> Service:
    """The app's one service; its workers start in the background at first use and end with the app."""
    started = Service()
    started.prepare()
    return started


def comparison_view(page: str, configs: Mapping[str, RunConfig], picture: Picture) -> None:
    """Show the arms' runs: from the gallery or as kept if they are known, else trained now, live."""
    _leave_others(page, configs)
    for config in configs.values():
        _ask(page, config)
    training = _training(configs)
    with_page = True  # the fragment is drawn with the whole page, not by itself

    @st.fragment(run_every=POLL_SECONDS if training else None, key=f"{page}/live")
    def watched() -> None:
        _status(page, configs)
        records = _records(page, configs)
        if records:
            picture(records, _training(configs))
        elif _training(configs):
            st.info("The first measurements are on their way.", icon=":material/hourglass_top:")
        else:
            st.info("No distributions were measured, so there is nothing to draw.", icon=":material/visibility_off:")
        if training != _training(configs) and not with_page:
            st.rerun()  # the whole page, so that polling starts or ends; too soon, widgets lose what a link set

    try:
        watched()
    finally:  # also when a click cuts the run of the page short
        with_page = False


def train_again(page: str, configs: Mapping[str, RunConfig]) -> None:
    """Train all arms afresh, whatever is known of them."""
    _stopped_here(page).clear()
    for config in configs.values():
        _ask(page, config, fresh=True)


def _watcher() -> str:
    name: str = st.session_state.setdefault("bnviz.watcher", uuid.uuid4().hex)
    return name


def _stopped_here(page: str) -> set[str]:
    keys: set[str] = st.session_state.setdefault(f"{page}/stopped", set())
    return keys


def _ask(page: str, config: RunConfig, fresh: bool = False) -> None:
    """Submit the run unless it is known; one that another visitor stopped, or that was left, is trained again."""
    job = service().find(config.key)
    if not fresh:
        if job is None and gallery.find(config) is not None:
            return
        if job is not None and (job.state != "stopped" or config.key in _stopped_here(page)):
            return
    try:
        service().submit(config, _watcher(), fresh=fresh or job is not None)
    except JobsError as error:
        st.error(str(error))


def _leave_others(page: str, configs: Mapping[str, RunConfig]) -> None:
    """Give up interest in runs that this page showed before and shows no more."""
    keys = {config.key for config in configs.values()}
    for key in st.session_state.get(f"{page}/keys", set()) - keys:
        service().release(key, _watcher())
    st.session_state[f"{page}/keys"] = keys


def _jobs(configs: Mapping[str, RunConfig]) -> dict[str, Job]:
    found = {name: service().find(config.key) for name, config in configs.items()}
    return {name: job for name, job in found.items() if job is not None}


def _training(configs: Mapping[str, RunConfig]) -> bool:
    return any(job.state in ("queued", "running") for job in _jobs(configs).values())


def _records(page: str, configs: Mapping[str, RunConfig]) -> dict[str, Record]:
    """What to show: each arm's record so far; until every arm has one, what was shown before."""
    records: dict[str, Record] = {}
    jobs = _jobs(configs)
    for name, config in configs.items():
        record = jobs[name].record() if name in jobs else gallery.find(config)
        if record is not None and record.data.sizes.get("probe_step"):
            records[name] = record
    if len(records) == len(configs):
        st.session_state[f"{page}/shown"] = records
        return records
    return dict(st.session_state.get(f"{page}/shown", {})) or records


def _status(page: str, configs: Mapping[str, RunConfig]) -> None:
    """One line that says what goes on, with the button that changes it; sentences for what went wrong."""
    jobs = _jobs(configs)
    training = _training(configs)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}-status"):
        st.button(
            "Stop" if training else "Train live",
            key=f"{page}/action",
            icon=":material/stop:" if training else ":material/play_arrow:",
            type="secondary" if training else "primary",
            on_click=_stop if training else train_again,
            args=(page, configs),
            help="Keeps what was measured" if training else "Train all arms again, from the first update",
        )
        st.markdown(" · ".join(_progress(name, config, jobs.get(name)) for name, config in configs.items()))
    failed: dict[str, list[str]] = {}
    for name, job in jobs.items():
        if job.state == "failed":
            failed.setdefault(job.error or "it failed without a word", []).append(name)
    for error, names in failed.items():
        st.error(f"{' and '.join(names).capitalize()}: {error}")


def _stop(page: str, configs: Mapping[str, RunConfig]) -> None:
    for config in configs.values():
        _stopped_here(page).add(config.key)
        service().stop(config.key)


def _progress(name: str, config: RunConfig, job: Job | None) -> str:
    steps = config.steps
    if job is not None and job.state == "queued":
        place = service().queue_position(job.key)
        return f"**{name}** waits for a worker" + (f", {place} before it" if place else "")
    if job is not None and job.state == "running":
        return f"**{name}** update {max(job.step, 0)} of {steps}"
    record = job.record() if job is not None else gallery.find(config)
    if record is None or not record.data.sizes.get("step"):
        return f"**{name}** has no measurements"
    accuracy = record.final("final_test_accuracy")
    if accuracy != accuracy:
        accuracy = record.final("test_accuracy")
    told = f"**{name}** {percent(accuracy)} test accuracy after {record.last_step} updates"
    if record.outcome == "diverged":
        return f"**{name}** diverged by update {record.last_step}: its loss is no longer finite"
    return told + (", stopped" if record.outcome == "stopped" else "")
