"""What watching costs: train() with no probes, the default probes and all, each as a ratio to a bare PyTorch loop.

`python -m benchmarks.overhead` (part of `make bench`) takes them in turn, so that a machine whose speed drifts slows
all alike. Seconds are the process's own on the processor, so that waiting for others does not count. Both sides train
the same network on the same data for the same number of updates, on one thread. train() makes its tensors and its
network, scores test images at up to 40 steps and all of them at the end, and yields frames, too: the bare loop does
none of that. Columns:

- no probes, default probes: as a default run has them, activations at up to 60 steps (10x100: 24, linear layers: 40);
- all probes: all that can be had together, at those same steps, sharpness too, which by default is at 8 of them. What
  they take at a step is the mean of the first step and the eleventh, and counts as often as a whole run has it;
- no probes over a bare loop that scores as many images as often, in plain PyTorch. On MNIST, 2000 images at up to 40
  steps and 10 000 at the end are worth hundreds of updates.

Runs that would take long are shortened, and what their updates take is counted as often as a whole run has it (see
`benchmarks.cases`), so that the figures are those of whole runs.
"""

from time import process_time

import torch

from benchmarks import bare, cases
from benchmarks.tables import Table, Values, alone
from bnviz import datasets
from bnviz.core.config import RunConfig
from bnviz.core.measurement_schedule import spread_steps

COLUMNS = ("no probes", "default probes", "all probes", "no probes, over a bare loop that scores")
DEFAULT_GOAL = "<= 1.20"
ABOUT = (
    "Whole runs in seconds on the processor, one thread, against a bare PyTorch loop of the same network, batches and "
    "updates, that scores and measures nothing; in the last column it scores as many test images as often. train() "
    "also makes its tensors and scores: on MNIST 2000 images at up to 40 steps and 10 000 at the end, with batch norm "
    "those once more with population statistics. Probes measure at up to 60 steps (10x100: 24, linear layers: 40); "
    "all probes are all but the plane. Medians and quartiles of {pairs} rounds."
)


def tables(pairs: int) -> list[Table]:
    """One row for each network, with and without batch norm."""
    torch.set_num_threads(1)
    chosen, left_out = cases.available()
    rows: dict[str, tuple[Values, ...]] = {}
    goals: dict[tuple[str, str], str] = {}
    for case in chosen:
        for norm, name in cases.NORMS.items():
            row = case.name + name
            rows[row] = _ratios(case, norm, pairs)
            goals |= {(row, COLUMNS[0]): case.goal, (row, COLUMNS[1]): DEFAULT_GOAL}
    about = f"{ABOUT.format(pairs=pairs)} {left_out}".strip()
    return [Table("overhead", "What watching costs", about, "seconds over the bare loop's", COLUMNS, rows, goals)]


def _ratios(case: cases.Case, norm: str, pairs: int) -> tuple[Values, ...]:
    config = case.config.with_changes(norm=norm, device="cpu")
    few = config.with_changes(steps=5)
    bare.timed(few), cases.timed(few)  # the first ones are slow
    rounds = [_round(config, case.times) for _ in range(pairs)]
    return tuple(zip(*rounds, strict=True))


def _round(config: RunConfig, times: int) -> Values:
    """A value for each column."""
    few = config.with_changes(steps=config.steps // times)
    updates = bare.timed(few, process_time) * config.steps / few.steps
    without = cases.Shortened(config.with_changes(probes=()), times)
    default = cases.Shortened(config, times)
    seconds = cases.timed(without.config)
    no_probes = without.whole(seconds)
    by_default = default.whole(cases.timed(default.config))
    everything = no_probes + _all_probes(config, seconds) * cases.looks(config)
    scoring = _scoring(config, times)
    return no_probes / updates, by_default / updates, everything / updates, no_probes / (updates + scoring)


def _all_probes(config: RunConfig, without: cases.Seconds) -> float:
    """Seconds that all probes take at a step, by what the start and the end of a run take without them."""
    measured = {"probes": cases.all_probes(), "probe_points": 2, "curve_points": 2, "steps": 10}
    seconds = cases.timed(config.with_changes(**measured))
    return (seconds.start - without.start + seconds.end - without.end) / 2


def _scoring(config: RunConfig, times: int) -> float:
    """Seconds that a bare loop takes to score as many test images as often as a whole run does."""
    network, _, _ = bare.prepare(config)
    inputs, labels = bare.tensors(
        config, datasets.load(config.dataset, config.seed, **config.options_of("dataset")).test
    )
    some = slice(config.test_samples)
    often = len(spread_steps(config.steps, config.curve_points))
    few = -(-often // times)
    began = process_time()
    for _ in range(few):
        bare.score(network, inputs[some], labels[some])
    curves = process_time()
    bare.score(network, inputs, labels)
    return (curves - began) * often / few + process_time() - curves


if __name__ == "__main__":
    alone(__doc__, tables)
