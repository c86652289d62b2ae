"""What the command line says of runs: progress while they train, a summary of one, a table of several.

Text only: it reads records and knows nothing of training or of files. Progress goes to stderr, so that results can be
sent elsewhere.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from urllib.parse import urlencode

import click

from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Record

LINES = 10
"""Lines of progress a run prints where stderr is not a terminal."""


@dataclass(frozen=True)
class Result:
    """One run of an arm, and the seconds from its first frame to its last: measuring included, loading the data not."""

    arm: str
    record: Record
    seconds: float


def watched(frames: Iterable[Frame], steps: int, name: str, quiet: bool) -> Iterator[Frame]:
    """Hand on the frames; say on stderr where the run is: a bar on a terminal, elsewhere a line each tenth."""
    if quiet:
        yield from frames
    elif sys.stderr.isatty():
        yield from _with_bar(frames, steps, name)
    else:
        yield from _with_lines(frames, steps, name)


def summary(result: Result, saved: str | None) -> str:
    """One run in a few lines, each with what it is in front."""
    record = result.record
    rate = record.last_step / result.seconds if result.seconds > 0 else 0.0
    rows = [
        ["run key", record.config.key],
        ["outcome", outcome(record)],
        ["training loss", f"{record.final('train_loss'):.4g} (the last mini-batch)"],
        ["test loss", f"{loss_of(record):.4g}"],
        *([["test accuracy", f"{accuracy_of(record):.4f} on {_scored(record)}"]] if _has_accuracy(record) else []),
        ["time", f"{result.seconds:.2f} s, {rate:.0f} steps per second, measuring included"],
        ["link", link(record.config)],
    ]
    if saved:
        rows.append(["saved", saved])
    return "\n".join(f"{label:14} {text}" for label, text in rows)


def comparison(results: Sequence[Result]) -> str:
    """One row a run, then mean and standard deviation of each arm that ran more than once."""
    rows = [["arm", "seed", "outcome", "test accuracy", "test loss", "seconds"]]
    for result in results:
        accuracy, loss = accuracy_of(result.record), loss_of(result.record)
        seed = str(result.record.config.seed)
        rows.append(
            [result.arm, seed, result.record.outcome, f"{accuracy:.4f}", f"{loss:.4g}", f"{result.seconds:.2f}"]
        )
    by_arm: dict[str, list[Result]] = {}
    for result in results:
        by_arm.setdefault(result.arm, []).append(result)
    for arm, repeats in by_arm.items():
        if len(repeats) > 1:
            accuracies = [accuracy_of(repeat.record) for repeat in repeats]
            losses = [loss_of(repeat.record) for repeat in repeats]
            seconds = fmean(repeat.seconds for repeat in repeats)
            rows.append([arm, "mean", "", f"{fmean(accuracies):.4f}", f"{fmean(losses):.4g}", f"{seconds:.2f}"])
            rows.append([arm, "std", "", f"{stdev(accuracies):.4f}", f"{stdev(losses):.4g}", ""])
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first row is the head, columns after the third are numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            f"{cell:{'<' if at < 3 else '>'}{width}}" for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(" | ".join(cells).rstrip())
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)


def outcome(record: Record) -> str:
    """How a run ended, in words."""
    step, steps = record.last_step, record.config.steps
    if record.outcome == "diverged":
        return f"diverged at step {step}: the loss is no longer finite; try a smaller learning rate"
    return (
        f"{record.outcome} after {step} of {steps} steps" if step < steps else f"{record.outcome} after {steps} steps"
    )


def link(config: RunConfig) -> str:
    """The query of a link to this run."""
    return "?" + urlencode(config.to_query(), safe=",") if config.changed() else "? (everything as by default)"


def accuracy_of(record: Record) -> float:
    """On all test images if the run came to its end, else the last one that was noted."""
    return record.final("final_test_accuracy" if _was_scored(record) else "test_accuracy")


def loss_of(record: Record) -> float:
    return record.final("final_test_loss" if _was_scored(record) else "test_loss")


def _has_accuracy(record: Record) -> bool:
    """What learns values instead of classes has none."""
    return "test_accuracy" in record.data


def _was_scored(record: Record) -> bool:
    return "final_test_loss" in record.data


def _scored(record: Record) -> str:
    there = registry.describe("datasets", record.config.dataset).constants["TEST_SAMPLES"]
    used = there if _was_scored(record) else min(there, record.config.test_samples)
    return f"all {there} test images" if used == there else f"the first {used} of {there} test images"


def _with_bar(frames: Iterable[Frame], steps: int, name: str) -> Iterator[Frame]:
    with click.progressbar(
        length=steps, label=name, file=sys.stderr, show_pos=True, item_show_func=lambda loss: loss
    ) as bar:
        for frame in frames:
            bar.update(frame.step - bar.pos, _loss(frame))
            yield frame


def _with_lines(frames: Iterable[Frame], steps: int, name: str) -> Iterator[Frame]:
    due = 0.0
    for frame in frames:
        loss = _loss(frame)
        if loss and (frame.step >= due or frame.outcome != "running"):
            click.echo(f"{name}: step {frame.step} of {steps}, {loss}", err=True)
            due = (frame.step * LINES // steps + 1) * steps / LINES
        yield frame


def _loss(frame: Frame) -> str | None:
    """None for a frame that holds only what probes measured."""
    return f"training loss {float(frame.values['train_loss'].values):.4g}" if "train_loss" in frame.values else None
