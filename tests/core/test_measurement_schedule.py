"""Scheduled steps: both ends always, never more than asked for, and a third of them in each phase."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bnviz.core.measurement_schedule import PHASES, spread_steps


@given(st.integers(0, 1_000_000), st.integers(2, 1000))
@example(1, 2)
@example(2, 2)
@example(600, 2)
@example(600, 3)
@example(0, 2)
def test_spread_steps_are_sorted_and_unique_with_both_ends(last: int, points: int) -> None:
    steps = spread_steps(last, points)
    assert list(steps) == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, last)
    assert len(steps) <= points
    assert all(type(step) is int for step in steps)


@given(st.integers(0, 50), st.integers(0, 50))
def test_spread_steps_are_all_where_there_are_no_more_than_points(last: int, more: int) -> None:
    assert spread_steps(last, max(2, last + 1 + more)) == tuple(range(last + 1))


@given(st.integers(100, 1_000_000), st.integers(24, 500))
def test_spread_steps_give_each_phase_eight_and_space_them_evenly(last: int, points: int) -> None:
    steps = np.array(spread_steps(last, points))
    for start, end in PHASES.values():
        here = steps[(steps >= start * last) & (steps <= end * last)]
        assert len(here) >= min(8, int(end * last) - int(np.ceil(start * last)))
        gaps = np.diff(here)
        assert gaps.max() - gaps.min() <= 2


@pytest.mark.parametrize(("last", "points"), [(400, 27), (400, 40), (600, 60), (1000, 40), (200, 24)])
def test_spread_steps_of_the_presets_have_a_third_in_each_phase(last: int, points: int) -> None:
    steps = np.array(spread_steps(last, points))
    counts = [int(((steps >= start * last) & (steps < end * last)).sum()) for start, end in PHASES.values()]
    assert min(counts) >= points // 3 - 1
    assert max(after - before for before, after in pairwise(steps.tolist())) <= 2 * last / points + 1


@pytest.mark.parametrize(("last", "points"), [(-1, 5), (5, 1), (5, 0)])
def test_impossible_schedules_are_refused(last: int, points: int) -> None:
    with pytest.raises(ValueError, match=f"got last={last}, points={points}"):
        spread_steps(last, points)
