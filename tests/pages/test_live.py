"""The live view, on a page of its own: which runs it asks for, in which order, and what it hands to the picture."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from bnviz.core.config import RunConfig
from bnviz.jobs.job import Job
from bnviz.ui import live, polling

TINY = RunConfig(widths=(6,), steps=12, batch_size=20, test_samples=30, probe_points=4, curve_points=3)
VALUES = TINY.model_copy(
    update={"dataset": "linear_map", "network": "deep_linear", "probes": (), "learning_rate": 1e-3}
)


def page():
    from types import SimpleNamespace

    import streamlit as st

    from bnviz.core.config import RunConfig
    from bnviz.ui.live import live_view
    from bnviz.ui.page import Group, Page, Prose

    state = st.session_state

    def configs(name):
        return {arm: RunConfig.model_validate_json(text) for arm, text in state[name].items()}

    def note(records, repeats, further):
        picture = SimpleNamespace(records=records, repeats=repeats, further=further)
        state["pictures"] = [*state.get("pictures", []), picture]
        return "A caption"

    arms = configs("arms")
    declared = Page(
        name="page",
        question="What is measured?",
        prose=Prose("", look_for="What it amounts to"),
        controls=("seeds",),
        also_runs={"further": lambda: {arm: (config,) for arm, config in configs("further").items()}},
        needs=state["needs"],
        groups=(Group("all", "Everything", {}, note),),
    )
    live_view(declared, next(iter(arms.values())), arms)


@pytest.fixture
def viewed(service, full_gallery, monkeypatch):
    """The page with these arms; every run has a seed of its own test, so that none is known yet."""

    def viewed(base=TINY, seeds=1, further=None, needs=(), norms=("none", "batch")) -> AppTest:
        at = AppTest.from_function(page, default_timeout=60)
        arms = {norm: base.model_copy(update={"norm": norm}) for norm in norms}
        at.session_state["arms"] = {name: config.model_dump_json() for name, config in arms.items()}
        at.session_state["further"] = {name: config.model_dump_json() for name, config in (further or {}).items()}
        at.session_state["page.seeds"] = seeds
        at.session_state["needs"] = needs
        at.run()
        assert not at.exception
        return at

    return viewed


def seeded(seed: int, config: RunConfig = TINY) -> RunConfig:
    return config.model_copy(update={"seed": seed})


def line(at: AppTest) -> str:
    """The status."""
    return next(text.value for text in at.markdown if text.value.startswith("**none**"))


def test_further_seeds_come_after_every_arm_and_what_was_asked_for_besides(viewed, asked, finish):
    plane = seeded(900, TINY.model_copy(update={"steps": 5}))
    at = finish(viewed(seeded(100), seeds=3, further={"plane": plane}))
    assert [(config.norm, config.seed) for config in asked] == [
        ("none", 100),
        ("batch", 100),
        ("none", 900),
        ("none", 101),
        ("batch", 101),
        ("none", 102),
        ("batch", 102),
    ]
    pictures = at.session_state["pictures"]
    last = pictures[-1]
    for arm, several in last.repeats.items():
        assert [record.config.seed for record in several] == [100, 101, 102]
        assert {record.config.norm for record in several} == {arm}
        assert several[0] is last.records[arm]
        assert [record.outcome for record in several] == ["finished"] * 3
    assert last.further["plane"][0].config == plane
    for shown in pictures:
        seeds = {tuple(record.config.seed for record in several) for several in shown.repeats.values()}
        assert len(seeds) == 1, "always pairs"
        further = [record for several in shown.repeats.values() for record in several[1:]]
        ended = [record for several in shown.further.values() for record in several]
        assert all(record.outcome == "finished" for record in (*further, *ended))
    accuracies = [last.repeats["none"][place].final("final_test_accuracy") for place in range(3)]
    assert f"**none** {100 * sum(accuracies) / 3:.0f} % test accuracy after 12 updates, mean of 3 seeds" in line(at)
    assert "plane" not in line(at), "it has ended"


def test_four_arms_with_three_seeds_are_twelve_runs_and_stop_ends_them_all(viewed, asked, finish, service):
    long = TINY.model_copy(update={"steps": 100_000, "probe_points": 2})
    at = viewed(seeded(200, long), seeds=3, norms=("none", "batch", "noisy_batch", "noisy_none"))
    assert len(asked) == len({config.key for config in asked}) == 12
    assert [config.seed for config in asked] == [200] * 4 + [201] * 4 + [202] * 4
    end = time.monotonic() + 60
    while "seed 1 of 3, update" not in line(at):
        assert time.monotonic() < end, line(at)
        time.sleep(0.1)
        at.run()
    assert "**noisy_none** seed 1 of 3 waits for a worker" in line(at)
    at.button(key="page/action").click().run()
    finish(at)
    end = time.monotonic() + 60
    while any(service.find(config.key).live for config in asked):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert {service.find(config.key).state for config in asked} == {"stopped"}
    at.run()
    assert len(asked) == 12, "nothing is trained again by itself"
    at.button(key="page/action").click().run()
    assert len(asked) == 24
    at.button(key="page/action").click().run()
    finish(at)


def test_many_arms_that_end_alike_say_how_only_once(viewed, finish):
    at = finish(viewed(seeded(700), norms=("none", "batch", "noisy_batch", "noisy_none")))
    parts = line(at).split(" · ")
    assert [part.split("**")[1] for part in parts] == ["none", "batch", "noisy_batch", "noisy_none"]
    assert all(part.endswith(" %") for part in parts[:-1])
    assert parts[-1].endswith(" % test accuracy after 12 updates")


def test_runs_that_learn_values_tell_their_test_loss(viewed, finish):
    at = finish(viewed(seeded(400, VALUES)))
    assert line(at).count(" test loss after 12 updates") == 2
    assert at.session_state["pictures"], "curves are something to draw"
    assert "test_accuracy" not in at.session_state["pictures"][-1].records["none"].data


def test_what_the_picture_needs_must_be_measured(viewed, finish):
    at = finish(viewed(seeded(500, VALUES), needs=("percentile",)))
    assert "pictures" not in at.session_state
    assert [info.value for info in at.info] == ["These runs did not measure what this page draws. Press Train live."]


def test_the_seed_after_the_last_is_the_first(viewed, asked, finish):
    finish(viewed(seeded(2**31 - 1), seeds=3, norms=("none",)))
    assert [config.seed for config in asked] == [2**31 - 1, 0, 1]


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """After how many seconds the view was to be drawn again."""
    noted = []

    def note(key, seconds):
        noted.append(seconds)
        polling.poll(key, seconds)

    monkeypatch.setattr(live, "poll", note)
    return noted


def test_live_runs_are_polled_until_they_end(viewed, finish, pauses):
    at = viewed(seeded(800, TINY.model_copy(update={"steps": 3000})), norms=("none",))
    assert pauses[-1] >= polling.POLL_SECONDS
    finish(at)
    looks = len(pauses)
    at.run()
    assert len(pauses) == looks, "nothing trains"


def test_page_rests_in_proportion_to_its_last_look():
    running = Job(TINY)
    running.receive(0, [])
    assert polling.pause([running], took=0.01, wait=0.0) == polling.POLL_SECONDS
    assert polling.pause([running], took=2.0, wait=0.0) == polling.REST * 2.0
    assert polling.pause([Job(TINY)], took=0.01, wait=60.0) == polling.QUEUED_SECONDS
    assert polling.pause([Job(TINY), running], took=0.01, wait=60.0) == polling.POLL_SECONDS


def test_divergence_is_counted_over_seeds(viewed, finish):
    wild = {"learning_rate": 1000.0, "activation": "relu", "weight_decay": 0.1, "steps": 60, "widths": (30, 20)}
    at = finish(viewed(seeded(600, TINY.model_copy(update=wild)), seeds=3, norms=("none",)))
    assert "**none** diverged with 3 of 3 seeds" in line(at)


def test_who_stops_keeps_what_was_measured_and_others_go_on(viewed, finish, service):
    long = TINY.model_copy(update={"steps": 100_000, "probe_points": 2, "curve_points": 500})
    mine = viewed(seeded(300, long))
    others = viewed(seeded(300, long))
    jobs = [service.find(seeded(300, long.model_copy(update={"norm": norm})).key) for norm in ("none", "batch")]
    end = time.monotonic() + 60
    while any(job.step < 1 for job in jobs):
        assert time.monotonic() < end
        time.sleep(0.05)
    mine.button(key="page/action").click().run()
    finish(mine)
    assert line(mine).endswith(", stopped")
    shown = mine.session_state["pictures"][-1]
    assert {record.outcome for record in shown.records.values()} == {"stopped"}
    assert all(record.last_step >= 1 for record in shown.records.values())
    assert all(job.live for job in jobs)
    before = [job.step for job in jobs]
    while any(job.step == step for job, step in zip(jobs, before, strict=True)):
        assert time.monotonic() < end, "they train on"
        time.sleep(0.05)
    others.run()
    assert "update" in line(others)
    others.button(key="page/action").click().run()
    finish(others)
    while any(job.live for job in jobs):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert {job.state for job in jobs} == {"stopped"}


def wait_for_updates(service, config: RunConfig, state: str = "running"):
    """Until the run has made some updates and is in this state."""
    end = time.monotonic() + 60
    while (job := service.find(config.key)) is None or job.step < 1 or job.state != state:
        assert time.monotonic() < end
        time.sleep(0.05)
    return job


def test_run_stopped_before_a_reload_says_that_it_starts_again(viewed, finish, service):
    long = seeded(850, TINY.model_copy(update={"steps": 100_000, "probe_points": 2, "curve_points": 500}))
    arm = long.model_copy(update={"norm": "none"})
    at = viewed(long, norms=("none",))
    assert not [info for info in at.info if "stopped before" in info.value]
    wait_for_updates(service, arm)
    at.button(key="page/action").click().run()
    finish(at)
    assert not [info for info in at.info if "stopped before" in info.value], "who stopped it sees what was measured"
    reached = wait_for_updates(service, arm, "stopped").step
    reloaded = viewed(long, norms=("none",))
    (notice,) = [info.value for info in reloaded.info if "stopped before" in info.value]
    assert notice.startswith(f"These runs were stopped before: none at update {reached}. ")
    assert notice.endswith("They now train again from the start.")
    wait_for_updates(service, arm)
    reloaded.button(key="page/action").click().run()
    finish(reloaded)
    assert not [info for info in reloaded.info if "stopped before" in info.value]


def test_run_left_for_another_setting_says_that_it_starts_again(viewed, finish, service):
    long = seeded(860, TINY.model_copy(update={"steps": 100_000, "probe_points": 2, "curve_points": 500}))
    arm = long.model_copy(update={"norm": "none"})
    at = viewed(long, norms=("none",))
    wait_for_updates(service, arm)
    at.session_state["arms"] = {"none": seeded(861).model_copy(update={"norm": "none"}).model_dump_json()}
    finish(at.run())
    reached = wait_for_updates(service, arm, "stopped").step
    at.session_state["arms"] = {"none": arm.model_dump_json()}
    at.run()
    assert f"none at update {reached}" in "".join(info.value for info in at.info)
    at.button(key="page/action").click().run()
    finish(at)


def test_stop_never_trains_although_the_run_has_just_been_stopped(viewed, asked, finish, service):
    long = seeded(800, TINY.model_copy(update={"steps": 100_000, "probe_points": 2}))
    at = viewed(long, norms=("none",))
    job = service.find(long.model_copy(update={"norm": "none"}).key)
    end = time.monotonic() + 60
    while job.step < 1:
        assert time.monotonic() < end
        time.sleep(0.05)
    service.stop(job.key)
    while job.live:
        assert time.monotonic() < end
        time.sleep(0.05)
    at.button(key="page/action").click().run()
    finish(at)
    assert len(asked) == 1
    assert line(at).endswith(", stopped")


def test_a_full_queue_and_a_store_that_fails_are_told(viewed, service, monkeypatch):
    monkeypatch.setenv("BNVIZ_SESSION_RUNS", "1")
    monkeypatch.setattr(service.store, "problem", "New results are kept in memory only, because of a test.")
    at = viewed(seeded(400))
    assert "runs that wait or train: 1" in at.error[0].value
    assert [warning.value for warning in at.warning] == [service.store.problem]


def test_previous_runs_stay_on_screen_while_an_arm_waits(viewed, finish):
    at = finish(viewed(seeded(820), norms=("none", "batch", "noisy_batch")))
    long = seeded(821, TINY.model_copy(update={"steps": 100_000, "probe_points": 2}))
    arms = {name: long.model_copy(update={"norm": name}).model_dump_json() for name in ("none", "batch", "noisy_batch")}
    at.session_state["arms"] = arms
    end = time.monotonic() + 60
    while line(at.run()).count("update") < 2:
        assert time.monotonic() < end, line(at)
        time.sleep(0.1)
    assert "waits for a worker" in line(at)
    assert {record.config.seed for record in at.session_state["pictures"][-1].records.values()} == {820}
    at.button(key="page/action").click().run()
    finish(at)


def test_advice_stands_below_the_board(viewed, finish):
    at = finish(viewed(seeded(830)))
    assert "What it amounts to" in [one.value for one in at.main if one.type == "markdown"]
