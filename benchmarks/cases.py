"""The networks that benchmarks train, each as its page or a default run has it, and runs of theirs made shorter.

A shortened run looks at as large a share of its updates as the whole one, besides the first and the last, at which
every run looks. What lies between the two counts as often as the whole run has it; what a run does once, it does once:
to make tensors of the data and a network, and to score all test images at the end.
"""

from dataclasses import dataclass
from time import process_time
from typing import NamedTuple

from bnviz.core import presets, registry
from bnviz.core.config import RunConfig
from bnviz.core.measurement_schedule import spread_steps
from bnviz.datasets import DatasetError
from bnviz.datasets import load as load_data
from bnviz.training import train

NORMS = {"none": "", "batch": ", batch norm"}


class Seconds(NamedTuple):
    """Until the first update is made, from there until the last batch is looked at, and for that."""

    start: float
    between: float
    end: float


@dataclass(frozen=True)
class Case:
    """A network with its data, and by how much its runs are shortened."""

    name: str
    config: RunConfig
    times: int = 1

    @property
    def goal(self) -> str:
        """Of a run that measures nothing, over the bare loop."""
        return "<= 1.00" if self.config.network == "lenet" else "<= 0.85"


CASES = (
    Case("3x100 sigmoid, digits", RunConfig()),
    Case("10x100 ReLU, digits", presets.TEN_LAYERS, 4),
    Case("25 linear layers", presets.DEEP_LINEAR.base.with_changes(probes=RunConfig().probes), 16),
    Case("3x100 sigmoid, MNIST", RunConfig(dataset="mnist"), 4),
    Case("LeNet, MNIST", RunConfig(dataset="mnist", network="lenet", activation="relu", init="he"), 16),
)


def available() -> tuple[list[Case], str]:
    """The cases whose data are here, or can be downloaded, and a sentence on those that are left out."""
    try:
        load_data("mnist", 0)
    except DatasetError:
        return [case for case in CASES if case.config.dataset != "mnist"], "MNIST cannot be had here: no rows for it."
    return list(CASES), ""


def all_probes() -> tuple[str, ...]:
    """Every probe but those that look back on a whole run at its end, as the plane does: `benchmarks.probes` has it."""
    names = registry.names("probes")
    return tuple(name for name in names if not registry.describe("probes", name).constants.get("NEEDS_PATH", False))


@dataclass(frozen=True)
class Shortened:
    """About a `times`-th of the run `of`: as many looks between its first step and its last, and updates in proportion.

    What is looked at is the probes' business or, in a run without, the scores'.
    """

    of: RunConfig
    times: int

    @property
    def config(self) -> RunConfig:
        """To train."""
        if self.times == 1:
            return self.of
        usual = _looks(self.of.steps, self.of.probe_points if self.of.probes else self.of.curve_points)
        looks = max(1, usual // self.times)
        steps = 1 + round((self.of.steps - 1) * looks / usual)
        points = {
            name: _points(_looks(self.of.steps, getattr(self.of, name)) * looks / usual, steps)
            for name in ("curve_points", "probe_points")
        }
        return self.of.with_changes(steps=steps, **points)

    def whole(self, seconds: Seconds) -> float:
        """Seconds of the whole run."""
        between = seconds.between * (self.of.steps - 1) / (self.config.steps - 1)
        return seconds.start + between + seconds.end


def timed(config: RunConfig) -> Seconds:
    """Of a run of train(), this process's own on the processor; the run asks before every step whether to stop."""
    asked = [process_time()]

    def should_stop() -> bool:
        asked.append(process_time())
        return False

    for _ in train(config, should_stop=should_stop):
        pass
    return Seconds(asked[2] - asked[0], asked[-1] - asked[2], process_time() - asked[-1])


def looks(config: RunConfig) -> int:
    """At how many steps a run's probes measure."""
    return len(spread_steps(config.steps, config.probe_points))


def _looks(steps: int, points: int) -> int:
    """How often it is looked between the first step and the last."""
    return len(spread_steps(steps, points)) - 2


def _points(looks: float, steps: int) -> int:
    """How many to ask for to get about so many looks."""
    return min(range(2, 100), key=lambda points: abs(_looks(steps, points) - looks))
