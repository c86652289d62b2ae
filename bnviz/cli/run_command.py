"""`python -m bnviz run`: train one run, or several arms and seeds one after the other, and keep what was measured.

Everything that can be refused is refused before training starts. How runs are told of is `bnviz.cli.report`'s business,
and options are read in `bnviz.cli.options`.
"""

from pathlib import Path
from typing import Any, BinaryIO

import click
from pydantic import ValidationError

from bnviz.cli.options import Refusal, RunCommand, config_options, read_config, refuse_inactive, validated
from bnviz.cli.report import Result, comparison, summary
from bnviz.cli.run_training import PlannedRuns, train_batched, train_in_turn
from bnviz.core.comparison import Comparison
from bnviz.core.config import RunConfig, sentences
from bnviz.core.messages import shown
from bnviz.core.record import Record
from bnviz.datasets import DatasetError

MOST_SEEDS = 1000
MOST_DIGITS = 15  # that a number is read with; a seed has ten at most
INTERRUPTED = 130  # the exit status of a command that Ctrl-C ended, by the convention of shells


@click.command(cls=RunCommand, short_help="Train, measure and keep the record.")
@config_options
@click.option("--compare", metavar="NORM,...", help="One arm for each of these normalisations, the rest being equal.")
@click.option("--seeds", metavar="0-4", help="Repeat for each of these seeds: 0-4, or 0,3,7, or both mixed.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Save the record (netCDF-3); of several runs, each in this folder as ARM-seedN.nc.",
)
@click.option("--json", "file", type=click.File("rb"), metavar="FILE", help="Settings to start from.")
@click.option(
    "--link", metavar="LINK", help="A link, or its query '?norm=batch&lr=2', to start from; goes over --json."
)
@click.option("--quiet", is_flag=True, help="No progress, only what came out.")
@click.option("--together", is_flag=True, help="Train all seeds of an arm as one batch, which a GPU has room for.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads torch may use.")
def run(
    compare: str | None,
    seeds: str | None,
    out: Path | None,
    file: BinaryIO | None,
    link: str | None,
    quiet: bool,
    together: bool,
    threads: int,
    **given: Any,
) -> None:
    """Train one network, say how it went, and keep what was measured.

    Ctrl-C ends the training and keeps what was measured so far. A run that diverges is a result too: exit status 0.
    Numbers are the same on every start, but for --threads, --device, --together and another machine, which change the
    last digits.
    """
    base = read_config(given, file, link)
    several = compare is not None or seeds is not None
    if compare is not None and given["norm"] is not None:
        raise Refusal("--compare says which normalisations to use; leave out --norm.")
    if seeds is not None and given["seed"] is not None:
        raise Refusal("--seeds says which seeds to use; leave out --seed.")
    if together and seeds is None:
        raise Refusal("--together trains the seeds of an arm as one batch; give --seeds, for instance 0-63.")
    planned = _plan(base, compare, seeds)
    refuse_inactive(given, [config for _, config in planned])
    if out is not None:
        _check(out, several)
    results: list[Result] = []
    try:
        for result in (train_batched if together else train_in_turn)(planned, threads, quiet):
            saved = None
            if out is not None:
                name = f"{result.arm}-seed{result.record.config.seed}.nc"
                saved = _save(result.record, out / name if several else out)
            results.append(result)
            if not several:
                click.echo(summary(result, saved))
    except DatasetError as error:
        raise click.ClickException(str(error)) from error
    finally:
        if several and results:
            click.echo(comparison(sorted(results, key=lambda result: [arm for arm, _ in planned].index(result.arm))))
            if out is not None:
                click.echo(f"saved {len(results)} of {len(planned)} runs in {out}")
    if not results:
        click.echo("Stopped before anything was measured.", err=True)
    if len(results) < len(planned) or results[-1].record.outcome == "stopped":
        raise SystemExit(INTERRUPTED)


def _plan(base: RunConfig, compare: str | None, seeds: str | None) -> PlannedRuns:
    """The runs to be made, arm by arm for one seed after the other, all of them valid."""
    norms = [name.strip() for name in compare.split(",")] if compare is not None else [base.norm]
    if len(set(norms)) < len(norms):
        raise Refusal(f"--compare = {compare}: each normalisation can be named once.")
    planned: PlannedRuns = []
    for seed in _numbers(seeds) if seeds is not None else [base.seed]:
        seeded = validated(base.model_dump() | {"seed": seed})
        try:
            planned += Comparison(seeded, {norm: {"norm": norm} for norm in norms}).configs().items()
        except ValidationError as error:
            raise Refusal("\n".join(sentences(error))) from error
        except ValueError as error:
            raise Refusal(f"--compare = {compare}: {error}.") from error
    return planned


def _numbers(text: str) -> list[int]:
    """0-4,7 is 0, 1, 2, 3, 4, 7."""
    chosen: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or max(len(first), len(last)) > MOST_DIGITS:
            raise Refusal(f"--seeds = {shown(text)}: give whole numbers and ranges of them, for instance 0-4 or 0,3,7.")
        span = range(int(first), int(last or first) + 1)
        if not span or len(span) + len(chosen) > MOST_SEEDS:
            raise Refusal(f"--seeds = {shown(text)}: a range must rise, and {MOST_SEEDS} seeds are the most.")
        chosen += span
    return list(dict.fromkeys(chosen))


def _check(out: Path, several: bool) -> None:
    """Refuse a place that nothing can be saved in before anything was trained for it."""
    if several:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refusal(f"--out = {out}: this folder for several runs cannot be made ({error.strerror}).") from error
    elif out.is_dir():
        raise Refusal(f"--out = {out}: this is a folder; name a file in it, for instance {out / 'run.nc'}.")
    elif not out.parent.is_dir():
        raise Refusal(f"--out = {out}: there is no folder {out.parent}; make it, or save elsewhere.")


def _save(record: Record, path: Path) -> str:
    try:
        record.save(path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror or error}") from error
    return f"{path} ({path.stat().st_size / 1000:.0f} kB)"
