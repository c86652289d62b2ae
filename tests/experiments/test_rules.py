"""Rules and findings: what two intervals say together, phase by phase, and what becomes of a claim."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from bnviz import Record, RunConfig
from bnviz.analysis.phases import LAST_HALF, PARTS
from bnviz.core.measurement_schedule import spread_steps
from bnviz.experiments import FEWEST_SEEDS, Claim, ClaimResult, Condition, Rule, judge, significant_verdicts
from bnviz.experiments._judging import common_verdict
from bnviz.experiments._over_time import difference_over_time, log_ratio_over_time, single_arm_over_time
from bnviz.experiments._statistics import median_value
from tests.made_findings import judged, made

numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=FEWEST_SEEDS, max_size=12).filter(lambda values: np.std(values) > 1e-3)
bounds = st.floats(0, 1e3).map(lambda value: round(value, 6))
KINDS = ("above", "below", "within")
CONFIG = RunConfig(steps=400, probe_points=40)
STEPS = np.array(spread_steps(CONFIG.steps, CONFIG.probe_points))
SHAPES = {"start": 4.0, "middle": 1.0, "last half": 0.25}
"""A quantity's value in each phase; the whole run's median lies between those of middle and last half."""


def record(values: Sequence[float] | np.ndarray, outcome: str = "finished", accuracy: float = 0.95) -> Record:
    """A run in which one quantity was measured at all of STEPS that it reached."""
    measured = np.asarray(values, float)
    data = xr.Dataset(
        {"quantity": ("probe_step", measured), "final_test_accuracy": ("step", [accuracy])},
        {"probe_step": STEPS[: len(measured)], "step": [int(STEPS[len(measured) - 1])]},
    )
    return Record(CONFIG, data, outcome)


def by_phase(shapes: dict[str, float]) -> np.ndarray:
    inside = [phase.end * CONFIG.steps >= STEPS for phase in PARTS]
    return np.select(inside, [shapes[phase.name] for phase in PARTS])


def quantity(run: Record) -> xr.DataArray:
    return run.data["quantity"]


def claim(*conditions: Condition, **changes) -> Claim:
    return Claim("named", "It is so.", "us", conditions, **changes)


def found(values: Sequence[float], rule: Rule, ratio: bool = False) -> ClaimResult:
    numbers = dict(enumerate(values))
    own = claim(Condition("a number", lambda runs: numbers[runs["arm"].config.seed], rule, ratio))
    arms = {
        seed: replace(record([1.0] * len(STEPS)), config=CONFIG.model_copy(update={"seed": seed})) for seed in numbers
    }
    return judge("none", own, {seed: {"arm": run} for seed, run in arms.items()}, dataset="digits")


@given(samples, numbers, st.sampled_from(["above", "below"]))
def test_one_sided_verdict_needs_the_t_test_and_the_sign_test(values: list[float], bound: float, kind: str) -> None:
    """Both must reject the bound at 5 %, on the same side; else the verdict is open."""
    by_mean = stats.ttest_1samp(values, bound).pvalue
    above, below = sum(value > bound for value in values), sum(value < bound for value in values)
    assume(abs(by_mean - 0.05) > 1e-9 and above + below == len(values))
    by_sign = stats.binomtest(above, len(values)).pvalue
    sides = {"above" if np.mean(values) > bound else "below", "above" if above > below else "below"}
    expected = "inconclusive"
    if by_mean < 0.05 and by_sign < 0.05 and len(sides) == 1:
        expected = "supported" if sides == {kind} else "contradicted"
    assert found(values, Rule(kind, bound)).outcome == expected


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
def test_rules_judge_intervals_by_bound(low: float, high: float, above: str, below: str, within: str) -> None:
    assert [Rule(kind, 1.0).judge(low, high) for kind in KINDS] == [above, below, within]


@given(numbers, bounds, bounds, bounds)
def test_laxer_bound_keeps_support(low: float, width: float, bound: float, more: float) -> None:
    high = low + width
    for kind, laxer in (("above", bound - more), ("below", bound + more), ("within", bound + more)):
        before, after = Rule(kind, bound).judge(low, high), Rule(kind, laxer).judge(low, high)
        assert after == "supported" or before != "supported"
        assert before == "contradicted" or after != "contradicted"


@given(numbers, bounds, bounds)
def test_support_of_one_side_contradicts_the_other(low: float, width: float, bound: float) -> None:
    above, below = (Rule(kind, bound).judge(low, low + width) for kind in ("above", "below"))
    assert (above == "supported") == (below == "contradicted")
    assert (above == "contradicted") == (below == "supported")


def test_intervals_that_disagree_leave_the_verdict_open() -> None:
    rule = Rule("above", 0.0)
    assert common_verdict(rule, (0.1, 0.3), (0.2, 0.4)) == "supported"
    assert common_verdict(rule, (-0.3, -0.1), (-0.2, -0.1)) == "contradicted"
    assert common_verdict(rule, (0.1, 0.3), (-0.1, 0.4)) == "inconclusive"
    assert common_verdict(rule, (0.1, 0.3), (-0.2, -0.1)) == "inconclusive"
    assert common_verdict(rule, (0.1, 0.3), (math.nan, math.nan)) == "inconclusive"


def test_single_outlier_does_not_decide() -> None:
    """By ranks five of twelve lie on the other side; of a ratio's logarithms one huge seed moves the mean only."""
    values = [-0.1, -0.2, -0.1, -0.3, -0.2, *[0.9] * 7]
    assert stats.ttest_1samp(values, 0).pvalue < 0.05
    assert found(values, Rule("above")).outcome == "inconclusive"


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", KINDS)
def test_undefined_value_is_inconclusive(kind: str, lost: float) -> None:
    one = found([0.5, 0.5, 0.6, lost, 0.4, 0.5, 0.6], Rule(kind, 1.0))
    assert one.outcome == "inconclusive"
    assert np.isnan([one.first.low, one.first.high, one.first.rank_low, one.first.rank_high]).all()
    assert len(one.first.values) == 7


@pytest.mark.parametrize("seeds", range(1, FEWEST_SEEDS))
def test_too_few_seeds_give_no_verdict(seeds: int) -> None:
    one = found([3.0 + place / 10 for place in range(seeds)], Rule("above"))
    assert one.first.has_too_few_seeds
    assert one.outcome == "inconclusive"


def test_equal_seeds_have_a_point_interval() -> None:
    one = found([1.0] * FEWEST_SEEDS, Rule("above", 0.5))
    assert (one.first.low, one.first.high, one.outcome) == (1.0, 1.0, "supported")
    assert not one.first.has_too_few_seeds


def test_ratios_are_judged_as_logarithms() -> None:
    logs = [math.log(value) for value in (2, 8, 4, 3, 5, 6)]
    ratio, plain = (found(logs, Rule("within", math.log(1.5)), ratio).first for ratio in (True, False))
    assert ratio.values == pytest.approx((2, 8, 4, 3, 5, 6))
    assert ratio.mean == pytest.approx(stats.gmean((2, 8, 4, 3, 5, 6)))
    assert (ratio.low, ratio.high) == pytest.approx((math.exp(plain.low), math.exp(plain.high)))
    assert (ratio.rank_low, ratio.rank_high) == pytest.approx((2, 8))
    assert ratio.bound == pytest.approx(1.5)
    assert ratio.p == plain.p
    assert ratio.verdict == plain.verdict == "contradicted"


def runs_over_time(seeds: int = 8) -> dict[int, dict[str, Record]]:
    """The quantity is that of SHAPES times a seed's factor in one arm, and the factor in the other."""
    factors = {seed: 1 + seed / 100 for seed in range(seeds)}
    return {
        seed: {"own": record(factor * by_phase(SHAPES)), "other": record(np.full(len(STEPS), factor))}
        for seed, factor in factors.items()
    }


def test_claim_over_time_has_a_verdict_per_phase() -> None:
    own = claim(Condition("q", log_ratio_over_time(quantity, "own", "other"), Rule("below"), ratio=True))
    one = judge("none", own, runs_over_time(), dataset="digits")
    assert one.phases == ("whole run", "start", "middle", "last half")
    means = {finding.phase: finding.mean for finding in one.findings}
    assert {name: means[name] for name in SHAPES} == pytest.approx(SHAPES)
    assert one.verdict_in("start") == "contradicted"
    assert one.verdict_in("middle") == "inconclusive"
    assert one.verdict_in("last half") == "supported"
    assert one.outcome == "changes"


def test_claim_over_time_keeps_its_curve() -> None:
    own = claim(Condition("q", log_ratio_over_time(quantity, "own", "other"), Rule("below"), ratio=True))
    curve = judge("none", own, runs_over_time(), dataset="digits").first.curve
    assert curve.steps == tuple(STEPS.tolist())
    assert curve.mean == pytest.approx(by_phase(SHAPES).tolist())
    assert curve.low == pytest.approx(curve.high)


def test_statistics_over_time_differ_by_phase() -> None:
    runs = runs_over_time()
    difference = difference_over_time(quantity, "own", "other")
    single = single_arm_over_time(quantity, "own")
    for phase in PARTS:
        assert difference.in_phase(runs[0], phase) == pytest.approx(SHAPES[phase.name] - 1)
        assert single.in_phase(runs[0], phase) == pytest.approx(SHAPES[phase.name])


def test_condition_may_be_about_one_phase_only() -> None:
    own = claim(Condition("q", single_arm_over_time(quantity, "own"), Rule("below", 0.5), phases=(LAST_HALF,)))
    one = judge("none", own, runs_over_time(), dataset="digits")
    assert one.phases == ("last half",)
    assert one.outcome == "supported"


def test_diverged_run_is_judged_in_finished_phases() -> None:
    own = claim(Condition("q", single_arm_over_time(quantity, "own"), Rule("above", 0.5)))
    runs = runs_over_time()
    half_way = int((STEPS <= 215).sum())
    runs[3] = {**runs[3], "own": record(by_phase(SHAPES)[:half_way], "diverged")}
    one = judge("none", own, runs, dataset="digits")
    assert one.verdict_in("start") == one.verdict_in("middle") == "supported"
    assert one.verdict_in("last half") == one.verdict_in("whole run") == "inconclusive"


def test_claim_with_two_conditions_needs_both() -> None:
    cases = {
        ("supported", "supported"): "supported",
        ("supported", "inconclusive"): "inconclusive",
        ("inconclusive", "contradicted"): "contradicted",
        ("supported", "contradicted"): "contradicted",
    }
    for verdicts, expected in cases.items():
        one = judged(*(made(condition=place, verdict=verdict) for place, verdict in enumerate(verdicts)))
        assert one.outcome == expected


def test_condition_without_phases_counts_in_every_phase() -> None:
    own = claim(
        Condition("q", single_arm_over_time(quantity, "own"), Rule("above", 0.5)),
        Condition("accuracy", lambda runs: runs["own"].final("final_test_accuracy"), Rule("above", 0.9)),
    )
    one = judge("none", own, runs_over_time(), dataset="digits")
    assert [len(one.findings_in(phase)) for phase in one.phases] == [2, 2, 2, 2]
    assert one.verdict_in("start") == "supported"
    assert one.verdict_in("last half") == "contradicted"


def test_claim_among_learners_excludes_other_seeds() -> None:
    own = claim(Condition("q", single_arm_over_time(quantity, "own"), Rule("above", 0.1)), among_learners=True)
    runs = runs_over_time(9)
    runs[4] = {**runs[4], "other": record(by_phase(SHAPES), accuracy=0.1)}
    one = judge("none", own, runs, dataset="digits")
    assert one.first.left_out == (4,)
    assert one.first.why_left_out == "other does not learn (test accuracy below 50 %)"
    assert one.first.seeds == (0, 1, 2, 3, 5, 6, 7, 8)
    assert one.outcome == "supported"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"own": {"outcome": "stopped"}}, "own was stopped at update 400"),
        ({"own": {"accuracy": 0.1}, "other": {"accuracy": 0.2}}, "own does not learn"),
        (
            {"own": {"outcome": "diverged"}, "other": {"outcome": "diverged"}},
            "own diverged at update 400 and other div",
        ),
    ],
)
def test_incomparable_runs_are_excluded_with_reason(changes: dict, reason: str) -> None:
    own = claim(Condition("accuracy", lambda _: 1.0, Rule("above"), diverged="guesses"))
    runs = {arm: record(by_phase(SHAPES), **changes.get(arm, {})) for arm in ("own", "other")}
    one = judge("none", own, {0: runs}, dataset="digits")
    assert one.first.why_left_out.startswith(reason)
    assert one.first.seeds == ()


def test_untrained_runs_are_not_comparable() -> None:
    still = {"own": replace(record(by_phase(SHAPES)), config=CONFIG.model_copy(update={"learning_rate": 0.0}))}
    measured = Condition("q", single_arm_over_time(quantity, "own"), Rule("above"))
    assert "learning rate is 0" in judge("none", claim(measured), {0: still}, dataset="digits").first.why_left_out
    assert judge("none", claim(measured, check=True), {0: still}, dataset="digits").first.seeds == (0,)


def test_holm_counts_every_phase_of_every_claim() -> None:
    phases = ("whole run", "start", "middle", "last half")
    over_time = judged(*(made(claim="a", phase=phase, p=0.002 * place) for place, phase in enumerate(phases, 1)))
    single = judged(made(claim="b", p=0.03))
    assert significant_verdicts([over_time, single]) == {("noisy_batch_norm", "a", phase) for phase in phases} | {
        ("noisy_batch_norm", "b", "")
    }
    others = [judged(made(claim=f"c{place}", p=0.5)) for place in range(30)]
    assert significant_verdicts([over_time, single, *others]) == set()


@given(st.lists(st.floats(-1e3, 1e3) | st.just(math.nan), min_size=1))
def test_median_value_matches_numpy_without_nan(values: list[float]) -> None:
    seen = [value for value in values if not math.isnan(value)]
    assert median_value(values) == (np.nanmedian(values) if seen else pytest.approx(math.nan, nan_ok=True))
