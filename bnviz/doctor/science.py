"""Science: thirteen facts that must hold, tested on real networks, each with its residual.

Each fact is mathematics, torch's own behaviour, or a number of a paper. Bounds are declared before any measurement.
Whether a paper's claims hold is the subject of `bnviz.experiments`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bnviz.doctor import math_checks, probe_checks

Measured = tuple[float, str]
"""The residual, and a description of the cases."""


@dataclass(frozen=True)
class SelfTest:
    """A fact, a function that measures its residual, and the bound that rounding or chance may reach."""

    name: str
    measure: Callable[[], Measured]
    bound: float


@dataclass(frozen=True)
class Result:
    """The result of a self-test; a residual of NaN is a failure."""

    number: int
    name: str
    residual: float
    bound: float
    detail: str

    @property
    def passed(self) -> bool:
        """Whether the residual is at most the bound."""
        return self.residual <= self.bound


SELF_TESTS = (
    SelfTest("Theorem 4.1 is an equality", math_checks.theorem_41, 1e-10),
    SelfTest("Theorem 4.2 is an equality", math_checks.theorem_42, 1e-10),
    SelfTest("⟨w, g⟩ = 0 and g(a w) = g(w) / a", math_checks.scale_invariance, 1e-10),
    SelfTest("probes leave every bit as it is", probe_checks.purity, 0),
    SelfTest("no shift where nothing moves", probe_checks.no_shift, 1e-7),
    SelfTest("on a quadratic β = λ, L(w - ηw) = (1 - η)² L", probe_checks.quadratic, 1e-10),
    SelfTest("batch norm's percentiles are 2.07 apart", probe_checks.percentile_width, 0.02),
    SelfTest("running variance has m / (m - 1)", math_checks.running_variance, 1e-12),
    SelfTest("noise: E[m] = 0, E[s] = 1.125, fresh, off", math_checks.noise, 0.0065),
    SelfTest("at learning rate 0 nothing changes", probe_checks.constancy, 0),
    SelfTest("matched batch norm: equal loss, ratio ≤ 1", math_checks.matched, 1e-10),
    SelfTest("gradients grow by 1.20 a layer", probe_checks.growth, 0.05),
    SelfTest("batch norm by hand is torch's", math_checks.by_hand, 1e-12),
)
"""In the order of their numbers, 1 to 13. Number 9's bound is 4.5 standard errors; number 12's is [1.15, 1.25]."""


def examine() -> Iterator[Result]:
    """Run the self-tests one by one and yield their results."""
    for number, test in enumerate(SELF_TESTS, start=1):
        try:
            residual, detail = test.measure()
        except Exception as error:  # an error is a result, and the other tests still run
            residual, detail = math.nan, f"could not be made: {type(error).__name__}: {error}"
        yield Result(number, test.name, residual, test.bound, detail)
