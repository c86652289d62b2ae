"""Medians over time: against numpy's where steps are even, and a record whose truth is known in every phase."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnviz.analysis.phases import FEWEST_STEPS, PARTS, START, WHOLE, median_in, updates_nearest, weighted_median
from bnviz.core.measurement_schedule import spread_steps

UPDATES = 400
TRUTH = {"start": 5.0, "middle": 2.0, "last half": 0.5, "whole run": 1.25}
"""Of a quantity that is 5 for a tenth of the run, 2 up to its half and 0.5 from then on: the whole run's median lies
midway between the two values that share its time."""


def truth(steps: np.ndarray) -> np.ndarray:
    return np.select([steps <= 0.1 * UPDATES, steps <= 0.5 * UPDATES], [TRUTH["start"], TRUTH["middle"]], 0.5)


def crowded(points: int) -> np.ndarray:
    """As steps were spaced once: half evenly, half log-spaced."""
    even, logarithmic = np.linspace(0, UPDATES, points // 2), np.geomspace(1, UPDATES, points // 2)
    return np.unique(np.round([*even, *logarithmic]).astype(int))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0.1, 10))
def test_weighted_median_with_equal_weights_is_numpys(values: list[float], weight: float) -> None:
    expected = float(np.median(values))
    assert weighted_median(np.array(values), np.full(len(values), weight)) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.floats(-100, 100), st.integers(1, 5)), min_size=1, max_size=12))
def test_weighted_median_is_the_median_of_repeated_values(pairs: list[tuple[float, int]]) -> None:
    values, weights = map(np.array, zip(*pairs, strict=True))
    assert weighted_median(values, weights.astype(float)) == pytest.approx(np.median(np.repeat(values, weights)))


@given(st.sets(st.integers(0, 300), min_size=1, max_size=30))
def test_updates_nearest_adds_up_to_the_phase(steps: set[int]) -> None:
    measured = np.array(sorted(steps), float)
    weights = updates_nearest(measured, 0, 300)
    assert weights.sum() == pytest.approx(300)
    assert (weights >= 0).all()
    fine = np.linspace(0, 300, 60_001)
    nearest = np.abs(fine[:, None] - measured).argmin(axis=1)
    np.testing.assert_allclose(np.bincount(nearest, minlength=len(measured)) / 60_001 * 300, weights, atol=0.1)


@pytest.mark.parametrize("phase", PARTS, ids=lambda phase: phase.name)
@pytest.mark.parametrize("points", [24, 40, 401])
def test_median_of_each_phase_is_the_known_truth(phase, points: int) -> None:
    steps = np.array(spread_steps(UPDATES, points))
    assert median_in(phase, steps, truth(steps), UPDATES) == TRUTH[phase.name]


@pytest.mark.parametrize("sign", [1, -1])
def test_median_does_not_depend_on_step_spacing(sign: int) -> None:
    """Of a quantity that rises evenly it is the run's middle, to half of the gap between two measured steps."""
    for steps in (crowded(40), np.array(spread_steps(UPDATES, 24)), np.arange(UPDATES + 1)):
        found = sign * median_in(WHOLE, steps, sign * steps.astype(float), UPDATES)
        assert found == pytest.approx(UPDATES / 2, abs=np.diff(steps).max() / 2 + 1)
    plain = float(np.median(crowded(40)))
    assert plain < 100, "what a plain median over crowded steps says of the same run"


def test_median_of_unfinished_phase_is_undefined() -> None:
    steps = np.array(spread_steps(UPDATES, 40))
    until = steps[steps <= 230]
    found = {phase.name: median_in(phase, until, truth(until), UPDATES) for phase in (WHOLE, *PARTS)}
    assert found["start"] == 5
    assert found["middle"] == 2
    assert math.isnan(found["last half"])
    assert math.isnan(found["whole run"])


def test_median_of_too_few_steps_is_undefined() -> None:
    few = np.linspace(0, 40, FEWEST_STEPS - 1).astype(int)
    enough = np.linspace(0, 40, FEWEST_STEPS).astype(int)
    assert math.isnan(median_in(START, few, few + 1.0, UPDATES))
    assert median_in(START, enough, enough + 1.0, UPDATES) == pytest.approx(21, abs=40 / (FEWEST_STEPS - 1) / 2)


def test_median_of_short_run_needs_only_its_updates() -> None:
    steps = np.arange(21)
    assert median_in(START, steps, steps.astype(float), 20) == 1.0


def test_median_ignores_missing_values() -> None:
    steps = np.array(spread_steps(UPDATES, 60))
    values = truth(steps)
    values[::4] = np.nan
    for phase in PARTS:
        assert median_in(phase, steps, values, UPDATES) == TRUTH[phase.name]
    assert math.isnan(median_in(START, steps, np.full(len(steps), np.nan), UPDATES))
