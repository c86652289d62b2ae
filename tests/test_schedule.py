"""Scheduled steps: both ends always, never more than asked for."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bnviz.schedule import spread_steps


@given(st.integers(0, 1_000_000), st.integers(2, 1000))
@example(1, 2)
@example(2, 2)
@example(600, 2)
@example(600, 3)
@example(0, 2)
def test_sorted_unique_in_range_with_both_ends(last: int, points: int) -> None:
    steps = spread_steps(last, points)
    assert list(steps) == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, last)
    assert len(steps) <= points
    assert all(type(step) is int for step in steps)


@given(st.integers(0, 50), st.integers(0, 50))
def test_all_steps_where_there_are_no_more_than_points(last: int, more: int) -> None:
    assert spread_steps(last, max(2, last + 1 + more)) == tuple(range(last + 1))


@given(st.integers(10, 1_000_000), st.integers(4, 1000))
def test_neither_the_beginning_nor_the_rest_is_left_out(last: int, points: int) -> None:
    steps = spread_steps(last, points)
    assert steps[1] == 1
    assert max(after - before for before, after in pairwise(steps)) <= last / (points // 2 - 1) + 1


@pytest.mark.parametrize(("last", "points"), [(-1, 5), (5, 1), (5, 0)])
def test_impossible_schedules_are_refused(last: int, points: int) -> None:
    with pytest.raises(ValueError, match=f"got last={last}, points={points}"):
        spread_steps(last, points)
