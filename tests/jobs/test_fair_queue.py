"""The queue: in order for one visitor, fair between visitors, bounded; and its estimate of the wait."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnviz import RunConfig
from bnviz.core.environment import EnvironmentVariableError
from bnviz.jobs.errors import JobsError
from bnviz.jobs.fair_queue import TURN_RUNS, FairQueue, expected_seconds
from bnviz.jobs.job import Job


def filled(owners: str) -> tuple[FairQueue, dict[Job, str]]:
    queue, named = FairQueue(), {}
    for number, owner in enumerate(owners):
        job = Job(RunConfig(seed=number))
        named[job] = f"{owner}{number}"
        queue.add(job, owner, 0)
    return queue, named


def order(owners: str, training: dict[str, int] | None = None) -> list[str]:
    queue, named = filled(owners)
    return [named[job] for job in queue.in_turn(training or {})]


def test_queue_serves_one_visitor_in_order() -> None:
    assert order("aaa") == ["a0", "a1", "a2"]


def test_turn_takes_all_arms_of_a_comparison() -> None:
    assert order("abab") == ["a0", "a2", "b1", "b3"]
    assert order("abcabcabc") == ["a0", "a3", "a6", "b1", "b4", "b7", "c2", "c5", "c8"]


def test_visitor_with_many_runs_does_not_delay_others() -> None:
    assert order("aaaaaaab") == ["a0", "a1", "a2", "b7", "a3", "a4", "a5", "a6"]
    assert order("aaaabbbbc") == ["a0", "a1", "a2", "b4", "b5", "b6", "c8", "a3", "b7"]


def test_training_runs_count_for_the_next_turn() -> None:
    assert order("aab", {"a": 3}) == ["b2", "a0", "a1"]
    assert order("aab", {"a": 2}) == ["a0", "b2", "a1"]


def test_visitor_served_longest_ago_comes_first() -> None:
    queue, named = filled("aaaabb")
    assert [named[job] for _, job in queue.take(3, {})] == ["a0", "a1", "a2"]
    assert [named[job] for job in queue.in_turn({})] == ["b4", "b5", "a3"]
    assert len(queue) == 3


def test_turn_continues_after_its_first_run_ended() -> None:
    queue, named = filled("aabb")
    assert [named[job] for _, job in queue.take(1, {})] == ["a0"]
    assert [named[job] for job in queue.in_turn({})] == ["a1", "b2", "b3"]


def test_turn_ends_when_none_of_its_runs_wait() -> None:
    queue, named = filled("aab")
    queue.take(2, {})
    late = Job(RunConfig(seed=7))
    queue.add(late, "a", 0)
    assert [named.get(job, "late") for job in queue.in_turn({})] == ["b2", "late"]


@given(st.text("abcd", min_size=1, max_size=30), st.lists(st.integers(1, 4), min_size=30, max_size=30))
def test_visitor_gets_no_two_turns_while_another_waits(owners: str, counts: list[int]) -> None:
    """However many are taken at once, each visitor who still waits has had at most one turn less than any other."""
    queue, _ = filled(owners)
    had: Counter[str] = Counter()
    for count in counts:
        for owner, _ in queue.take(count, had):
            had[owner] += 1
        waiting = {owner for owner, _ in queue._waiting}
        assert all(had[owner] <= TURN_RUNS + had[other] for owner in had for other in waiting)


@given(st.text("abcd", max_size=30))
def test_order_is_the_same_one_by_one_or_at_once(owners: str) -> None:
    queue, named = filled(owners)
    announced, had, taken = [named[job] for job in queue.in_turn({})], Counter[str](), []
    while len(queue):
        [(owner, job)] = queue.take(1, had)
        had[owner] += 1
        taken.append(named[job])
    assert taken == announced


@given(st.text("abc", max_size=20), st.integers(0, 25))
def test_take_follows_announced_order(owners: str, count: int) -> None:
    queue, _ = filled(owners)
    announced = queue.in_turn({})
    taken = [job for _, job in queue.take(count, {})]
    assert taken == announced[:count]
    assert len(queue) == len(announced) - len(taken)


def test_lost_job_comes_first() -> None:
    queue, named = filled("aa")
    (owner, job), *_ = queue.take(1, {})
    queue.put_back(job, owner)
    assert [named[one] for one in queue.in_turn({})] == ["a0", "a1"]


def test_limits_are_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNVIZ_SESSION_RUNS", "3")
    monkeypatch.setenv("BNVIZ_QUEUE", "2")
    queue, _ = filled("ab")
    with pytest.raises(JobsError, match=r"^You have reached the limit .*train: 3\)\. .*\.$"):
        queue.add(Job(RunConfig()), "c", 3)
    with pytest.raises(JobsError, match=r"^The queue of this server is full .*wait: 2\)\. .*\.$"):
        queue.add(Job(RunConfig()), "c", 0)
    assert len(queue) == 2
    monkeypatch.setenv("BNVIZ_QUEUE", "many")
    with pytest.raises(EnvironmentVariableError, match="BNVIZ_QUEUE is 'many'; it must be a whole number"):
        queue.add(Job(RunConfig()), "c", 0)


def test_expected_wait_divides_remaining_work_by_workers() -> None:
    half, whole = Job(RunConfig(steps=100)), Job(RunConfig(steps=100, seed=1))
    half.step = 50
    one = half.config.estimated_seconds
    assert expected_seconds([], [], 2, 1.0) == 0
    assert expected_seconds([whole], [half], 1, 1.0) == pytest.approx(1.5 * one)
    assert expected_seconds([whole], [half], 3, 2.0) == pytest.approx(one)
