"""Tables of what a class saw: as Markdown, with each figure as the documentation has it. Knows no app and no class."""

from collections.abc import Iterable, Sequence

import numpy as np

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


def listed(values: Iterable[float]) -> str:
    """Whole numbers with commas between."""
    return ", ".join(f"{one:.0f}" for one in values)


def updates_per_second(trained: Trained, steps: int) -> float:
    """Of all workers together, with runs of so many updates."""
    return trained.done * steps / trained.seconds


def shares(speeds: np.ndarray, bares: np.ndarray) -> str:
    """Of what was reached just before and just after, in the median and each time."""
    each = 2 * speeds / (bares[:-1] + bares[1:])
    return f"{np.median(each):.2f} ({', '.join(f'{one:.2f}' for one in each)})"
