"""Intervals and p-values against scipy's own tests, and against each other."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from bnviz.analysis.statistics import FEWEST_SEEDS, holm_significant, p_value, ranks, student

numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=2, max_size=20).filter(lambda values: np.std(values) > 1e-3)


def test_student_matches_worked_example() -> None:
    # mean 3, standard deviation sqrt(2.5), t(0.975; 4 degrees of freedom) = 2.776445
    mean, low, high = student(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert mean == 3
    assert (low, high) == pytest.approx((3 - 2.776445 * math.sqrt(0.5), 3 + 2.776445 * math.sqrt(0.5)), rel=1e-6)


@given(samples)
def test_student_matches_scipy(values: list[float]) -> None:
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert student(np.array(values))[1:] == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-9)


def test_student_works_along_the_first_axis() -> None:
    rows = np.random.default_rng(1).normal(size=(7, 4))
    table = np.array(student(rows))
    for place, column in enumerate(rows.T):
        np.testing.assert_allclose(table[:, place], student(column))


def test_student_needs_several_finite_seeds() -> None:
    assert student(np.array([3.0]))[0] == 3.0
    assert np.isnan(student(np.array([3.0]))[1:]).all()
    assert np.isnan(student(np.array([3.0, np.inf, 1.0]))[1:]).all()


@pytest.mark.parametrize(("seeds", "first"), [(6, 0), (10, 1), (12, 2), (20, 5)])
def test_ranks_are_order_statistics(seeds: int, first: int) -> None:
    """The outermost values but as many at either end as a fair coin is above or below with at most 2.5 %."""
    assert stats.binom.cdf(first, seeds, 0.5) <= 0.025 < stats.binom.cdf(first + 1, seeds, 0.5)
    values = np.random.default_rng(seeds).permutation(seeds) ** 3.0
    assert ranks(values) == (np.sort(values)[first], np.sort(values)[-1 - first])


def test_ranks_need_six_seeds() -> None:
    assert FEWEST_SEEDS == 6
    assert np.isnan(ranks(np.arange(5.0))).all()
    assert 2 * 0.5**5 > 0.05 >= 2 * 0.5**6


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_ranks_and_p_value_need_finite_values(lost: float) -> None:
    values = np.array([*np.arange(9.0), lost])
    assert np.isnan(ranks(values)).all()
    assert math.isnan(p_value(values, 0.0))


@given(st.lists(numbers, min_size=6, max_size=20, unique=True), numbers)
def test_p_value_agrees_with_both_intervals(values: list[float], bound: float) -> None:
    own = np.array(values)
    assume(np.std(own) > 1e-3)
    _, low, high = student(own)
    rank_low, rank_high = ranks(own)
    p = p_value(own, bound)
    assume(abs(p - 0.05) > 1e-6)
    outside = not low <= bound <= high and not rank_low <= bound <= rank_high
    assert (p < 0.05) == outside


def test_p_value_is_the_larger_of_two_tests() -> None:
    values = np.array([0.1, 0.4, 0.3, 0.2, 0.6, 0.5, 0.1, 9.0])
    by_mean = stats.ttest_1samp(values, 0).pvalue
    by_sign = stats.binomtest(0, len(values)).pvalue
    assert p_value(values, 0.0) == pytest.approx(max(by_mean, by_sign))
    assert p_value(values - 0.35, 0.0) > 0.05
    assert p_value(np.ones(8), 1.0) == 1.0
    assert p_value(np.ones(8), 0.0) == pytest.approx(2 / 2**8)


@given(st.dictionaries(st.integers(), st.floats(0, 1), max_size=30))
def test_holm_is_the_textbook_step_down(p_values: dict[int, float]) -> None:
    """Holm 1979: reject while the k-th smallest p is at most 0.05 / (m - k + 1)."""
    stand = holm_significant(p_values)
    ordered = sorted(p_values.values())
    rejected = 0
    while rejected < len(ordered) and ordered[rejected] <= (1 - 0.95) / (len(ordered) - rejected):
        rejected += 1
    assert len(stand) == rejected
    assert all(p_values[name] <= ordered[rejected - 1] for name in stand)


def test_holm_counts_undefined_p_values_as_tests() -> None:
    assert holm_significant({"a": 0.02, "b": math.nan, "c": math.nan}) == set()
    assert holm_significant({"a": 0.02}) == {"a"}
    assert holm_significant({}) == set()
