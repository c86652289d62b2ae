"""Text about runs on the command line: progress while they train, a summary of one run, a table of several.

Progress goes to stderr, so that results can be redirected.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from urllib.parse import urlencode

import click

from bnviz.analysis.quantities import final_score
from bnviz.core import registry
from bnviz.core.config import RunConfig
from bnviz.core.record import Frame, Record

LINES = 10
"""Lines of progress per run if stderr is not a terminal."""


@dataclass(frozen=True)
class Result:
    """One run of an arm, and the seconds from its first to its last frame, without loading the data."""

    arm: str
    record: Record
    seconds: float


def with_progress(frames: Iterable[Frame], steps: int, name: str, quiet: bool) -> Iterator[Frame]:
    """Yield the frames and write progress to stderr: a bar on a terminal, otherwise a line per tenth of the run."""
    if quiet:
        yield from frames
    elif sys.stderr.isatty():
        yield from _with_bar(frames, steps, name)
    else:
        yield from _with_lines(frames, steps, name)


def summary(result: Result, saved: str | None) -> str:
    """Return a few lines about one run, each with a label."""
    record = result.record
    accuracy, loss = _scores(record)
    rate = record.last_step / result.seconds if result.seconds > 0 else 0.0
    rows = [
        ["run key", record.config.key],
        ["outcome", outcome(record)],
        ["training loss", f"{record.final('train_loss'):.4g} (the last mini-batch)"],
        ["test loss", f"{loss:.4g}"],
        *([["test accuracy", f"{accuracy:.4f} on {_scored_samples(record)}"]] if _has_accuracy(record) else []),
        ["time", f"{result.seconds:.2f} s, {rate:.0f} steps per second, measuring included"],
        ["link", link(record.config)],
    ]
    if saved:
        rows.append(["saved", saved])
    return "\n".join(f"{label:14} {text}" for label, text in rows)


def comparison(results: Sequence[Result]) -> str:
    """Return a table with a row per run, then mean and standard deviation of each arm with several runs."""
    rows = [["arm", "seed", "outcome", "test accuracy", "test loss", "seconds"]]
    for result in results:
        accuracy, loss = _scores(result.record)
        seed = str(result.record.config.seed)
        rows.append(
            [result.arm, seed, result.record.outcome, f"{accuracy:.4f}", f"{loss:.4g}", f"{result.seconds:.2f}"]
        )
    by_arm: dict[str, list[Result]] = {}
    for result in results:
        by_arm.setdefault(result.arm, []).append(result)
    for arm, repeats in by_arm.items():
        if len(repeats) > 1:
            accuracies, losses = zip(*(_scores(repeat.record) for repeat in repeats), strict=True)
            seconds = fmean(repeat.seconds for repeat in repeats)
            rows.append([arm, "mean", "", f"{fmean(accuracies):.4f}", f"{fmean(losses):.4g}", f"{seconds:.2f}"])
            rows.append([arm, "std", "", f"{stdev(accuracies):.4f}", f"{stdev(losses):.4g}", ""])
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of text with aligned columns; the first row is the head, columns from the fourth are numbers."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            f"{cell:{'<' if column < 3 else '>'}{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(" | ".join(cells).rstrip())
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)


def outcome(record: Record) -> str:
    """Return in words how a run ended."""
    step, steps = record.last_step, record.config.steps
    if record.outcome == "diverged":
        return f"diverged at step {step}: the loss is no longer finite; try a smaller learning rate"
    return (
        f"{record.outcome} after {step} of {steps} steps" if step < steps else f"{record.outcome} after {steps} steps"
    )


def link(config: RunConfig) -> str:
    """Return the query of a link to this run."""
    return "?" + urlencode(config.to_query(), safe=",") if config.changed() else "? (everything as by default)"


def _scores(record: Record) -> tuple[float, float]:
    """Test accuracy and loss at the end, or the last ones of their curves; NaN without an accuracy."""
    return final_score(record, "test_accuracy"), final_score(record, "test_loss")


def _has_accuracy(record: Record) -> bool:
    """False for regression."""
    return "test_accuracy" in record.data


def _was_scored(record: Record) -> bool:
    return "final_test_loss" in record.data


def _scored_samples(record: Record) -> str:
    total = registry.describe("datasets", record.config.dataset).constants["TEST_SAMPLES"]
    used = total if _was_scored(record) else min(total, record.config.test_samples)
    return f"all {total} test images" if used == total else f"the first {used} of {total} test images"


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
    """None for a frame with probe measurements only."""
    return f"training loss {float(frame.values['train_loss'].values):.4g}" if "train_loss" in frame.values else None
