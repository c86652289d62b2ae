"""Tables of what a class saw: as Markdown, with each figure as the documentation has it. Knows no app."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks._load_class import Seen
from benchmarks._load_trainings import Trained


def table(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Print it as Markdown."""
    print(f"\n| {title} | measured | goal |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def both(values: Sequence[float]) -> str:
    """Median and 95 % quantile."""
    return "{:.2f} and {:.2f}".format(*np.percentile(values, (50, 95))) if values else "none"


def ratios(values: Sequence[float], others: Sequence[float]) -> str:
    """Median over median, and 95 % over 95 %."""
    if not values:  # few sessions have their results before anybody has changed a control
        return "none"
    return "{:.2f} and {:.2f}".format(*np.percentile(values, (50, 95)) / np.percentile(others, (50, 95)))


def reactions(of: Sequence[Seen], idle: Mapping[str, Sequence[float]]) -> list[tuple[str, str, str]]:
    """Of a class that trains, over those while nothing does: once all have been answered, and from their press on.

    Args:
        of: what the class saw.
        idle: by who reacts then, their reactions.
    """
    rows = [(f"reaction, nothing trains, {who}, p50 and p95 s", both(several), "") for who, several in idle.items()]
    told = (("everything trains", "settled"), ("from the press on", "reactions"))
    for when, which in told:
        several = [seconds for seen in of for seconds in getattr(seen, which)]
        rows += [
            (f"reaction, {when}, p50 and p95 s", both(several), ""),
            ("so many", f"{len(several)}", ""),
            *((f"over {who}", ratios(several, others), "2") for who, others in idle.items()),
        ]
    return rows


def listed(values: Iterable[float]) -> str:
    """Whole numbers with commas between."""
    return ", ".join(f"{one:.0f}" for one in values)


def updates_per_second(trained: Trained, steps: int) -> float:
    """Of all workers together, with runs of so many updates."""
    return trained.done * steps / trained.seconds


def shares(speeds: np.ndarray, bares: np.ndarray) -> str:
    """Of what was reached just before and just after: in the median, each time, and of all times added up."""
    beside = (bares[:-1] + bares[1:]) / 2
    each = speeds / beside
    together = speeds.sum() / beside.sum()
    return f"{np.median(each):.2f} ({', '.join(f'{one:.2f}' for one in each)}); together {together:.2f}"
