"""Rules, intervals and findings: against scipy's t-test, a worked example, and what must hold of any numbers."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from bnviz.experiments import FEWEST_SEEDS, Claim, Rule, interval, judge
from bnviz.experiments._statistics import middle_value

numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=2, max_size=9).filter(lambda values: np.std(values) > 1e-3)
bounds = st.floats(0, 1e3).map(lambda value: round(value, 6))
KINDS = ("above", "below", "within")


def claim(rule: Rule, ratio: bool = False) -> Claim:
    return Claim("named", "It is so.", "us", "a number", lambda runs: runs["value"], rule, ratio)


def found(values: Sequence[float], rule: Rule, ratio: bool = False):
    return judge(
        "none", claim(rule, ratio), {seed: {"value": one} for seed, one in enumerate(values)}, dataset="digits"
    )


def test_interval_of_a_worked_example() -> None:
    # mean 3, standard deviation sqrt(2.5), t(0.975; 4 degrees of freedom) = 2.776445
    mean, low, high = interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert mean == 3
    assert (low, high) == pytest.approx((3 - 2.776445 * math.sqrt(0.5), 3 + 2.776445 * math.sqrt(0.5)), rel=1e-6)


@given(samples)
def test_interval_is_scipys(values: list[float]) -> None:
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert interval(np.array(values))[1:] == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-9)


@given(samples, numbers, st.sampled_from(["above", "below"]))
def test_one_sided_rules_agree_with_the_t_test(values: list[float], bound: float, kind: str) -> None:
    """The bound is outside the 95 % interval if and only if the two-sided t-test rejects it at 5 %."""
    p = stats.ttest_1samp(values, bound).pvalue
    assume(abs(p - 0.05) > 1e-9)
    side = "above" if np.mean(values) > bound else "below"
    expected = "inconclusive" if p > 0.05 else "supported" if side == kind else "contradicted"
    assert found(values, Rule(kind, bound)).verdict == expected


@pytest.mark.parametrize(
    ("low", "high", "above", "below", "within"),
    [
        (1.5, 2.0, "supported", "contradicted", "contradicted"),
        (-2.0, -1.5, "contradicted", "supported", "contradicted"),
        (-0.5, 0.5, "contradicted", "supported", "supported"),
        (0.5, 1.5, "inconclusive", "inconclusive", "inconclusive"),
        (-1.5, 0.5, "contradicted", "supported", "inconclusive"),
        (-1.5, 1.5, "inconclusive", "inconclusive", "inconclusive"),
        (1.0, 1.0, "inconclusive", "inconclusive", "inconclusive"),
        (math.nan, 2.0, "inconclusive", "inconclusive", "inconclusive"),
        (1.5, math.inf, "inconclusive", "inconclusive", "inconclusive"),
    ],
)
def test_rules_with_bound_1(low: float, high: float, above: str, below: str, within: str) -> None:
    assert [Rule(kind, 1.0).judge(low, high) for kind in KINDS] == [above, below, within]


@given(numbers, bounds, bounds, bounds)
def test_a_laxer_bound_never_takes_support_away(low: float, width: float, bound: float, more: float) -> None:
    high = low + width
    for kind, laxer in (("above", bound - more), ("below", bound + more), ("within", bound + more)):
        before, after = Rule(kind, bound).judge(low, high), Rule(kind, laxer).judge(low, high)
        assert after == "supported" or before != "supported"
        assert before == "contradicted" or after != "contradicted"


@given(numbers, bounds, bounds)
def test_what_supports_one_side_contradicts_the_other(low: float, width: float, bound: float) -> None:
    above, below = (Rule(kind, bound).judge(low, low + width) for kind in ("above", "below"))
    assert (above == "supported") == (below == "contradicted")
    assert (above == "contradicted") == (below == "supported")


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", KINDS)
def test_one_undefined_value_makes_it_inconclusive(kind: str, lost: float) -> None:
    finding = found([0.5, 0.5, 0.6, lost, 0.4], Rule(kind, 1.0))
    assert finding.verdict == "inconclusive"
    assert math.isnan(finding.low)
    assert math.isnan(finding.high)
    assert finding.values[3] is not None
    assert len(finding.values) == 5


def test_one_seed_has_no_interval() -> None:
    finding = found([3.0], Rule("above"))
    assert (finding.mean, finding.verdict, finding.provisional) == (3.0, "inconclusive", True)
    assert math.isnan(finding.low)


def test_seeds_that_agree_exactly_are_a_point() -> None:
    finding = found([1.0] * FEWEST_SEEDS, Rule("above", 0.5))
    assert (finding.low, finding.high, finding.verdict) == (1.0, 1.0, "supported")
    assert not finding.provisional
    assert found([1.0] * (FEWEST_SEEDS - 1), Rule("above", 0.5)).provisional


def test_ratios_are_judged_as_logarithms_and_shown_as_ratios() -> None:
    logs = [math.log(2), math.log(8), math.log(4)]
    finding, plain = (found(logs, Rule("within", math.log(1.5)), ratio) for ratio in (True, False))
    assert finding.values == pytest.approx((2, 8, 4))
    assert finding.mean == pytest.approx(4)
    assert (finding.low, finding.high) == pytest.approx((math.exp(plain.low), math.exp(plain.high)))
    assert finding.bound == pytest.approx(1.5)
    assert finding.verdict == plain.verdict == "inconclusive"


@given(st.lists(st.floats(-1e3, 1e3) | st.just(math.nan), min_size=1))
def test_the_middle_value_is_numpys_median_of_what_is_not_missing(values: list[float]) -> None:
    seen = [value for value in values if not math.isnan(value)]
    assert middle_value(values) == (np.nanmedian(values) if seen else pytest.approx(math.nan, nan_ok=True))
