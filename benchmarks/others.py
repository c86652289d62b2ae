"""What bnviz's instruments cost beside other packages' and beside naive code, each as a ratio, ours over theirs.

`python -m benchmarks.others` takes the two ways to the same in turn, now one first, now the other, in one process on
one thread, and prints a table: the median of the ratios with the lowest and the highest, the median seconds of either,
and what either found. Seconds are the process's own on the processor. The other packages are in requirements-bench.txt;
rows whose package or data are missing are left out, and one sentence says so. MNIST is where `BNVIZ_DATA` says.

- plane: loss over a plane of random directions as long as the weights' filters; directions differ, so do the ranges;
- eigenvalue: the Hessian's largest on 512 samples, to the same tolerance, which for both ways of Lanczos bounds the
  residual relative to the eigenvalue, and for power iteration only the change from one iteration to the next, whose
  rows therefore say how close it came;
- line: loss, gradient change, angle and distance at 8 step lengths, with deep copies that take the step.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from importlib.util import find_spec

import torch

from benchmarks._others_contest import Contest, Way
from benchmarks._others_curvature import lanczos, power_iterations
from benchmarks._others_landscapes import lines, planes


def main() -> None:
    """Print a row for each contest, as soon as it is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7, help="how often each is timed")
    parser.add_argument("--only", default="", help="only rows in whose name this is")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)  # the others draw from the common stream
    print(f"torch {torch.__version__}, one thread, {arguments.pairs} pairs\n")
    print("| | ours over theirs | lowest to highest | goal | seconds, ours and theirs | found, ours and theirs |")
    print("|---|---|---|---|---|---|", flush=True)
    missing = []
    for contest in _contests():
        if isinstance(contest, str):
            missing.append(contest)
        elif arguments.only in contest.name:
            print(_row(contest, arguments.pairs), flush=True)
    print("", *missing, sep="\n")


def _contests() -> Iterator[Contest | str]:
    """One after the other; a sentence in the place of those that cannot be held."""
    for package, made in (("loss_landscapes", planes), ("curvlinops", lanczos), ("pyhessian", power_iterations)):
        if find_spec(package) is None:
            yield f"{package} is not installed: pip install -r requirements-bench.txt"
        else:
            yield from made()
    yield from lines()


def _row(contest: Contest, pairs: int) -> str:
    found_ours, found_theirs = contest.ours(), contest.theirs()  # the first ones are slow
    ours, theirs = [], []
    for pair in range(pairs):
        if pair % 2 == 0:
            ours.append(_seconds(contest.ours))
        theirs.append(_seconds(contest.theirs))
        if pair % 2 == 1:
            ours.append(_seconds(contest.ours))
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    goal = "" if contest.goal is None else f"{contest.goal:.2f}"
    return (
        f"| {contest.name} | {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} | {goal} "
        f"| {statistics.median(ours):.3g}, {statistics.median(theirs):.3g} | {found_ours}; {found_theirs} |"
    )


def _seconds(way: Way) -> float:
    began = time.process_time()
    way()
    return time.process_time() - began


if __name__ == "__main__":
    main()
