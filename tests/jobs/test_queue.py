"""The queue: in order for one visitor, fair between visitors, bounded; and its estimate of the wait."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnviz import RunConfig
from bnviz.jobs.cluster import JobsError
from bnviz.jobs.job import Job
from bnviz.jobs.queue import Queue, expected_seconds
from bnviz.settings import SettingError


def filled(owners: str) -> tuple[Queue, dict[Job, str]]:
    queue, named = Queue(), {}
    for number, owner in enumerate(owners):
        job = Job(RunConfig(seed=number))
        named[job] = f"{owner}{number}"
        queue.add(job, owner, 0)
    return queue, named


def order(owners: str, training: dict[str, int] | None = None) -> list[str]:
    queue, named = filled(owners)
    return [named[job] for job in queue.in_turn(training or {})]


def test_one_visitor_is_served_in_order() -> None:
    assert order("aaa") == ["a0", "a1", "a2"]


def test_who_asks_for_much_does_not_hold_up_who_asks_for_little() -> None:
    assert order("aaaab") == ["a0", "b4", "a1", "a2", "a3"]
    assert order("aabbc") == ["a0", "b2", "c4", "a1", "b3"]


def test_what_a_visitor_has_training_counts() -> None:
    assert order("aab", {"a": 2}) == ["b2", "a0", "a1"]


def test_who_was_served_longest_ago_comes_first() -> None:
    queue, named = filled("abab")
    first = queue.take(1, {})
    assert [named[job] for _, job in first] == ["a0"]
    assert [named[job] for job in queue.in_turn({})] == ["b1", "a2", "b3"]
    assert len(queue) == 3


@given(st.text("abcd", min_size=1, max_size=30), st.integers(1, 4))
def test_nobody_waits_while_another_gets_two_more(owners: str, at_once: int) -> None:
    """Taken one by one, each visitor who still waits has had at most one turn less than any other."""
    queue, _ = filled(owners)
    had: Counter[str] = Counter()
    while len(queue):
        waiting = {owner for owner, _ in queue._waiting}
        (owner, _), *_ = queue.take(1, had)
        had[owner] += 1
        assert had[owner] <= 1 + min(had[other] for other in waiting)


@given(st.text("abc", max_size=20), st.integers(0, 25))
def test_taking_gives_what_the_order_announced(owners: str, count: int) -> None:
    queue, _ = filled(owners)
    announced = queue.in_turn({})
    taken = [job for _, job in queue.take(count, {})]
    assert taken == announced[:count]
    assert len(queue) == len(announced) - len(taken)


def test_a_job_that_was_lost_comes_first_again() -> None:
    queue, named = filled("aa")
    (owner, job), *_ = queue.take(1, {})
    queue.put_back(job, owner)
    assert [named[one] for one in queue.in_turn({})] == ["a0", "a1"]


def test_limits_are_told_in_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_SESSION_RUNS", "3")
    monkeypatch.setenv("BNVIZ_QUEUE", "2")
    queue, _ = filled("ab")
    with pytest.raises(JobsError, match=r"^As many runs of yours \(3\) wait or train .*\.$"):
        queue.add(Job(RunConfig()), "c", 3)
    with pytest.raises(JobsError, match=r"^As many runs \(2\) wait here .*\.$"):
        queue.add(Job(RunConfig()), "c", 0)
    assert len(queue) == 2
    monkeypatch.setenv("BNVIZ_QUEUE", "many")
    with pytest.raises(SettingError, match="BNVIZ_QUEUE is 'many'; it must be a whole number"):
        queue.add(Job(RunConfig()), "c", 0)


def test_the_wait_is_what_is_left_shared_by_the_workers() -> None:
    half, whole = Job(RunConfig(steps=100)), Job(RunConfig(steps=100, seed=1))
    half.step = 50
    one = half.config.estimated_seconds
    assert expected_seconds([], [], 2, 1.0) == 0
    assert expected_seconds([whole], [half], 1, 1.0) == pytest.approx(1.5 * one)
    assert expected_seconds([whole], [half], 3, 2.0) == pytest.approx(one)
