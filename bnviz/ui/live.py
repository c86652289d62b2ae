"""The live view: the one part of a page that is drawn again while its runs train."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import streamlit as st

from bnviz.core.config import RunConfig
from bnviz.core.record import Record
from bnviz.ui import url_state
from bnviz.ui.board import Section, board
from bnviz.ui.controls.looks import draw_looks, own_settings
from bnviz.ui.downloads import downloads
from bnviz.ui.history import note_comparison
from bnviz.ui.page import Context, Draw, Page, bind, write
from bnviz.ui.polling import pause, poll
from bnviz.ui.prose import BASELINE, text
from bnviz.ui.run_client import RunClient, run_client
from bnviz.ui.session import session
from bnviz.ui.status import draw_status
from bnviz.ui.verdicts import verdict_box

MOST_SEED = 2**31
"""Seeds are below; the one after the last is 0."""


@dataclass(frozen=True)
class Runs:
    """What a page needs trained: by arm, the run with each seed, the page's own first; and further runs by name and
    arm."""

    arms: Mapping[str, tuple[RunConfig, ...]]
    further: Mapping[str, Mapping[str, Sequence[RunConfig]]] = field(default_factory=dict)

    @property
    def named_further(self) -> dict[str, RunConfig]:
        """Each further run by a name that a person understands."""
        return {
            f"{name.replace('_', ' ')}, {arm}" + (f", {place}" if len(several) > 1 else ""): config
            for name, by_arm in self.further.items()
            for arm, several in by_arm.items()
            for place, config in enumerate(several, 1)
        }

    def in_order(self) -> list[RunConfig]:
        """What is trained first comes first: every arm once, then further runs, then further seeds."""
        first = [several[0] for several in self.arms.values()]
        rounds = zip(*(several[1:] for several in self.arms.values()), strict=True)
        return [*first, *self.named_further.values(), *(config for one_seed in rounds for config in one_seed)]


def seed_configs(config: RunConfig, seeds: int) -> tuple[RunConfig, ...]:
    """The run with its own seed and the seeds after it."""
    return tuple(config.with_changes(seed=(config.seed + more) % MOST_SEED) for more in range(seeds))


def live_view(page: Page, config: RunConfig, arms: Mapping[str, RunConfig]) -> None:
    """Train the arms' runs, or look them up, and show them; drawn again by itself until all have ended."""

    @st.fragment(key=f"{page.name}/live")
    def view() -> None:
        began = monotonic()
        client = run_client(page.name)
        settings = own_settings(page, config)
        context: Context = {"config": config, "arms": arms, **page.constants, **settings}
        runs = Runs(
            {arm: seed_configs(one, settings.get("seeds", 1)) for arm, one in arms.items()},
            {name: bind(further, context)() for name, further in page.also_runs.items()},
        )
        client.ask(runs.in_order())
        jobs = [job for one in runs.in_order() if (job := client.job(one)) is not None and job.live]
        draw_status(page.name, client, runs.arms, runs.named_further, runs.in_order())
        measured = _measured(page, client, runs)
        if measured:
            _draw(page, config, client, runs, measured, live=bool(jobs))
        elif jobs:
            st.info("The first measurements are on their way.", icon=":material/hourglass_top:")
        else:
            st.info(
                "These runs did not measure what this page draws. Press Train live.", icon=":material/visibility_off:"
            )
        if jobs:
            wait = min((client.service.expected_wait(job.key) for job in jobs if job.state == "queued"), default=0.0)
            poll(page.name, pause(jobs, monotonic() - began, wait))

    view()


def _draw(
    page: Page,
    config: RunConfig,
    client: RunClient,
    runs: Runs,
    repeats: Mapping[str, Sequence[Record]],
    live: bool,
) -> None:
    """The board with its controls, and what follows from the runs."""
    records = {arm: several[0] for arm, several in repeats.items()}
    looks = draw_looks(page, config, records)
    url_state.save(page.name, config, page.own_settings, (several[0] for several in runs.arms.values()))
    context: Context = {
        "config": config,
        "arms": runs.arms,
        "records": records,
        "repeats": repeats,
        **page.constants,
        **looks,
        **{name: _ended(client, by_arm) for name, by_arm in runs.further.items()},
    }
    selectable = {name: value for name, value in looks.items() if name in ("layer", "unit")}
    events = {name: partial(url_state.set_value, page.name, name) for name in selectable}
    events |= {
        group.action.setting: partial(_map_at, page.name, group.action.setting) for group in page.groups if group.action
    }
    board(page.name, sections_of(page, context), records, live, events, marks=selectable)
    text(
        BASELINE
        if all(one.config.learning_rate == 0 for one in records.values())
        else write(page.prose.look_for, context)
    )
    for verdict in page.judges:
        own = _of(context, verdict.of)
        if own["repeats"] and (verdict.only_if is None or bind(verdict.only_if, own)()):
            verdict_box(verdict.experiment, own["repeats"], live, verdict.title)
    if live:
        return
    if page.controls:
        downloads(page, records, context)
        if {arm: record.config for arm, record in records.items()} == {arm: one[0] for arm, one in runs.arms.items()}:
            note_comparison(page.name, client, records)


def _map_at(page: str, setting: str, step: int) -> None:
    """Take over the update at the cursor; a further run has at least one, as 0 stands for the last."""
    url_state.set_value(page, setting, max(step, 1))


def sections_of(page: Page, context: Context) -> list[Section]:
    """The page's groups with their texts written, and the calls that draw their charts."""
    sections = []
    for group in page.groups:
        own = _of(context, group.of)
        if group.only_if is not None and not bind(group.only_if, own)():
            continue
        title = group.title.format_map(own) if isinstance(group.title, str) else write(group.title, own)
        charts = {}
        for name, chart in group.charts.items():
            draw = chart if isinstance(chart, Draw) else Draw(chart)
            for arm in own["records"] if draw.each_arm else (None,):
                of_arm = own if arm is None else {**own, "arm": arm}
                if draw.only_if is None or bind(draw.only_if, of_arm)():
                    charts[name if arm is None else f"{name}-{arm}"] = bind(draw.chart, of_arm)
        button = (group.action.label, group.action.setting) if group.action else None
        sections.append(Section(group.name, title, write(group.caption, own), charts, write(group.note, own), button))
    return sections


def _of(context: Context, further: str) -> Context:
    """The same with further runs in place of the page's own, those of the arms that have ended."""
    if not further:
        return context
    repeats = context[further]
    return {**context, "repeats": repeats, "records": {arm: several[0] for arm, several in repeats.items()}}


def _ended(client: RunClient, by_arm: Mapping[str, Sequence[RunConfig]]) -> dict[str, list[Record]]:
    """The records of further runs, of those arms whose runs have all ended."""
    found = {arm: [client.record(config) for config in several] for arm, several in by_arm.items()}
    return {
        arm: [record for record in records if record is not None]
        for arm, records in found.items()
        if records and all(record is not None and record.outcome != "running" for record in records)
    }


def _measured(page: Page, client: RunClient, runs: Runs) -> dict[str, list[Record]]:
    """By arm, what was measured with each seed that all arms have ended; until every arm has something, what was on
    screen before."""

    def usable(config: RunConfig) -> Record | None:
        record = client.record(config)
        has_steps = record is not None and (record.data.sizes.get("probe_step") or record.data.sizes.get("step"))
        return record if record is not None and has_steps and set(page.needs) <= record.data.keys() else None

    found = {arm: [usable(config) for config in several] for arm, several in runs.arms.items()}
    first = {arm: several[0] for arm, several in found.items() if several[0] is not None}
    if len(first) < len(found):
        where, before = session().on_screen
        if where == page.name and len(before) >= len(found):
            return dict(before)
        return {arm: [record] for arm, record in first.items()}
    repeats = {arm: [record] for arm, record in first.items()}
    for one_seed in zip(*(several[1:] for several in found.values()), strict=True):
        ended = [record for record in one_seed if record is not None and record.outcome in ("finished", "diverged")]
        if len(ended) == len(found):
            for arm, record in zip(repeats, ended, strict=True):
                repeats[arm].append(record)
    session().on_screen = page.name, repeats
    return repeats
