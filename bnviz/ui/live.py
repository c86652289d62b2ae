"""The live view: a comparison's runs are asked for, watched while they train, and shown; then shown at rest.

Three fragments a page: the status, which is looked at again and again while something trains; the picture with its
controls, which is drawn anew when one of them is changed; and around both the whole view, which is drawn anew only if
there is news. What is trained where is the jobs layer's business; what the picture looks like is the page's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import streamlit as st

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.ui import asked, history, links
from bnviz.ui.announcement import announce
from bnviz.ui.clock import clock, seconds_between
from bnviz.ui.notes import notes
from bnviz.ui.shown import Shown
from bnviz.ui.status import Runs, restart_notice, status_line, told_failures
from bnviz.ui.turns import turns
from bnviz.ui.visitor import acts, last_shown, watched
from bnviz.ui.watched import Watched

Picture = Callable[[Shown], None]
"""Draws what is shown."""


def comparison_view(
    page: str,
    configs: Mapping[str, RunConfig],
    picture: Picture,
    below: Picture | None = None,
    needs: Sequence[str] = (),
    also: Callable[[], Mapping[str, RunConfig]] | None = None,
) -> None:
    """Show the arms' runs: from the gallery or as kept if they are known, else trained now, live.

    Where the page has a setting `seeds`, each arm is trained with that many seeds, from the configuration's own on.

    Args:
        page: names the page; one such view a page.
        configs: by arm.
        picture: draws what there is, with the controls that decide what of it is looked at.
        below: draws what follows from the runs, whatever is looked at.
        needs: variables that a record must have to be drawn.
        also: which runs are wanted besides, one seed each, by name; asked whenever the view is drawn. As a click in the
            picture can change the answer, all of the view is drawn anew then.
    """
    seeds = st.session_state.get(links.setting_key(page, "seeds"), 1)
    besides: Callable[[], Mapping[str, RunConfig]] = also or dict
    runs = {name: asked.repeated(config, seeds) for name, config in configs.items()}

    @st.fragment(key=f"{page}/live")
    @turns.unhurried()
    @turns.in_turn()
    def view() -> None:
        extras, seen = besides(), watched(page)
        asked.want(page, seen, runs, extras)
        # What is drawn as going on is looked at again, even if it ends before it is drawn.
        notes(page)["states"] = asked.states(seen, runs, extras)
        status()
        clock(f"{page}/view")
        shown = _shown(page, seen, runs, extras, needs)
        if shown is not None:
            if also is None:
                pictured()
            else:
                _draw(page, picture, shown)
            if below is not None:
                _draw(page, below, shown)
            _note(page, seen, configs, shown)
        elif asked.training(seen, runs, extras):
            st.info("The first measurements are on their way.", icon=":material/hourglass_top:")
        else:
            st.info("Nothing that this page draws was measured.", icon=":material/visibility_off:")

    @st.fragment(key=f"{page}/pictured")
    def pictured() -> None:
        seen, before = watched(page), None
        if turns.in_a_hurry:  # it was asked for by itself, by a click
            acts()
            if asked.training(seen, runs, {}):  # what has been measured since comes with the next look
                before = last_shown().get(seen.watcher, page)
        shown = replace(before, live=True) if before else _shown(page, seen, runs, {}, needs)
        if shown is not None:
            _draw(page, picture, shown)

    @st.fragment(key=f"{page}/status")
    @turns.unhurried()
    @turns.in_turn()
    def status() -> None:
        extras, seen = besides(), watched(page)
        states = asked.states(seen, runs, extras)
        stays = _stays(page, seen, runs)
        news = states != notes(page)["states"] and not stays
        going = {state for state, _ in states.values()} & {"queued", "running"}
        _status(page, seen, runs, extras, training=bool(going))
        seconds = 0.0 if news else None
        if going and not news:  # what has ended meanwhile is news then
            jobs = asked.jobs(seen, runs, extras)
            wait = min((seen.service.expected_wait(job.key) for job in jobs if job.state == "queued"), default=0.0)
            seconds = seconds_between(jobs, 1, wait) or 0.0
        clock(f"{page}/status", seconds, f"{page}/view" if news or ("running" in going and not stays) else None)

    view()


def _draw(page: str, picture: Picture, shown: Shown) -> None:
    links.restore(page)
    with turns.in_turn():
        picture(shown)


def _stays(page: str, seen: Watched, runs: Runs) -> bool:
    """Whether what is on screen is of other settings, and stays there because an arm still waits."""
    jobs = [seen.job(several[0]) for several in runs.values()]
    before = last_shown().get(seen.watcher, page)
    return any(job is not None and job.state == "queued" for job in jobs) and _whole(before, runs)


def _whole(shown: Shown | None, runs: Runs) -> bool:
    """Whether every arm is in it."""
    return shown is not None and len(shown.records) >= len(runs)


def _note(page: str, seen: Watched, configs: Mapping[str, RunConfig], shown: Shown) -> None:
    """Put what has ended into this browser's list of runs.

    Not what a page opens with and was only looked at, nor what is left on screen from other settings.
    """
    tried = notes(page).get("tried") or notes(page).get("query")
    if tried and not shown.live and {arm: record.config for arm, record in shown.records.items()} == dict(configs):
        jobs = {arm: seen.job(config) for arm, config in configs.items()}
        seconds = {arm: job.seconds for arm, job in jobs.items() if job is not None and job.seconds is not None}
        history.note(page, shown.records, seconds)


def _shown(page: str, seen: Watched, runs: Runs, extras: Mapping[str, RunConfig], needs: Sequence[str]) -> Shown | None:
    """What to show: each arm's record so far; until every arm has one, what was shown before."""

    def usable(config: RunConfig) -> Record | None:
        record = seen.record(config)
        measured = record is not None and (record.data.sizes.get("probe_step") or record.data.sizes.get("step"))
        return record if record is not None and measured and set(needs) <= record.data.keys() else None

    found = {name: [usable(config) for config in several] for name, several in runs.items()}
    records = {name: several[0] for name, several in found.items() if several[0] is not None}
    besides = {name: seen.record(config) for name, config in extras.items()}
    also = {name: record for name, record in besides.items() if record is not None and record.outcome != "running"}
    live = asked.training(seen, runs, extras)
    if len(records) < len(runs):
        before = last_shown().get(seen.watcher, page)
        if records and not _whole(before, runs):
            before = Shown.of(records, live)
            last_shown().keep(seen.watcher, page, before)
        return replace(before, live=live, also=also) if before is not None else None
    repeats: dict[str, tuple[Record, ...]] = {name: (record,) for name, record in records.items()}
    for one_seed in zip(*(several[1:] for several in found.values()), strict=True):
        ended = [record for record in one_seed if record is not None and record.outcome in ("finished", "diverged")]
        if len(ended) == len(runs):
            repeats = {name: (*repeats[name], record) for name, record in zip(repeats, ended, strict=True)}
    shown = Shown(records, repeats, live, also)
    last_shown().keep(seen.watcher, page, shown)
    return shown


def _status(page: str, seen: Watched, runs: Runs, extras: Mapping[str, RunConfig], training: bool) -> None:
    """One line that says what goes on, with the button that changes it; sentences for what went wrong."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}-status"):
        st.button(
            "Stop" if training else "Train live",
            key=f"{page}/action",
            icon=":material/stop:" if training else ":material/play_arrow:",
            type="secondary" if training else "primary",
            on_click=asked.stop if training else asked.train_again,
            # Trained again are the arms only: what was asked for besides comes out the same.
            args=(page, asked.in_order(runs, extras if training else {})),
            help="Keeps what was measured" if training else "Train all arms again, from the first update",
        )
        line = status_line(seen, runs, extras)
        st.markdown(line, width="stretch")
    # While runs go on, the line changes several times a second; only that they begin and how they end is spoken.
    announce(f"{page}/status", "Training." if training else line.replace("**", ""))
    notice = restart_notice(seen, runs, asked.restarted(page))
    if notice:
        st.info(notice, icon=":material/restart_alt:")
    for sentence in told_failures(seen, runs, extras):
        st.error(sentence)
    if seen.service.store.problem:
        st.warning(seen.service.store.problem, icon=":material/cloud_off:")
