"""The live view: a comparison's runs are asked for, watched while they train, and shown; then shown at rest.

One polling fragment a page, and only while something trains. What is trained where is the jobs layer's business; what
the picture looks like is the page's.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import streamlit as st

from bnviz import gallery
from bnviz.config import RunConfig
from bnviz.jobs.service import JobsError, Service
from bnviz.record import Record
from bnviz.ui.links import setting_key
from bnviz.ui.shown import Shown
from bnviz.ui.status import Runs, record_of, status_line, told_failures

POLL_SECONDS = 0.35
SEEDS = 2**31
"""Seeds are below; the one after the last is 0."""

Picture = Callable[[Shown], None]
"""Draws what is shown."""


@st.cache_resource(show_spinner=False)
def service() -> Service:
    """The app's one service; its workers start in the background at first use and end with the app."""
    started = Service()
    started.prepare()
    return started


def comparison_view(
    page: str,
    configs: Mapping[str, RunConfig],
    picture: Picture,
    needs: Sequence[str] = (),
    also: Callable[[], Mapping[str, RunConfig]] = dict,
) -> None:
    """Show the arms' runs: from the gallery or as kept if they are known, else trained now, live.

    Where the page has a setting `seeds`, each arm is trained with that many seeds, from the configuration's own on.

    Args:
        page: names the page; one such view a page.
        configs: by arm.
        picture: draws what there is.
        needs: variables that a record must have to be drawn.
        also: which runs are wanted besides, one seed each, by name; asked whenever the picture is drawn, so that a
            click in it can change the answer.
    """
    seeds = st.session_state.get(setting_key(page, "seeds"), 1)
    runs = {name: _repeated(config, seeds) for name, config in configs.items()}
    _want(page, runs, also())
    training = _training(runs, also())
    with_page = True  # the fragment is drawn with the whole page, not by itself

    @st.fragment(run_every=POLL_SECONDS if training else None, key=f"{page}/live")
    def watched() -> None:
        extras = also()
        if {config.key for config in _in_order(runs, extras)} != st.session_state[f"{page}/keys"]:
            _want(page, runs, extras)
        _status(page, runs, extras)
        shown = _shown(page, runs, extras, needs)
        if shown is not None:
            picture(shown)
        elif _training(runs, extras):
            st.info("The first measurements are on their way.", icon=":material/hourglass_top:")
        else:
            st.info("Nothing that this page draws was measured.", icon=":material/visibility_off:")
        if training != _training(runs, extras) and not with_page:
            st.rerun()  # the whole page, so that polling starts or ends; too soon, widgets lose what a link set

    try:
        watched()
    finally:  # also when a click cuts the run of the page short
        with_page = False


def train_again(page: str, configs: Sequence[RunConfig]) -> None:
    """Train all runs afresh, whatever is known of them."""
    _stopped_here(page).clear()
    for config in configs:
        _ask(page, config, fresh=True)


def _repeated(config: RunConfig, seeds: int) -> tuple[RunConfig, ...]:
    """The run with its own seed and the seeds after it."""
    return tuple(config.model_copy(update={"seed": (config.seed + more) % SEEDS}) for more in range(seeds))


def _in_order(runs: Runs, extras: Mapping[str, RunConfig]) -> list[RunConfig]:
    """What is trained first comes first: every arm once, then what was asked for besides, then further seeds."""
    first = [several[0] for several in runs.values()]
    rounds = zip(*(several[1:] for several in runs.values()), strict=True)
    return [*first, *extras.values(), *(config for one_seed in rounds for config in one_seed)]


def _want(page: str, runs: Runs, extras: Mapping[str, RunConfig]) -> None:
    """Ask for the runs, and give up interest in those that this page showed before and shows no more."""
    wanted = {config.key: config for config in _in_order(runs, extras)}
    before: set[str] = st.session_state.get(f"{page}/keys", set())
    for key in before - wanted.keys():
        service().release(key, _watcher())
    st.session_state[f"{page}/keys"] = set(wanted)
    for config in wanted.values():
        _ask(page, config)


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


def _training(runs: Runs, extras: Mapping[str, RunConfig]) -> bool:
    found = [service().find(config.key) for config in _in_order(runs, extras)]
    return any(job is not None and job.state in ("queued", "running") for job in found)


def _shown(page: str, runs: Runs, extras: Mapping[str, RunConfig], needs: Sequence[str]) -> Shown | None:
    """What to show: each arm's record so far; until every arm has one, what was shown before."""

    def usable(config: RunConfig) -> Record | None:
        record = record_of(service(), config)
        measured = record is not None and (record.data.sizes.get("probe_step") or record.data.sizes.get("step"))
        return record if record is not None and measured and set(needs) <= record.data.keys() else None

    found = {name: [usable(config) for config in several] for name, several in runs.items()}
    records = {name: several[0] for name, several in found.items() if several[0] is not None}
    besides = {name: record_of(service(), config) for name, config in extras.items()}
    also = {name: record for name, record in besides.items() if record is not None and record.outcome != "running"}
    live = _training(runs, extras)
    if len(records) < len(runs):
        before: Shown | None = st.session_state.get(f"{page}/shown")
        if before is not None:
            return replace(before, live=live, also=also)
        return replace(Shown.of(records, live), also=also) if records else None
    repeats: dict[str, tuple[Record, ...]] = {name: (record,) for name, record in records.items()}
    for one_seed in zip(*(several[1:] for several in found.values()), strict=True):
        ended = [record for record in one_seed if record is not None and record.outcome in ("finished", "diverged")]
        if len(ended) == len(runs):
            repeats = {name: (*repeats[name], record) for name, record in zip(repeats, ended, strict=True)}
    shown = Shown(records, repeats, live, also)
    st.session_state[f"{page}/shown"] = shown
    return shown


def _status(page: str, runs: Runs, extras: Mapping[str, RunConfig]) -> None:
    """One line that says what goes on, with the button that changes it; sentences for what went wrong."""
    training = _training(runs, extras)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}-status"):
        st.button(
            "Stop" if training else "Train live",
            key=f"{page}/action",
            icon=":material/stop:" if training else ":material/play_arrow:",
            type="secondary" if training else "primary",
            on_click=_stop if training else train_again,
            args=(page, _in_order(runs, extras if training else {})),  # what was asked for besides comes out the same
            help="Keeps what was measured" if training else "Train all arms again, from the first update",
        )
        st.markdown(status_line(service(), runs, extras), width="stretch")
    for sentence in told_failures(service(), runs, extras):
        st.error(sentence)


def _stop(page: str, configs: Sequence[RunConfig]) -> None:
    for config in configs:
        _stopped_here(page).add(config.key)
        service().stop(config.key)
