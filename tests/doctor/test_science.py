"""The thirteen self-tests of `python -m bnviz doctor --science`: they hold, and they would say so if they did not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from bnviz import norms
from bnviz.cli import main
from bnviz.core import registry
from bnviz.doctor import math_checks, probe_checks, science
from bnviz.doctor.science import SELF_TESTS, SelfTest
from bnviz.landscape import objective
from bnviz.norms import batch as batch_norm
from bnviz.norms import noisy_batch
from bnviz.probes import _matched, theorem
from bnviz.torch_support import rng
from bnviz.training import optimizers


def result(number: int) -> science.Result:
    test = SELF_TESTS[number - 1]
    residual, detail = test.measure()
    return science.Result(number, test.name, residual, test.bound, detail)


def test_command_prints_a_line_per_passed_self_test() -> None:
    """The only test that runs all of them unbroken."""
    answer = CliRunner().invoke(main, ["doctor", "--science"])
    lines = answer.output.splitlines()
    assert [line.split()[1] for line in lines[: len(SELF_TESTS)]] == [str(number) for number in range(1, 14)]
    for line in lines[: len(SELF_TESTS)]:
        assert re.match(r"ok +\d+ .* \d\.\de[+-]\d\d, at most \d\.\de[+-]\d\d  +\S", line)
    assert lines[-1] == "problems: 0"
    assert "layer and group norm are not on offer" in answer.output
    assert answer.exit_code == 0


def test_failed_or_broken_self_test_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> tuple[float, str]:
        raise ArithmeticError("no torch")

    tests = (SelfTest("too far", lambda: (2.0, "two"), 1.0), SelfTest("broken", broken, 1.0))
    monkeypatch.setattr(science, "SELF_TESTS", (*tests, SelfTest("fine", lambda: (1.0, "one"), 1.0)))
    answer = CliRunner().invoke(main, ["doctor", "--science"])
    assert answer.exit_code == 1
    assert [line.split()[0] for line in answer.output.splitlines()[:3]] == ["problem", "problem", "ok"]
    assert "could not be made: ArithmeticError: no torch" in answer.output
    assert "problems: 2" in answer.output


# What would go wrong, and the self-test that says so

Break = Callable[[pytest.MonkeyPatch], None]


def naive_eps(patch: pytest.MonkeyPatch) -> None:
    """Theorem 4.1 as in the paper, which has no eps."""
    right = theorem.bn_gradient_norm
    patch.setattr(theorem, "bn_gradient_norm", lambda g, y, gamma, eps: right(g, y, gamma, 0.0 * eps))


def wrong_factor(patch: pytest.MonkeyPatch) -> None:
    """Theorem 4.2 with 1 / sqrt(m) for 1 / m in its last term."""
    right = theorem.bn_curvature

    def curvature(g: Tensor, *rest: Any) -> Tensor:
        return right(g, *rest) * torch.tensor([[1.0], [1.0], [len(g) ** 0.5]], dtype=g.dtype)

    patch.setattr(theorem, "bn_curvature", curvature)


def large_eps(patch: pytest.MonkeyPatch) -> None:
    """An eps that counts: weights are no longer scale-invariant."""
    patch.setattr(math_checks, "TINY_EPS", 1e-3)


def noise_runs_on(patch: pytest.MonkeyPatch) -> None:
    """Random streams are not restored after a probe; a single norm shows it."""
    names = registry.names
    patch.setattr(registry, "names", lambda kind: ("noisy_batch",) if kind == "norms" else names(kind))
    patch.setattr(rng, "restore_rng_states", lambda _: None)


def unfrozen_noise(patch: pytest.MonkeyPatch) -> None:
    """A draw of its own at each point that is looked at."""
    patch.setattr(objective, "restore_rng_states", lambda _: None)


def another_step(patch: pytest.MonkeyPatch) -> None:
    """Layers in front that make a step which is not the optimiser's."""

    def next_parameters(self: optimizers.Optimizer, _: list[Tensor]) -> list[Tensor]:
        return [parameter.detach() + 1e-4 for parameter in self._parameters]

    patch.setattr(optimizers.Optimizer, "next_parameters", next_parameters)


def no_factor_two(patch: pytest.MonkeyPatch) -> None:
    """Half the squared error, whose Hessian is half as large."""
    patch.setattr(probe_checks, "squared_error", lambda outputs, targets: ((outputs - targets) ** 2).mean() / 2)


def gamma_of_two(patch: pytest.MonkeyPatch) -> None:
    """Batch norm that starts with another scale."""
    build = batch_norm.build

    def scaled(slot: norms.Slot) -> nn.Module:
        norm = build(slot)
        nn.init.constant_(norm.weight, 1.1)
        return norm

    patch.setattr(batch_norm, "build", scaled)


def factor_twice(patch: pytest.MonkeyPatch) -> None:
    """m / (m - 1) on a variance that has it already."""
    right = Tensor.var
    patch.setattr(Tensor, "var", lambda self, dim, correction: right(self, dim=dim, correction=1 + 0 * correction))


def noise_without_mean(patch: pytest.MonkeyPatch) -> None:
    """All shifts upwards."""
    right = noisy_batch.shifting_noise
    patch.setattr(noisy_batch, "shifting_noise", lambda *given: right(*given) + 0.01)


def noise_in_inference(patch: pytest.MonkeyPatch) -> None:
    """On whenever it is called."""
    patch.setattr(noisy_batch.NoisyBatchNorm, "eval", lambda self: self)


def on_the_training_batch(patch: pytest.MonkeyPatch) -> None:
    """What is measured is measured on other samples at each step."""
    right = probe_checks.run
    patch.setattr(probe_checks, "run", lambda **settings: right(**settings | {"probe_data": "batch"}))


def unmatched_shift(patch: pytest.MonkeyPatch) -> None:
    """A batch norm put in whose beta is not the mean."""
    right = _matched.matched_batch_norm
    patch.setattr(_matched, "matched_batch_norm", lambda y, eps: right(y, eps) - y.detach().mean(0))


def without_batch_norm(patch: pytest.MonkeyPatch) -> None:
    """The same deep network without it."""
    right = probe_checks.run
    patch.setattr(probe_checks, "run", lambda **settings: right(**settings | {"norm": "none", "init": "he"}))


def unbiased_variance(patch: pytest.MonkeyPatch) -> None:
    """Batch norm that divides by m - 1."""
    right = math_checks.plain_batch_norm

    def unbiased(x: Tensor, gamma: Tensor, beta: Tensor, eps: float, upstream: Tensor) -> tuple[Tensor, ...]:
        factor = ((len(x) - 1) / len(x)) ** 0.5
        return right(x, gamma * factor, beta, eps, upstream)

    patch.setattr(math_checks, "plain_batch_norm", unbiased)


BREAKS: list[tuple[int, Break]] = [
    (1, naive_eps),
    (2, wrong_factor),
    (3, large_eps),
    (4, noise_runs_on),
    (5, unfrozen_noise),
    (5, another_step),
    (6, no_factor_two),
    (7, gamma_of_two),
    (8, factor_twice),
    (9, noise_without_mean),
    (9, noise_in_inference),
    (10, on_the_training_batch),
    (11, unmatched_shift),
    (12, without_batch_norm),
    (13, unbiased_variance),
]


@pytest.mark.parametrize(("number", "broken"), BREAKS, ids=[f"{number}-{broken.__name__}" for number, broken in BREAKS])
def test_every_self_test_can_fail(number: int, broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch)
    found = result(number)
    assert not found.passed, found
